//! Tenure's own log as one more history: what sessions here said, in the same pieces. The log itself is somebody else's,
//! who implements [`OwnLog`]; nothing here opens it.
//!
//! What an agent told of the time before a session held its conversation is left out: it stands in the agent's files.

use std::ops::ControlFlow;
use std::path::PathBuf;

use tenure_core::projection::text_of;
use tenure_event::{Event, Kind, Message, MessageCompleted, Seq, SessionId};

use crate::{
    Conversation, Counted, Each, FileMark, Fold, Found, Item, Mark, Messages, Place, ReadError, Reader, Said,
    Sighting, ToolOutcome, Want, Warning, WarningKind, follow,
};

/// What a node's log can tell. Calls may block.
pub trait OwnLog: Send + Sync {
    /// Where it lies, for warnings.
    fn path(&self) -> PathBuf;

    /// Every session: what a scan tells of it ([`Found::agent`] is `tenure`, `stamp.size` its last seq) and its entry.
    ///
    /// # Errors
    /// If the log cannot be read; the text is for people.
    fn sessions(&self, each: &mut dyn FnMut(Found, Conversation)) -> Result<(), String>;

    /// One of them, if it is there.
    ///
    /// # Errors
    /// If the log cannot be read; the text is for people.
    fn session(&self, id: &SessionId) -> Result<Option<Conversation>, String>;

    /// Its events after a seq, in order, whole, until `each` says no.
    ///
    /// # Errors
    /// If the log cannot be read; the text is for people.
    fn events(&self, id: &SessionId, after: Seq, each: &mut dyn FnMut(Event) -> bool) -> Result<(), String>;
}

/// Reads a node's own log.
#[derive(Debug)]
pub struct OwnReader<L>(L);

impl<L: OwnLog> OwnReader<L> {
    /// Reads this log.
    pub fn new(log: L) -> Self {
        Self(log)
    }

    fn session(found: &Found) -> Result<SessionId, ReadError> {
        SessionId::parse(&found.native_id).map_err(|_| gone(found, None))
    }

    /// Gives the pieces behind a seq; the last seq that was given whole.
    fn pieces(&self, found: &Found, after: u64, each: &mut Each<'_>) -> Result<u64, ReadError> {
        let id = Self::session(found)?;
        let mut last = after;
        let mut give = |event: Event| {
            let seq = event.seq.0;
            let flow = follow::give(items(found, &event), each);
            last = seq;
            flow.is_continue()
        };
        self.0.events(&id, Seq(after), &mut give).map_err(ReadError::Log)?;
        Ok(last)
    }
}

fn gone(found: &Found, subagent: Option<&str>) -> ReadError {
    let native_id = subagent.unwrap_or(&found.native_id).to_owned();
    ReadError::Gone { agent: found.agent.clone(), native_id }
}

impl<L: OwnLog> Reader for OwnReader<L> {
    fn agent(&self) -> &'static str {
        "tenure"
    }

    fn roots(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        if let Err(error) = self.0.sessions(&mut |found, _| each(Sighting::Found(found))) {
            each(Sighting::Warning(Warning::of(&self.0.path(), WarningKind::Unreadable, error)));
        }
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        self.0.session(&Self::session(found)?).map_err(ReadError::Log)
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        let after = mark.and_then(|mark| mark.file(&found.path)).map_or(0, |file| file.offset);
        let offset = self.pieces(found, after, each)?;
        Ok(Mark { files: vec![FileMark { path: found.path.clone(), offset, ..FileMark::default() }] })
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        if let Some(id) = &want.subagent {
            return Err(gone(found, Some(id)));
        }
        let mut fold = Fold::page(want.skip, want.limit, want.hidden);
        self.pieces(found, 0, &mut |item| {
            fold.item(item);
            ControlFlow::Continue(())
        })?;
        Ok(fold.into())
    }
}

/// What an event says.
fn items(found: &Found, event: &Event) -> Vec<Item> {
    let place = Place { path: found.path.clone(), offset: event.seq.0 };
    match &event.kind {
        Kind::MessageCompleted(data) if data.origin.is_none() => said(event, data, place),
        Kind::ToolCompleted(data) => vec![Item::ToolEnded(ToolOutcome {
            tool_id: data.tool_id.clone(),
            message_id: Some(data.message_id.clone()),
            state: data.state,
            output: data.output.clone(),
            error: data.error.clone(),
            ts: event.ts,
            native_id: None,
            subagent: None,
            place,
        })],
        Kind::TurnCompleted(data) => data
            .usage
            .into_iter()
            .map(|usage| {
                let (key, message_id) = (data.turn_id.to_string(), data.message_id.clone());
                Item::Used(Counted { key, ts: event.ts, model: None, usage, message_id, subagent: None })
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn said(event: &Event, data: &MessageCompleted, place: Place) -> Vec<Item> {
    let message = Message {
        id: data.message_id.clone(),
        native_ids: data.native_ids.clone(),
        role: data.role,
        text: text_of(&data.parts),
        parts: data.parts.clone(),
        turn_id: event.turn_id.clone(),
        seq: Some(event.seq),
        ts: event.ts,
        model: data.model.clone(),
        usage: data.usage,
        partial: data.partial,
        origin: None,
        parent_tool_id: data.parent_tool_id.clone(),
        epoch: data.epoch,
    };
    vec![Item::Message(Box::new(Said {
        message,
        hidden: false,
        subagent: data.parent_tool_id.clone(),
        place,
    }))]
}

#[cfg(test)]
mod tests;
