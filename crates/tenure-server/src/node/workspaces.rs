//! Workspaces as clients see them, and what can be done with one that is a worktree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_api::{
    DiscardWorkspace, Discarded, ErrorCode, MergeWorkspace, Merged, Problem, Workspace, WorkspaceDiff,
};
use tenure_event::WorkspaceId;
use tenure_log::{EventLog, SessionFilter, WorkspaceRow};

use super::Node;
use crate::owner::off_thread;
use crate::{problem, worktree};

/// Sessions that are named.
const SESSIONS: usize = 1000;
/// Files and directories that are counted in a workspace that is asked for.
const COUNTED: usize = 200_000;
/// The same in a list.
const COUNTED_IN_LIST: usize = 20_000;

impl Node {
    /// One workspace; `whole` tells also what would be lost with a worktree.
    pub(crate) async fn workspace_view(&self, row: WorkspaceRow, whole: bool) -> Result<Workspace, Problem> {
        let filter =
            SessionFilter { workspace_id: Some(row.id.clone()), limit: SESSIONS, ..SessionFilter::default() };
        let sessions = self.shared.log.sessions(filter).await.map_err(|e| problem::from_log(&e))?;
        let most = if whole { COUNTED } else { COUNTED_IN_LIST };
        let (path, owned) = (PathBuf::from(&row.path), row.owned);
        let seen =
            off_thread(move || Ok((path.is_dir(), if owned { size(&path, most) } else { None }))).await;
        let (present, bytes) = seen.unwrap_or((false, None));
        let worktree = match row.kind.as_str() {
            "worktree" => worktree::shown(&self.shared, &row.id, whole).await,
            _ => None,
        };
        Ok(Workspace {
            id: row.id,
            kind: row.kind,
            path: row.path,
            owned: row.owned,
            present,
            sessions: sessions.rows.into_iter().map(|session| session.id).collect(),
            bytes: bytes.filter(|_| present),
            worktree,
            created_at: row.created_at,
        })
    }

    /// The row of a workspace that exists.
    pub(crate) async fn workspace_row(&self, segment: &str) -> Result<WorkspaceRow, Problem> {
        let unknown = || Problem::new(ErrorCode::NotFound, format!("there is no workspace `{segment}`"));
        let id = WorkspaceId::parse(segment).map_err(|_| unknown())?;
        let row = self.shared.log.workspace(&id).await.map_err(|e| problem::from_log(&e))?;
        row.ok_or_else(unknown)
    }

    /// What a worktree has that its base has not.
    pub(crate) async fn workspace_diff(&self, row: WorkspaceRow) -> Result<WorkspaceDiff, Problem> {
        let shared = Arc::clone(&self.shared);
        self.to_its_end(async move { worktree::diff(&shared, &row).await }).await
    }

    /// Merges a worktree's work into a branch.
    pub(crate) async fn merge_workspace(
        &self,
        row: WorkspaceRow,
        request: MergeWorkspace,
    ) -> Result<Merged, Problem> {
        let shared = Arc::clone(&self.shared);
        self.to_its_end(async move { worktree::merge(&shared, &row, request).await }).await
    }

    /// Removes a worktree.
    pub(crate) async fn discard_workspace(
        &self,
        row: WorkspaceRow,
        request: DiscardWorkspace,
    ) -> Result<Discarded, Problem> {
        let shared = Arc::clone(&self.shared);
        self.to_its_end(async move { worktree::discard(&shared, &row, request).await }).await
    }

    /// What Tenure made and kept though its last session is destroyed, because something in it would be lost.
    pub(crate) async fn kept_workspace(&self, id: &WorkspaceId) -> Option<String> {
        let row = self.shared.log.workspace(id).await.ok().flatten().filter(|row| row.owned)?;
        let seen = self.workspace_view(row, false).await.ok()?;
        (seen.present && seen.sessions.is_empty()).then(|| format!("workspace:{id}"))
    }

    /// Goes on when its caller goes away.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        self.shared.tasks.spawn(work).await.unwrap_or_else(|e| Err(problem::internal(&e.to_string())))
    }
}

/// Bytes of the files below a directory; none if there are too many. Links are not followed. Blocks.
fn size(dir: &Path, most: usize) -> Option<u64> {
    let (mut bytes, mut counted, mut dirs) = (0, 0, vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        for entry in entries.flatten() {
            counted += 1;
            if counted > most {
                return None;
            }
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                dirs.push(entry.path());
            } else {
                bytes += found.len();
            }
        }
    }
    Some(bytes)
}
