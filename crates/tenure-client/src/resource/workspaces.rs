//! Workspaces, and the work of those that are git worktrees.

use std::time::Duration;

use tenure_api::{DiscardWorkspace, Discarded, MergeWorkspace, Merged, Page, Workspace, WorkspaceDiff};
use tenure_event::WorkspaceId;

use crate::ClientError;
use crate::client::{Call, Client};

/// Git may have much to read or to write.
const LIMIT: Duration = Duration::from_secs(900);

impl Client {
    /// A page of workspaces, oldest first, at most 1000 at once; `cursor` is the last page's `next`.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn workspaces(
        &self,
        kind: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Page<Workspace>, ClientError> {
        let call = Call::get("/v1/workspaces").query("limit", 1000);
        self.call(call.query_opt("kind", kind.as_ref()).query_opt("cursor", cursor.as_ref())).await
    }

    /// A workspace; of a worktree also what would be lost with it.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn workspace(&self, id: &WorkspaceId) -> Result<Workspace, ClientError> {
        self.call(Call::get(format!("/v1/workspaces/{id}")).limit(LIMIT)).await
    }

    /// What a worktree has that its base has not.
    ///
    /// # Errors
    /// `invalid` for another kind of workspace, `not_found` when it is gone, and those of any request.
    pub async fn workspace_diff(&self, id: &WorkspaceId) -> Result<WorkspaceDiff, ClientError> {
        self.call(Call::get(format!("/v1/workspaces/{id}/diff")).limit(LIMIT)).await
    }

    /// Merges the work of a worktree into a branch.
    ///
    /// # Errors
    /// `conflict` where nothing was changed: files are not committed, do not go together, or are changed where the
    /// branch is checked out; and those of [`Self::workspace_diff`].
    pub async fn merge_workspace(
        &self,
        id: &WorkspaceId,
        request: &MergeWorkspace,
    ) -> Result<Merged, ClientError> {
        self.call(Call::post(format!("/v1/workspaces/{id}/merge")).json(request)?.limit(LIMIT)).await
    }

    /// Removes a worktree and the branch that was made for it.
    ///
    /// # Errors
    /// `conflict` where something would be lost, `busy` while sessions work in it, and those of
    /// [`Self::workspace_diff`].
    pub async fn discard_workspace(
        &self,
        id: &WorkspaceId,
        how: DiscardWorkspace,
    ) -> Result<Discarded, ClientError> {
        self.call(Call::post(format!("/v1/workspaces/{id}/discard")).json(&how)?.limit(LIMIT)).await
    }
}
