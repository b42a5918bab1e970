//! The conversation that a session takes up, as its agent keeps it: looked for where the agent looks with the environment that it
//! is started with, without the index, which may not know it yet.
//!
//! The agent knows best whether it can go on in it. What cannot be read here is not shown, and refuses nothing.

use std::collections::VecDeque;
use std::path::PathBuf;

use tenure_event::MessageCompleted;
use tenure_history::{Found, ReadError, Reader, Sighting, Want};

use super::Node;
use super::agents::AgentDef;
use super::fork::past::{BYTES, MESSAGES, shared, size_of};
use super::records::roots_of;
use crate::owner::{Private, off_thread, resolve_environment};

/// Messages that are read at once, from the last backwards.
const PAGE: usize = 500;
/// Conversations that are looked into for the one that last worked in a directory, the newest.
const NEWEST: usize = 5_000;

impl Node {
    /// What was said in a conversation of an agent.
    pub(super) async fn past_of(
        &self,
        agent: &AgentDef,
        private: &Private,
        native: &str,
    ) -> Vec<MessageCompleted> {
        let native = native.to_owned();
        let past = self.in_records(agent, private, move |reader| {
            let found = all_of(reader).into_iter().find(|found| found.native_id == native);
            found.map(|found| past_of(reader, &found)).transpose()
        });
        past.await.unwrap_or_default()
    }

    /// The conversation of an agent that last worked in a directory, by the agent's id of it.
    pub(super) async fn latest_in(
        &self,
        agent: &AgentDef,
        private: &Private,
        canonical: &str,
    ) -> Option<String> {
        let here = PathBuf::from(canonical);
        let latest = self.in_records(agent, private, move |reader| {
            let mut all = all_of(reader);
            all.sort_by_key(|found| std::cmp::Reverse(found.modified));
            let worked_here = |found: &Found| {
                let entry = reader.describe(found).ok().flatten();
                let cwd = entry.and_then(|entry| entry.cwd).map(PathBuf::from);
                cwd.is_some_and(|cwd| cwd == here || cwd.canonicalize().is_ok_and(|cwd| cwd == here))
            };
            Ok(all.into_iter().take(NEWEST).find(worked_here).map(|found| found.native_id))
        });
        latest.await
    }

    /// Asks the reader of what an agent keeps. None if nobody reads that, or it cannot be read now.
    async fn in_records<T: Send + 'static>(
        &self,
        agent: &AgentDef,
        private: &Private,
        ask: impl FnOnce(&dyn Reader) -> Result<Option<T>, ReadError> + Send + 'static,
    ) -> Option<T> {
        let env = resolve_environment(agent, private, std::env::vars_os());
        let keeper = self.record_keeper(&agent.name);
        let asked = off_thread(move || {
            let mut readers = tenure_history::readers(&roots_of(&env)).into_iter();
            let reader = readers.find(|reader| reader.agent() == keeper);
            Ok(reader.map(|reader| ask(reader.as_ref())))
        });
        let why = match asked.await {
            Ok(None) => return None,
            Ok(Some(Ok(answer))) => return answer,
            Ok(Some(Err(error))) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(agent = agent.name, why, "what an agent keeps of a conversation cannot be read");
        None
    }
}

fn all_of(reader: &dyn Reader) -> Vec<Found> {
    let mut all = Vec::new();
    reader.scan(&mut |sighting| match sighting {
        Sighting::Found(found) => all.push(found),
        Sighting::Warning(_) => {}
    });
    all
}

/// The last messages of a conversation, oldest first: as many as a session takes along.
pub(super) fn past_of(reader: &dyn Reader, found: &Found) -> Result<Vec<MessageCompleted>, ReadError> {
    let mut end = reader.messages(found, &Want { limit: 0, ..Want::default() })?.total;
    let (mut past, mut bytes) = (VecDeque::new(), 0);
    while end > 0 {
        let limit = PAGE.min(end);
        let page = reader.messages(found, &Want { skip: end - limit, limit, ..Want::default() })?;
        for message in page.items.into_iter().rev() {
            bytes += size_of(&message);
            if past.len() == MESSAGES || bytes > BYTES {
                return Ok(past.into());
            }
            past.push_front(shared(message));
        }
        end -= limit;
    }
    Ok(past.into())
}
