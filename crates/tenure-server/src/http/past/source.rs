//! A conversation and what reads it.

use tenure_api::ErrorCode;
use tenure_history::{Conversation, Found, Messages, Reader, Want};

use super::listed;
use crate::history::of_reading;
use crate::http::app::App;
use crate::http::problem::{Answer, Failure};
use crate::node::Adoptee;

/// Where a conversation is read from.
#[derive(Clone)]
pub(in crate::http) struct Source {
    entry: Conversation,
    found: Found,
}

impl Source {
    pub(in crate::http) async fn find(app: &App, agent: &str, native_id: &str) -> Answer<Self> {
        let entry = listed(app, agent, native_id).await?.conversation;
        let found = Found {
            agent: entry.agent.clone(),
            native_id: entry.native_id.clone(),
            path: entry.path.clone(),
            parts: entry.parts.clone(),
            size_bytes: entry.size_bytes,
            modified: entry.updated_at,
            name: entry.custom_title.clone(),
            stamp: tenure_history::Stamp::default(),
        };
        Ok(Self { entry, found })
    }

    pub(super) fn native_id(&self) -> &str {
        &self.found.native_id
    }

    pub(super) fn title(&self) -> String {
        let named = || format!("{} {}", self.entry.agent, self.entry.native_id);
        self.entry.title.clone().unwrap_or_else(named)
    }

    fn reader(&self, app: &App) -> Answer<Box<dyn Reader>> {
        let agent = &self.found.agent;
        let unread =
            || Failure::new(ErrorCode::Unsupported, format!("conversations of {agent} are not read here"));
        app.history.reader_of(&self.found).ok_or_else(unread)
    }

    /// It, to be gone on in.
    pub(in crate::http) fn adoptee(self, app: &App) -> Answer<Adoptee> {
        let reader = self.reader(app)?;
        let is_ours = app.history.is_own(&self.found.path);
        Ok(Adoptee { entry: self.entry, found: self.found, reader, is_ours })
    }

    pub(super) async fn read(&self, app: &App, want: Want) -> Answer<Messages> {
        let (reader, found) = (self.reader(app)?, self.found.clone());
        let read = tokio::task::spawn_blocking(move || reader.messages(&found, &want)).await;
        let read = read.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        read.map_err(|error| of_reading(&error).into())
    }
}
