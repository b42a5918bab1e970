//! Asks and their answers.

use tenure_api::{AnswerAsk, AskAnswered, Page};
use tenure_event::{Ask, AskId, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Open asks of all sessions.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn asks(&self, cursor: Option<&str>) -> Result<Page<Ask>, ClientError> {
        self.call(Call::get("/v1/asks").query_opt("cursor", cursor.as_ref())).await
    }

    /// Asks of one session.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn session_asks(&self, session: &SessionId) -> Result<Page<Ask>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/asks"))).await
    }

    /// Answers an ask. The first answer wins; a later one gets `conflict` with the first one's decision.
    ///
    /// # Errors
    /// `not_found`, `conflict`, `unsupported`, and those of any request.
    pub async fn answer(&self, ask: &AskId, answer: &AnswerAsk) -> Result<AskAnswered, ClientError> {
        self.call(Call::post(format!("/v1/asks/{ask}")).json(answer)?).await
    }
}
