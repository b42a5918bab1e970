//! Agents that can run sessions.

use tenure_api::{AgentEntry, Page};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Every agent, installed or not.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn agents(&self) -> Result<Page<AgentEntry>, ClientError> {
        self.call(Call::get("/v1/agents")).await
    }
}
