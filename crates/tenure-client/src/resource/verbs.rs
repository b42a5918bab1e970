//! Verbs that end or bring back something. Each answers when it is done, with what it hit and what remains.

use serde::Serialize;
use tenure_api::{Interrupt, VerbReply, VerbRequest};
use tenure_event::SessionId;

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Ends the running turn; session, process and (by choice) queue stay.
    ///
    /// # Errors
    /// `not_found`, `timeout` when the agent does not listen, and those of any request.
    pub async fn interrupt(&self, session: &SessionId, how: Interrupt) -> Result<VerbReply, ClientError> {
        self.verb(session, "interrupt", &how).await
    }

    /// Ends the process and keeps everything; an input brings it back.
    ///
    /// # Errors
    /// `not_found`, `closed`, and those of any request.
    pub async fn suspend(&self, session: &SessionId, how: VerbRequest) -> Result<VerbReply, ClientError> {
        self.verb(session, "suspend", &how).await
    }

    /// Brings a process back.
    ///
    /// # Errors
    /// `not_found`, `agent_missing`, `agent_exited`, and those of any request.
    pub async fn resume(&self, session: &SessionId, how: VerbRequest) -> Result<VerbReply, ClientError> {
        self.verb(session, "resume", &how).await
    }

    /// Ends the process and everything it started; inputs are refused until `resume`.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn close(&self, session: &SessionId, how: VerbRequest) -> Result<VerbReply, ClientError> {
        self.verb(session, "close", &how).await
    }

    /// As [`Self::close`], without grace.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn kill(&self, session: &SessionId, how: VerbRequest) -> Result<VerbReply, ClientError> {
        self.verb(session, "kill", &how).await
    }

    async fn verb(
        &self,
        session: &SessionId,
        verb: &str,
        how: &impl Serialize,
    ) -> Result<VerbReply, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/{verb}")).json(how)?).await
    }
}
