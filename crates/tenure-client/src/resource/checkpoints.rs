//! Checkpoints of a session's files, and the ways back to them.

use tenure_api::{Checkpoint, CheckpointDiff, CreateCheckpoint, Page, RewindHow, RewindPlan, RewindRequest};
use tenure_event::{CheckpointId, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// A session's checkpoints, newest first, at most 1000 at once; `cursor` is the last page's `next`.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn checkpoints(
        &self,
        session: &SessionId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Checkpoint>, ClientError> {
        let call = Call::get(format!("/v1/sessions/{session}/checkpoints")).query("limit", limit);
        self.call(call.query_opt("cursor", cursor.as_ref())).await
    }

    /// Records the files as they are now.
    ///
    /// # Errors
    /// `not_found`, `conflict` where checkpoints are off, `storage`, and those of any request.
    pub async fn create_checkpoint(
        &self,
        session: &SessionId,
        request: &CreateCheckpoint,
    ) -> Result<Checkpoint, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/checkpoints")).json(request)?).await
    }

    /// What differs: `against` is `previous` (if none), `workspace` or another checkpoint's id.
    ///
    /// # Errors
    /// `not_found`, `storage` for a checkpoint that retention removed, and those of any request.
    pub async fn checkpoint_diff(
        &self,
        session: &SessionId,
        checkpoint: &CheckpointId,
        against: Option<&str>,
    ) -> Result<CheckpointDiff, ClientError> {
        let call = Call::get(format!("/v1/sessions/{session}/checkpoints/{checkpoint}/diff"));
        self.call(call.query_opt("against", against.as_ref())).await
    }

    /// Takes files back to what a checkpoint holds.
    ///
    /// # Errors
    /// As [`Self::rewind`].
    pub async fn restore_checkpoint(
        &self,
        session: &SessionId,
        checkpoint: &CheckpointId,
        how: RewindHow,
    ) -> Result<RewindPlan, ClientError> {
        let path = format!("/v1/sessions/{session}/checkpoints/{checkpoint}/restore");
        self.call(Call::post(path).json(&how)?).await
    }

    /// Takes files back, or plans to.
    ///
    /// # Errors
    /// `not_found` for what is no id of this session, `busy` while a turn runs, `unsupported` for a scope that the
    /// agent lacks, and those of any request.
    pub async fn rewind(
        &self,
        session: &SessionId,
        request: &RewindRequest,
    ) -> Result<RewindPlan, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/rewind")).json(request)?).await
    }

    /// Undoes the last way back, or plans to.
    ///
    /// # Errors
    /// `conflict` when there is nothing to undo, `busy` while a turn runs, and those of any request.
    pub async fn undo_rewind(&self, session: &SessionId, how: RewindHow) -> Result<RewindPlan, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/rewind/undo")).json(&how)?).await
    }
}
