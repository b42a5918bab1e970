//! After a start: what was broken off is finished or taken back, and what no session has any more goes, if
//! nothing is lost by it.

use std::sync::Arc;

use tenure_api::Problem;
use tenure_event::WorkspaceId;
use tenure_log::{EventLog, SessionFilter};
use tokio::sync::OwnedMutexGuard;

use super::desk::{self, Open};
use super::discard;
use super::record::UnderWay;
use super::remove::remove;
use crate::node::Shared;
use crate::owner::off_thread;
use crate::problem;

/// Looks after every worktree that is written down. Once, in the background.
pub(crate) async fn recover(shared: &Arc<Shared>) {
    each(shared).await;
    // Also after an early end, which is the daemon's.
    shared.worktrees.is_recovered();
}

async fn each(shared: &Arc<Shared>) {
    let (dir, trash) = (shared.home.join("workspaces"), shared.home.join("trash"));
    let names = off_thread(move || {
        let _ = std::fs::remove_dir_all(trash);
        let entries = std::fs::read_dir(dir)?.flatten();
        Ok(entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>())
    });
    for name in names.await.unwrap_or_default() {
        if shared.stopping.is_cancelled() {
            return;
        }
        let Some(id) = name.strip_suffix(".json").and_then(|id| WorkspaceId::parse(id).ok()) else {
            continue;
        };
        if let Err(e) = one(shared, &id).await {
            tracing::warn!(workspace = %id, error = %e, "what was broken off in a worktree is left for the next start");
        }
    }
}

async fn one(shared: &Arc<Shared>, id: &WorkspaceId) -> Result<(), Problem> {
    let turn = shared.worktrees.of_workspace(id).await;
    unless_known(shared, id, turn).await?;
    let Some(row) = desk::row(shared, id).await? else { return Ok(()) };
    // Takes up what is under way.
    if Open::known(shared, id).await?.is_none() {
        return Ok(());
    }
    let users = SessionFilter { workspace_id: Some(id.clone()), limit: 1, ..SessionFilter::default() };
    let users = shared.log.sessions(users).await.map_err(|e| problem::from_log(&e))?;
    if users.rows.is_empty() {
        discard::release(shared, &row).await;
    }
    Ok(())
}

/// Takes a worktree back that no session came to have. Whoever makes one has the turn until the log knows it.
pub(super) async fn unless_known(
    shared: &Arc<Shared>,
    id: &WorkspaceId,
    turn: OwnedMutexGuard<()>,
) -> Result<(), Problem> {
    let _nobody_creates = shared.creating.lock().await;
    if desk::row(shared, id).await?.is_some() {
        return Ok(());
    }
    let Some(mut open) = Open::in_turn(shared, id, turn).await? else { return Ok(()) };
    // A branch that went on since has work of its setup, and stays.
    let branch_at = open.record.branch_made.then(|| open.record.base.clone());
    open.under_way(Some(UnderWay::Removal { branch_at: branch_at.clone() })).await?;
    remove(&open, branch_at).await.map(drop)
}
