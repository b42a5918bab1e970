//! Messages whose text is still being gathered.
//!
//! What is remembered of an open message across a restart is only its beginning
//! ([`OpenMeta`]); its text is gathered again from the lines since. When a message opens
//! and closes is the codec's to know, not this module's.

use serde::{Deserialize, Serialize};
use tenure_core::agent::{MessageDone, StartRecord, message_uuid};
use tenure_event::{MessageDelta, MessageId, Part, PartBody, Role, TextKind, ToolPart, Usage};

/// Past this many bytes a message is completed and the next one goes on in its place.
pub(crate) const MAX_MESSAGE: usize = 4 << 20;

/// How an open message began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenMeta {
    /// Where its first line begins.
    pub(crate) offset: u64,
    /// Which of the messages that begin in that line it is.
    pub(crate) index: u16,
    /// Who speaks.
    pub(crate) role: Role,
    /// The agent's ids of it.
    pub(crate) native_ids: Vec<String>,
    /// The tool call of the subagent that speaks.
    pub(crate) parent: Option<String>,
    /// It is told again by the agent, not said now.
    pub(crate) replayed: bool,
}

/// A message that is being gathered.
#[derive(Debug)]
pub(crate) struct Open {
    /// How it began.
    pub(crate) meta: OpenMeta,
    /// Our id of it.
    pub(crate) id: MessageId,
    parts: Vec<OpenPart>,
    bytes: usize,
}

#[derive(Debug)]
enum OpenPart {
    Text { kind: TextKind, text: String, chars: u64 },
    Whole(PartBody),
}

impl Open {
    /// Begins a message.
    pub(crate) fn new(record: &StartRecord, meta: OpenMeta) -> Self {
        let id = message_uuid(record, meta.offset, meta.index);
        Self { meta, id, parts: Vec::new(), bytes: 0 }
    }

    /// It has grown as long as a message may be.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= MAX_MESSAGE
    }

    /// Appends text. A change of kind begins another part.
    pub(crate) fn text(&mut self, kind: TextKind, piece: &str) -> MessageDelta {
        self.bytes += piece.len();
        let fits = matches!(self.parts.last(), Some(OpenPart::Text { kind: last, .. }) if *last == kind);
        if !fits {
            self.bytes += 64;
            self.parts.push(OpenPart::Text { kind, text: String::new(), chars: 0 });
        }
        let mut offset = 0;
        if let Some(OpenPart::Text { text, chars, .. }) = self.parts.last_mut() {
            offset = *chars;
            text.push_str(piece);
            *chars += piece.chars().count() as u64;
        }
        self.delta(self.parts.len().saturating_sub(1), kind, offset, piece)
    }

    /// Appends a part that comes whole.
    pub(crate) fn whole(&mut self, body: PartBody, bytes: usize) {
        self.bytes += bytes + 64;
        self.parts.push(OpenPart::Whole(body));
    }

    /// Forgets what it holds: what is said next is said instead of it.
    pub(crate) fn begin_again(&mut self) {
        self.parts.clear();
        self.bytes = 0;
    }

    /// A tool part of it.
    pub(crate) fn tool(&mut self, tool_id: &str) -> Option<&mut ToolPart> {
        self.parts.iter_mut().rev().find_map(|part| match part {
            OpenPart::Whole(PartBody::Tool(tool)) if tool.tool_id == tool_id => Some(tool),
            _ => None,
        })
    }

    /// The text so far, without thoughts.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        for part in &self.parts {
            if let OpenPart::Text { kind: TextKind::Text, text, .. } = part {
                said.push_str(text);
            }
        }
        said
    }

    /// All of each text part so far, from offset 0. A replayed message is never told so.
    pub(crate) fn deltas(&self) -> Vec<MessageDelta> {
        if self.meta.replayed {
            return Vec::new();
        }
        let texts = self.parts.iter().enumerate().filter_map(|(i, part)| match part {
            OpenPart::Text { kind, text, .. } => Some(self.delta(i, *kind, 0, text)),
            OpenPart::Whole(_) => None,
        });
        texts.collect()
    }

    /// Ends the message.
    pub(crate) fn finish(self, partial: bool) -> MessageDone {
        let message_id = self.id;
        let parts = self.parts.into_iter().enumerate().map(|(i, part)| {
            let body = match part {
                OpenPart::Text { kind: TextKind::Text, text, .. } => PartBody::Text { text },
                OpenPart::Text { kind: TextKind::Thought, text, .. } => PartBody::Thought { text },
                OpenPart::Whole(body) => body,
            };
            Part { id: part_id(&message_id, i), body, bytes: None, blob: None }
        });
        MessageDone {
            parts: parts.collect(),
            message_id: message_id.clone(),
            native_ids: self.meta.native_ids,
            role: self.meta.role,
            model: None,
            usage: None::<Usage>,
            partial,
            replayed: self.meta.replayed,
            parent_tool_id: self.meta.parent,
        }
    }

    fn delta(&self, part: usize, kind: TextKind, offset: u64, text: &str) -> MessageDelta {
        MessageDelta {
            message_id: self.id.clone(),
            part_id: part_id(&self.id, part),
            kind,
            offset,
            text: text.to_owned(),
            parent_tool_id: self.meta.parent.clone(),
        }
    }
}

fn part_id(message: &MessageId, part: usize) -> String {
    format!("{message}.{part}")
}
