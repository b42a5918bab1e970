//! What goes with a session that is destroyed: its files, and the workspace that Tenure made for it. A directory that
//! Tenure did not make is never touched.

use std::path::Path;
use std::sync::Arc;

use tenure_event::{SessionId, WorkspaceId};
use tenure_log::{EventLog, SessionFilter, WorkspaceRow};

use super::Shared;
use crate::owner::off_thread;
use crate::worktree;

impl Shared {
    /// Removes the files of a destroyed session, and its workspace if Tenure made it and nobody else uses it.
    pub(crate) async fn erase_files(
        self: &Arc<Self>,
        id: &SessionId,
        keep_transcript: bool,
        workspace: &WorkspaceId,
    ) {
        let last = self.is_last(id, workspace).await;
        // First: what is left of a session's own directory after a kill is what brings the next daemon here.
        self.erase_checkpoints(workspace, last).await;
        let dir = crate::owner::session_dir(&self.home, id);
        if let Err(e) = off_thread(move || remove_files(&dir, keep_transcript)).await {
            tracing::warn!(session = %id, error = %e, "files of a destroyed session are left");
        }
        let Ok(Some(row)) = self.log.workspace(workspace).await else { return };
        match row.kind.as_str() {
            _ if !row.owned || !last => {}
            "worktree" => worktree::release(self, &row).await,
            _ => self.erase_scratch(id, &row).await,
        }
    }

    /// Removes a directory that Tenure made, unless a session has begun in it meanwhile.
    async fn erase_scratch(&self, id: &SessionId, row: &WorkspaceRow) {
        let home = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let path = home.join("workspaces").join(row.id.as_str());
        if Path::new(&row.path) != path {
            return;
        }
        let _nobody_creates = self.creating.lock().await;
        if !self.is_last(id, &row.id).await {
            return;
        }
        if let Err(e) = off_thread(move || worktree::take_away(&home, &path)).await {
            tracing::warn!(workspace = %row.id, error = %e, "a directory without a session is left");
        }
    }

    /// Whether no other session works there that is not destroyed.
    async fn is_last(&self, id: &SessionId, workspace: &WorkspaceId) -> bool {
        let filter =
            SessionFilter { workspace_id: Some(workspace.clone()), limit: 2, ..SessionFilter::default() };
        let others = self.log.sessions(filter).await.map(|page| page.rows.iter().any(|r| r.id != *id));
        matches!(others, Ok(false))
    }
}

fn remove_files(dir: &Path, keep_transcript: bool) -> std::io::Result<()> {
    if !keep_transcript {
        return std::fs::remove_dir_all(dir);
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == "blobs" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
