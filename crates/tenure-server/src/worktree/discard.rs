//! A worktree is given up: by name, or with the last session that worked in it.

use std::path::Path;
use std::sync::Arc;

use tenure_api::{DiscardWorkspace, Discarded, ErrorCode, Problem, Unsaved};
use tenure_log::{EventLog, SessionFilter, WorkspaceRow};

use super::desk::Open;
use super::git::Git;
use super::record::UnderWay;
use super::remove::remove;
use super::unsaved::{commits_of_branch, tree_is_saved, unsaved};
use crate::node::Shared;
use crate::problem;

/// Sessions that a refusal looks at.
const SESSIONS: usize = 1000;

/// Removes a worktree and the branch that was made for it. What would be lost is refused by name.
pub(crate) async fn discard(
    shared: &Arc<Shared>,
    row: &WorkspaceRow,
    request: DiscardWorkspace,
) -> Result<Discarded, Problem> {
    let mut open = Open::worktree(shared, row).await?;
    let lost = lost(&open, request.force).await?;
    let nothing = tree_is_saved(&lost) && (lost.commits.is_empty() || !open.record.branch_made);
    if !nothing && !request.force {
        let what = format!("{} would be lost; merge or commit it, or discard it with `force`", words(&lost));
        let data = serde_json::json!({"unsaved": lost});
        return Err(Problem::new(ErrorCode::Conflict, what).with_data(data));
    }
    let branch_at = branch_at(&open, request.force).await?;
    {
        // From here on no session can begin in it.
        let _nobody_creates = shared.creating.lock().await;
        nobody_works(shared, row).await?;
        open.under_way(Some(UnderWay::Removal { branch_at: branch_at.clone() })).await?;
    }
    let branch = remove(&open, branch_at).await?;
    Ok(Discarded { path: row.path.clone(), branch, lost })
}

/// With `force` a repository that is gone, or broken, holds nobody up.
async fn lost(open: &Open, force: bool) -> Result<Unsaved, Problem> {
    let looked = async {
        if open.paths.tree.is_dir() {
            return unsaved(&open.git().await?, &open.record).await;
        }
        // Somebody took the directory away; its branch is still there.
        let git = Git::at(&open.shared, Path::new(&open.record.common)).await?;
        let commits = commits_of_branch(&git, &open.record).await?;
        Ok(Unsaved { commits, ..Unsaved::default() })
    };
    match looked.await {
        Err(_) if force => Ok(Unsaved::default()),
        looked => looked,
    }
}

/// Where the branch is that was made with the worktree.
async fn branch_at(open: &Open, force: bool) -> Result<Option<String>, Problem> {
    if !open.record.branch_made {
        return Ok(None);
    }
    let looked = async {
        // Also if the worktree's own directory is gone.
        let git = Git::at(&open.shared, Path::new(&open.record.common)).await?;
        let name = format!("refs/heads/{}^{{commit}}", open.record.branch);
        let said = git.run(&["rev-parse", "--verify", "--quiet", &name]).await?;
        Ok(said.went_well().then(|| said.text()))
    };
    match looked.await {
        Err(_) if force => Ok(None),
        looked => looked,
    }
}

async fn nobody_works(shared: &Shared, row: &WorkspaceRow) -> Result<(), Problem> {
    let filter =
        SessionFilter { workspace_id: Some(row.id.clone()), limit: SESSIONS, ..SessionFilter::default() };
    let page = shared.log.sessions(filter).await.map_err(|e| problem::from_log(&e))?;
    let at_work =
        page.rows.iter().filter(|session| !matches!(session.lifecycle.as_str(), "closed" | "failed"));
    let at_work: Vec<&str> = at_work.map(|session| session.id.as_str()).collect();
    if at_work.is_empty() && !page.more {
        return Ok(());
    }
    let what =
        format!("sessions work in it: {}; close them first", at_work[..at_work.len().min(5)].join(", "));
    Err(Problem::new(ErrorCode::Busy, what).with_data(serde_json::json!({"sessions": at_work})))
}

/// Its last session was destroyed: it goes if nothing is lost by it. A branch with work of its own stays either way.
pub(crate) async fn release(shared: &Arc<Shared>, row: &WorkspaceRow) {
    if let Err(e) = try_release(shared, row).await {
        tracing::warn!(workspace = %row.id, path = row.path, error = %e, "a worktree without a session stays");
    }
}

async fn try_release(shared: &Arc<Shared>, row: &WorkspaceRow) -> Result<(), Problem> {
    let Some(mut open) = Open::known(shared, &row.id).await? else { return Ok(()) };
    let lost = lost(&open, false).await?;
    if !tree_is_saved(&lost) {
        let what =
            format!("{} would be lost with it; `tenure worktree discard {} --force`", words(&lost), row.id);
        return Err(Problem::new(ErrorCode::Conflict, what));
    }
    let branch_at = if lost.commits.is_empty() { branch_at(&open, false).await? } else { None };
    {
        let _nobody_creates = shared.creating.lock().await;
        let users =
            SessionFilter { workspace_id: Some(row.id.clone()), limit: 1, ..SessionFilter::default() };
        let users = shared.log.sessions(users).await.map_err(|e| problem::from_log(&e))?;
        if !users.rows.is_empty() {
            return Ok(());
        }
        open.under_way(Some(UnderWay::Removal { branch_at: branch_at.clone() })).await?;
    }
    remove(&open, branch_at).await.map(drop)
}

/// What would be lost, for people.
fn words(lost: &Unsaved) -> String {
    let some = |n: u64, what: &str, names: &[String]| {
        let named = names.iter().take(3).map(|name| name.trim()).collect::<Vec<_>>().join(", ");
        let more = if n > 3 { ", …" } else { "" };
        (n > 0).then(|| format!("{n} {what}{} ({named}{more})", if n == 1 { "" } else { "s" }))
    };
    let parts = [
        some(lost.files_total, "uncommitted file", &lost.files),
        some(lost.commits.len() as u64, "commit", &lost.commits),
        some(lost.loose_commits.len() as u64, "commit without a branch", &lost.loose_commits),
        lost.in_progress.as_ref().map(|what| format!("a {what} in the middle")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
