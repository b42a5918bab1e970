//! What our own sessions say of conversations that their agents keep: the title that was given here, and that one was put away here. In
//! memory, as far as the log has told; the conversations themselves are read by their agents' readers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure_event::{SessionId, Timestamp};
use tenure_history::{Conversation, Stamp};
use tenure_log::{LogError, SessionRow};

use super::LAG_SECONDS;
use super::own::Rows;
use crate::clock;
use crate::node::Node;

/// The agent that keeps a conversation, and its id of it.
pub(super) type Named = (String, String);
/// What is said, by conversation.
pub(super) type Words = Arc<HashMap<Named, Word>>;

/// What one session says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    session: SessionId,
    title: Option<String>,
    archived: bool,
}

/// What all of them say.
#[derive(Debug, Default)]
pub(super) struct Held {
    words: Mutex<Words>,
    /// The log was looked through then; taken by who looks through it.
    seen: tokio::sync::Mutex<Option<Timestamp>>,
}

impl Held {
    /// What is known now.
    pub(super) fn words(&self) -> Words {
        Arc::clone(&self.lock())
    }

    /// Brings it up to date; the conversations of which something else is said now.
    pub(super) async fn look(&self, node: &Node) -> Result<Vec<Named>, LogError> {
        let mut seen = self.seen.lock().await;
        let began = clock::now();
        let (mut told, mut changed) = (HashSet::new(), Vec::new());
        let mut rows = Rows::since(*seen);
        while let Some(page) = rows.next(node).await? {
            let mut words = self.lock();
            for row in page {
                let Some(native_id) = row.native_id.clone() else { continue };
                let named = (node.record_keeper(&row.agent), native_id);
                // The newest first: it is the one that is told.
                if row.lifecycle != "destroyed" && !told.insert(named.clone()) {
                    continue;
                }
                if take(&mut words, &named, &row) {
                    changed.push(named);
                }
            }
        }
        *seen = Some(began.plus_millis(-LAG_SECONDS * 1000));
        Ok(changed)
    }

    fn lock(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes up what a session says; false if that is nothing new.
fn take(words: &mut Words, named: &Named, row: &SessionRow) -> bool {
    let says = Word { session: row.id.clone(), title: row.title.clone(), archived: row.archived };
    let known = words.get(named);
    if row.lifecycle == "destroyed" {
        return known.is_some_and(|known| known.session == row.id)
            && Arc::make_mut(words).remove(named).is_some();
    }
    if says.title.is_none() && !says.archived {
        return known.is_some() && Arc::make_mut(words).remove(named).is_some();
    }
    if known == Some(&says) {
        return false;
    }
    Arc::make_mut(words).insert(named.clone(), says);
    true
}

impl Word {
    /// Changes the stamp of a conversation with what is said of it, so that it is listed anew then.
    pub(super) fn mark(&self, stamp: Stamp) -> Stamp {
        let title = self.title.as_deref().unwrap_or_default();
        stamp.with(format!("{}{title}", u8::from(self.archived)).as_bytes())
    }

    /// What it is called here comes before what its agent calls it.
    pub(super) fn put_on(&self, entry: &mut Conversation) {
        if self.title.is_some() {
            entry.title.clone_from(&self.title);
            entry.custom_title.clone_from(&self.title);
        }
        if self.archived {
            entry.archived = Some(true);
        }
    }
}
