//! Appends as they wait for the writer: events already written as JSON, but for the one number
//! that only the writer knows. So the expensive part runs on the caller's thread.

use std::sync::Arc;

use bytes::Bytes;
use tenure_event::{Gseq, NewEvent, Seq, SessionId};

use crate::{Append, Class, LogError, Rendered, Write};

/// An append whose events are rendered.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) session: SessionId,
    pub(crate) expected: Seq,
    pub(crate) class: Class,
    pub(crate) events: Vec<Unplaced>,
    pub(crate) writes: Vec<Write>,
}

/// A rendered event without its place in the node.
#[derive(Debug)]
pub(crate) struct Unplaced {
    pub(crate) seq: Seq,
    pub(crate) name: String,
    /// The envelope with `gseq` 0.
    text: String,
    /// Where that 0 is.
    hole: usize,
}

impl Prepared {
    /// Renders the events of an append and checks what can be checked without the store.
    pub(crate) fn new(append: Append) -> Result<Self, LogError> {
        let Append { session_id: session, expected, events, class, writes } = append;
        if matches!(session.as_str(), "." | "..") {
            return Err(LogError::Invalid(format!("`{session}` cannot name a session")));
        }
        for write in &writes {
            check_owner(write, &session)?;
        }
        let events = events
            .iter()
            .zip(1u64..)
            .map(|(event, n)| Unplaced::new(event, &session, Seq(expected.0.saturating_add(n))))
            .collect::<Result<_, _>>()?;
        Ok(Self { session, expected, class, events, writes })
    }

    /// About how many bytes it holds while it waits.
    pub(crate) fn weight(&self) -> usize {
        let events: usize = self.events.iter().map(|e| e.text.len() + e.name.len()).sum();
        events + self.writes.iter().map(weight).sum::<usize>()
    }

    /// Whether the session's history is removed with it.
    pub(crate) fn erases(&self) -> bool {
        self.writes.iter().any(|w| matches!(w, Write::Erase))
    }

    /// The last position once it is stored.
    pub(crate) fn last(&self) -> Seq {
        self.events.last().map_or(self.expected, |e| e.seq)
    }
}

impl Unplaced {
    fn new(event: &NewEvent, session: &SessionId, seq: Seq) -> Result<Self, LogError> {
        let text = event
            .render(session, seq, Gseq(0))
            .map_err(|e| LogError::Invalid(format!("an event cannot be written as JSON: {e}")))?;
        let head = format!(r#"{{"session_id":"{session}","seq":{seq},"gseq":"#);
        if !text.starts_with(&head) || text.as_bytes().get(head.len()) != Some(&b'0') {
            return Err(LogError::Invalid("the envelope no longer begins with its numbers".to_owned()));
        }
        Ok(Self { seq, name: event.kind.name().to_owned(), text, hole: head.len() })
    }

    /// The event as it is stored and sent.
    pub(crate) fn place(&self, gseq: Gseq, name: Arc<str>) -> Rendered {
        let number = gseq.0.to_string();
        let mut bytes = Vec::with_capacity(self.text.len() + number.len());
        bytes.extend_from_slice(&self.text.as_bytes()[..self.hole]);
        bytes.extend_from_slice(number.as_bytes());
        bytes.extend_from_slice(&self.text.as_bytes()[self.hole + 1..]);
        Rendered { seq: self.seq, gseq, name, bytes: Bytes::from(bytes) }
    }
}

/// About how many bytes a row holds while it waits.
pub(crate) fn weight(write: &Write) -> usize {
    match write {
        Write::Session(row) => row.view.len() + row.state.len(),
        Write::State(state) => state.len(),
        Write::Outbox(row) => row.bytes.len(),
        Write::Ask(row) => row.view.len(),
        Write::Input(row) => row.view.len(),
        Write::Idempotency(row) => row.body.len(),
        Write::OutboxDone { .. } | Write::Workspace(_) | Write::Project(_) | Write::Erase => 64,
    }
}

/// Whether rows may be put outside an append.
pub(crate) fn check_ownerless(writes: &[Write]) -> Result<(), LogError> {
    let ownerless = |w: &Write| matches!(w, Write::Workspace(_) | Write::Project(_) | Write::Idempotency(_));
    if writes.iter().all(ownerless) {
        Ok(())
    } else {
        Err(LogError::Invalid("rows of a session change with an append to it".to_owned()))
    }
}

fn check_owner(write: &Write, session: &SessionId) -> Result<(), LogError> {
    let owner = match write {
        Write::Session(row) => &row.id,
        Write::Ask(row) => &row.session_id,
        Write::Input(row) => &row.session_id,
        _ => session,
    };
    if owner == session {
        Ok(())
    } else {
        Err(LogError::Invalid(format!("a row of {owner} cannot change with an append to {session}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_event::{Kind, Timestamp, TurnId};

    #[test]
    fn a_placed_event_is_what_rendering_would_give() {
        let session = SessionId::parse("a.b-c_d").expect("valid");
        for turn_id in [None, Some(TurnId::parse("t1").expect("valid"))] {
            let data = serde_json::json!({"text": "\"gseq\":0,\"ts\":0", "n": [1, 2]});
            let kind = Kind::Unknown { name: "moon.rose".to_owned(), data };
            let event = NewEvent { ts: Timestamp::from_millis(7), turn_id, kind };
            for gseq in [1, 10, u64::from(u32::MAX)] {
                let placed = Unplaced::new(&event, &session, Seq(12)).expect("renders");
                let rendered = placed.place(Gseq(gseq), "moon.rose".into());
                let direct = event.render(&session, Seq(12), Gseq(gseq)).expect("renders");
                assert_eq!(rendered.bytes, direct.as_bytes());
            }
        }
    }
}
