//! Tool servers of a session.

use tenure_api::{McpServersSet, Page, SetMcpServers, VerbReply, VerbRequest};
use tenure_event::{McpServer, SessionId};

use super::control::url_segment;
use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// How they stand.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn mcp_servers(&self, session: &SessionId) -> Result<Vec<McpServer>, ClientError> {
        let page: Page<McpServer> = self.call(Call::get(format!("/v1/sessions/{session}/mcp"))).await?;
        Ok(page.items)
    }

    /// Replaces those that such requests have set.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `unsupported`, `busy`, and those of any request.
    pub async fn set_mcp_servers(
        &self,
        session: &SessionId,
        set: &SetMcpServers,
    ) -> Result<McpServersSet, ClientError> {
        self.call(Call::put(format!("/v1/sessions/{session}/mcp")).json(set)?).await
    }

    /// Connects to one again.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, `conflict` where it cannot be reached, and those of any request.
    pub async fn mcp_reconnect(&self, session: &SessionId, name: &str) -> Result<VerbReply, ClientError> {
        self.mcp_verb(session, name, "reconnect").await
    }

    /// Uses one again that was disabled.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, `busy`, and those of any request.
    pub async fn mcp_enable(&self, session: &SessionId, name: &str) -> Result<VerbReply, ClientError> {
        self.mcp_verb(session, name, "enable").await
    }

    /// Uses one no more.
    ///
    /// # Errors
    /// As [`Client::mcp_enable`].
    pub async fn mcp_disable(&self, session: &SessionId, name: &str) -> Result<VerbReply, ClientError> {
        self.mcp_verb(session, name, "disable").await
    }

    async fn mcp_verb(&self, session: &SessionId, name: &str, verb: &str) -> Result<VerbReply, ClientError> {
        let path = format!("/v1/sessions/{session}/mcp/{}/{verb}", url_segment(name));
        self.call(Call::post(path).json(&VerbRequest::default())?).await
    }
}
