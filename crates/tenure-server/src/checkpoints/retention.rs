//! Letting go of old checkpoints: by number per session, and by bytes per workspace.
//!
//! Events stay; what they name is not restorable any more. Checkpoints that somebody asked for are kept as long
//! as the number of those allows, whatever is taken by itself.

use std::collections::HashSet;

use tenure_event::{CheckpointCause, Kind, WorkspaceId};
use tenure_workspace::checkpoint::TreeId;

use super::marks::{self, Mark};
use crate::node::Shared;
use crate::past;

/// Sweeps a workspace's store.
pub(crate) async fn sweep(shared: &Shared, workspace: &WorkspaceId) {
    if !shared.stores.has(workspace) {
        return;
    }
    let config = shared.config().checkpoints.clone();
    let read = async {
        let mut of_sessions = Vec::new();
        let mut journals = HashSet::new();
        for row in marks::sessions(&shared.log, workspace).await? {
            let mut own = Vec::new();
            let kinds = ["checkpoint.created", "rewind.completed", "rewind.undone"];
            let mut last = None;
            past::events(&shared.log, &row.id, &kinds, |event| match &event.kind {
                Kind::RewindCompleted(data) => last = Some(data.rewind_id.to_string()),
                Kind::RewindUndone(_) => last = None,
                _ => own.extend(marks::mark(event)),
            })
            .await?;
            journals.extend(last);
            of_sessions.push(own);
        }
        Ok::<_, tenure_log::LogError>((of_sessions, journals))
    };
    let (of_sessions, journals) = match read.await {
        Ok(read) => read,
        Err(e) => return tracing::warn!(error = %e, "old checkpoints could not be looked for"),
    };
    let most = config.keep_mb.saturating_mul(1 << 20);
    let swept = shared.stores.with(workspace, move |used| {
        let mut keep = config.keep.max(1);
        loop {
            let mut trees: HashSet<TreeId> = used.fresh().into_iter().collect();
            of_sessions.iter().for_each(|marks| trees.extend(wanted(marks, keep)));
            let swept = used.store.sweep(&trees, &journals).map_err(|e| e.to_string())?;
            if keep == 1 || swept.bytes_after <= most {
                return Ok::<_, String>(swept);
            }
            keep = (keep / 2).max(1);
        }
    });
    match swept.await.unwrap_or_else(Err) {
        Ok(swept) => tracing::debug!(?swept, %workspace, "old checkpoints were removed"),
        Err(e) => tracing::warn!(error = %e, %workspace, "old checkpoints could not be removed"),
    }
}

/// Trees that a session keeps: those of its last checkpoints, of both sorts.
fn wanted(marks: &[Mark], keep: usize) -> HashSet<TreeId> {
    let manual = |m: &&Mark| m.data.cause == CheckpointCause::Manual;
    let by_hand = marks.iter().rev().filter(manual).take(keep);
    let by_itself = marks.iter().rev().filter(|m| !manual(m)).take(keep);
    let trees = |m: &Mark| {
        let base = m.data.base.as_ref().and_then(|base| base.parse().ok());
        m.tree().into_iter().chain(base)
    };
    by_hand.chain(by_itself).flat_map(trees).collect()
}
