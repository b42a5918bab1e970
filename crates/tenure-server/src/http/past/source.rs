//! A conversation and what reads it.

use tenure_api::{ErrorCode, Problem};
use tenure_event::Message;
use tenure_history::{Branch, Conversation, Found, Messages, ReadError, Reader, Want};

use super::listed;
use crate::history::of_reading;
use crate::http::app::App;
use crate::http::problem::{Answer, Failure};
use crate::node::Adoptee;

/// Messages that are looked through at once.
const PAGE: usize = 1_000;

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

    /// How many messages come before one, which is named by its id or the agent's own.
    pub(super) async fn place_of(&self, app: &App, want: Want, message: String) -> Answer<usize> {
        let (reader, found) = (self.reader(app)?, self.found.clone());
        let (branch, named) = (want.branch, message.clone());
        let looked =
            tokio::task::spawn_blocking(move || place_of(reader.as_ref(), &found, want, &named)).await;
        let place = looked.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        place.map_err(|error| of_reading(&error))?.ok_or_else(|| {
            let where_else =
                if branch == Branch::Current { " on its current branch; try `branch=all`" } else { "" };
            let what = format!("the conversation has no message `{message}`{where_else}");
            let problem = Problem::new(ErrorCode::NotFound, what);
            Problem { field: Some("around".into()), ..problem }.into()
        })
    }

    pub(super) async fn read(&self, app: &App, want: Want) -> Answer<Messages> {
        let (reader, found) = (self.reader(app)?, self.found.clone());
        let read = tokio::task::spawn_blocking(move || reader.messages(&found, &want)).await;
        let read = read.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        read.map_err(|error| of_reading(&error).into())
    }
}

fn place_of(
    reader: &dyn Reader,
    found: &Found,
    mut want: Want,
    named: &str,
) -> Result<Option<usize>, ReadError> {
    (want.skip, want.limit) = (0, PAGE);
    let is_it = |one: &Message| one.id.as_str() == named || one.native_ids.iter().any(|id| id == named);
    loop {
        let page = reader.messages(found, &want)?;
        if let Some(at) = page.items.iter().position(is_it) {
            return Ok(Some(want.skip + at));
        }
        want.skip += page.items.len();
        if page.items.is_empty() || page.total <= want.skip {
            return Ok(None);
        }
    }
}
