//! Events by the page, and the agent's own lines. Streams are in `follow`.

use serde_json::value::RawValue;
use tenure_api::{AcpRow, Page, RawPage};
use tenure_event::{Event, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};
use crate::follow::FollowedEvent;

/// Which sessions' events a follower of all of them wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this session.
    pub session: Option<String>,
    /// Of sessions with this tag.
    pub tag: Option<String>,
}

impl EventFilter {
    pub(crate) fn apply(&self, call: Call) -> Call {
        call.query_opt("session", self.session.as_ref()).query_opt("tag", self.tag.as_ref())
    }
}

impl Client {
    /// A page of a session's events after a number, and where the next one begins.
    ///
    /// # Errors
    /// `not_found`, `cursor_expired`, and those of any request.
    pub async fn events(
        &self,
        session: &SessionId,
        after: u64,
        limit: u32,
        types: &[String],
    ) -> Result<(Vec<FollowedEvent>, Option<u64>), ClientError> {
        let mut call =
            Call::get(format!("/v1/sessions/{session}/events")).query("after", after).query("limit", limit);
        if !types.is_empty() {
            call = call.query("types", types.join(","));
        }
        let page: Page<Box<RawValue>> = self.call(call).await?;
        let read = |item: Box<RawValue>| {
            let json = item.get().to_owned();
            Event::parse(&json)
                .map(|event| FollowedEvent { event, json })
                .map_err(ClientError::unintelligible)
        };
        let items = page.items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok((items, page.next.and_then(|next| next.parse().ok())))
    }

    /// The same page in the words of the Agent Client Protocol: `session/update` notifications. What that has no words for
    /// is left out, so a page may be empty and not the last.
    ///
    /// # Errors
    /// `not_found`, `cursor_expired`, and those of any request.
    pub async fn rows(
        &self,
        session: &SessionId,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<AcpRow>, Option<u64>), ClientError> {
        let call = Call::get(format!("/v1/sessions/{session}/events")).query("after", after);
        let page: Page<AcpRow> = self.call(call.query("limit", limit).query("format", "acp")).await?;
        Ok((page.items, page.next.and_then(|next| next.parse().ok())))
    }

    /// The agent's own lines after an offset; with the `generation` of the page that told it, in that process's
    /// output alone.
    ///
    /// # Errors
    /// `not_found`, `cursor_expired` if another process has taken its place since, and those of any request.
    pub async fn raw(
        &self,
        session: &SessionId,
        after: Option<u64>,
        generation: Option<u32>,
    ) -> Result<RawPage, ClientError> {
        let call = Call::get(format!("/v1/sessions/{session}/raw")).query_opt("after", after.as_ref());
        self.call(call.query_opt("generation", generation.as_ref())).await
    }

    /// A part that was too large for its event.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn blob(&self, session: &SessionId, hash: &str) -> Result<Vec<u8>, ClientError> {
        if !hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(ClientError::unintelligible("a hash with other characters than letters and digits"));
        }
        self.bytes(Call::get(format!("/v1/sessions/{session}/blobs/{hash}"))).await
    }
}
