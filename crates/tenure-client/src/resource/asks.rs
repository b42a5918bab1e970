//! Asks and their answers.

use tenure_api::{AnswerAsk, AskAnswered, Page};
use tenure_event::{Ask, AskId, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Asks of all sessions, newest first: open ones, or all (at most 1000).
    ///
    /// # Errors
    /// Those of any request.
    pub async fn asks(&self, all: bool) -> Result<Page<Ask>, ClientError> {
        self.call(filter(Call::get("/v1/asks"), all)).await
    }

    /// Asks of one session, likewise.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn session_asks(&self, session: &SessionId, all: bool) -> Result<Page<Ask>, ClientError> {
        self.call(filter(Call::get(format!("/v1/sessions/{session}/asks")), all)).await
    }

    /// Answers an ask. The first answer wins; a later one gets `conflict` with the first one's decision.
    ///
    /// # Errors
    /// `not_found`, `conflict`, `unsupported`, and those of any request.
    pub async fn answer(&self, ask: &AskId, answer: &AnswerAsk) -> Result<AskAnswered, ClientError> {
        self.call(Call::post(format!("/v1/asks/{ask}")).json(answer)?).await
    }
}

fn filter(call: Call, all: bool) -> Call {
    let call = call.query("limit", 1000);
    if all { call } else { call.query("state", "open") }
}
