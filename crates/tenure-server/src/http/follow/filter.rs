//! Which events a follower wants.

use std::collections::HashMap;
use std::sync::Arc;

use tenure_event::{Ephemeral, SessionId};
use tenure_log::{EventLog, LogError, Rendered};

/// Sessions whose tags are remembered.
const REMEMBERED: usize = 64;

/// Which events a follower wants. The default is all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    types: Vec<String>,
    sessions: Vec<SessionId>,
    tag: Option<String>,
    tagged: HashMap<SessionId, bool>,
}

impl Filter {
    /// Events with these names (`turn.*` stands for all that begin so; none for all), of these sessions
    /// (none for all), that carry this tag.
    #[must_use]
    pub fn new(types: Vec<String>, sessions: Vec<SessionId>, tag: Option<String>) -> Self {
        Self { types, sessions, tag, tagged: HashMap::new() }
    }

    /// The types to ask the log for. The end of a session is always among them: it ends the stream. So are
    /// changes of a session while its tags matter.
    pub(super) fn read_types(&self) -> Vec<String> {
        let mut types = self.types.clone();
        if !types.is_empty() {
            types.push("session.destroyed".to_owned());
            if self.tag.is_some() {
                types.push("session.updated".to_owned());
            }
        }
        types
    }

    /// Whether a stored event is wanted.
    pub(super) async fn lets_through(
        &mut self,
        log: &impl EventLog,
        event: &Rendered,
    ) -> Result<bool, LogError> {
        let named = self.types.is_empty() || self.names(&event.name);
        if self.sessions.is_empty() && self.tag.is_none() {
            return Ok(named);
        }
        let Some(id) = session_of(&event.bytes).and_then(|id| SessionId::parse(id).ok()) else {
            return Ok(false);
        };
        if !self.sessions.is_empty() && !self.sessions.contains(&id) {
            return Ok(false);
        }
        if matches!(&*event.name, "session.updated" | "session.created") {
            self.tagged.remove(&id);
        }
        Ok(self.carries_tag(log, &id).await? && named)
    }

    /// Finds out which of the sessions that write at this moment carry the tag, for [`Self::lets_delta_through`].
    pub(super) async fn learn_tags(
        &mut self,
        log: &impl EventLog,
        open: &[Arc<Ephemeral>],
    ) -> Result<(), LogError> {
        for event in open.iter().take(REMEMBERED) {
            self.carries_tag(log, &event.session_id).await?;
        }
        Ok(())
    }

    async fn carries_tag(&mut self, log: &impl EventLog, id: &SessionId) -> Result<bool, LogError> {
        let Some(tag) = &self.tag else { return Ok(true) };
        if let Some(&known) = self.tagged.get(id) {
            return Ok(known);
        }
        let carries = log.session(id).await?.is_some_and(|row| row.tags.contains(tag));
        if self.tagged.len() >= REMEMBERED {
            self.tagged.clear();
        }
        self.tagged.insert(id.clone(), carries);
        Ok(carries)
    }

    /// Whether a delta is wanted. Types that name no ephemeral event do not shut them out: they were asked
    /// for by `deltas`.
    pub(super) fn lets_delta_through(&self, event: &Ephemeral) -> bool {
        const NAMES: [&str; 3] = ["message.delta", "tool.progressed", "task.progressed"];
        let by_session = self.sessions.is_empty() || self.sessions.contains(&event.session_id);
        let by_tag = self.tag.is_none() || self.tagged.get(&event.session_id) == Some(&true);
        let named = self.types.iter().any(|name| NAMES.contains(&name.as_str()));
        by_session && by_tag && (!named || self.names(event.kind.name()))
    }

    fn names(&self, name: &str) -> bool {
        self.types.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(group) => name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')),
            None => wanted == name,
        })
    }
}

/// The session of a stored envelope, which begins with it. Ids have no character that JSON escapes.
pub(super) fn session_of(envelope: &[u8]) -> Option<&str> {
    let rest = envelope.strip_prefix(b"{\"session_id\":\"")?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(&rest[..end]).ok()
}
