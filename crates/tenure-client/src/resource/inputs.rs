//! Inputs of a session.

use tenure_api::{
    EditInput, InputContent, InputView, Page, Receipt, SendInput, SendWait, TurnResult, VerbReply,
};
use tenure_event::{InputId, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Sends an input and waits until it is stored. Without an id it gets one, so that a lost answer never makes
    /// two inputs of it.
    ///
    /// # Errors
    /// `not_found`, `closed`, `unsupported`, `conflict`, and those of any request.
    pub async fn send(&self, session: &SessionId, input: SendInput) -> Result<Receipt, ClientError> {
        self.post_input(session, SendInput { wait: SendWait::Accepted, ..input }).await
    }

    /// Sends an input and waits until its turn has ended. A turn may take longer than a request: following the
    /// session after [`Self::send`] has no such bound.
    ///
    /// # Errors
    /// As [`Self::send`], and [`ClientError::Timeout`].
    pub async fn send_and_wait(
        &self,
        session: &SessionId,
        input: SendInput,
    ) -> Result<TurnResult, ClientError> {
        self.post_input(session, SendInput { wait: SendWait::Finished, ..input }).await
    }

    async fn post_input<T: serde::de::DeserializeOwned>(
        &self,
        session: &SessionId,
        mut input: SendInput,
    ) -> Result<T, ClientError> {
        input.id.get_or_insert_with(|| InputId::from_uuid(uuid::Uuid::now_v7()).to_string());
        self.call(Call::post(format!("/v1/sessions/{session}/inputs")).without_key().json(&input)?).await
    }

    /// Queued and recent inputs.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn inputs(&self, session: &SessionId) -> Result<Page<InputView>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/inputs"))).await
    }

    /// Changes what a queued input says.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it has started, and those of any request.
    pub async fn edit_input(
        &self,
        session: &SessionId,
        input: &InputId,
        says: InputContent,
    ) -> Result<InputView, ClientError> {
        let path = format!("/v1/sessions/{session}/inputs/{input}");
        self.call(Call::patch(path).json(&EditInput { input: says })?).await
    }

    /// Takes a queued input out of the queue.
    ///
    /// # Errors
    /// `not_found`, `conflict` when it has started, and those of any request.
    pub async fn cancel_input(&self, session: &SessionId, input: &InputId) -> Result<VerbReply, ClientError> {
        self.call(Call::delete(format!("/v1/sessions/{session}/inputs/{input}"))).await
    }
}
