//! Messages and reasoning: pieces gathered by item, and told whole when the item is.
//!
//! The item's own text at its end is the truth. What was streamed is only shown on the way,
//! and told where a message is cut.

use serde_json::Value;
use tenure_core::agent::{Decoded, Signal};
use tenure_event::{MessageDelta, Part, PartBody, Role, TextKind};

use super::CodexCodec;
use super::receive::is_piece;
use super::turn::id_of;
use crate::gather::{Open, OpenMeta};
use crate::json::{at, list_at, str_at, u64_at};

/// So many messages are gathered at once; the oldest gives way.
const MAX_OPEN: usize = 64;
/// Between two parts of reasoning.
const BREAK: &str = "\n\n";

impl CodexCodec {
    /// An item of text begins.
    pub(super) fn message_begins(&mut self, offset: u64, item: &Value, out: &mut Decoded) {
        let Some(id) = id_of(item, &["id"]) else { return };
        if self.open_at(id).is_some() {
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.close(0, None, true, out);
        }
        let meta = OpenMeta {
            offset,
            index: 0,
            role: Role::Assistant,
            native_ids: vec![id.to_owned()],
            parent: None,
            replayed: false,
        };
        let mut open = Open::new(&self.record, meta);
        let delta = first_piece(&mut open, item);
        self.open.push(open);
        self.told(delta, out);
    }

    /// A piece of an item's text.
    pub(super) fn piece(&mut self, method: &str, params: &Value, out: &mut Decoded) {
        let Some(at) = id_of(params, &["itemId"]).and_then(|id| self.open_at(id)) else { return };
        let delta = append(&mut self.open[at], method, params);
        self.told(delta, out);
    }

    fn told(&mut self, delta: Option<MessageDelta>, out: &mut Decoded) {
        let Some(delta) = delta else { return };
        if let Some(turn) = &mut self.memory.turn {
            turn.said |= delta.kind == TextKind::Text;
        }
        out.push(Signal::Delta(delta));
    }

    /// An item of text is whole.
    pub(super) fn message_ends(&mut self, offset: u64, item: &Value, out: &mut Decoded) {
        let Some(id) = id_of(item, &["id"]).map(ToOwned::to_owned) else { return };
        if self.open_at(&id).is_none() {
            self.message_begins(offset, item, out);
        }
        let Some(at) = self.open_at(&id) else { return };
        let body = match str_at(item, &["type"]) {
            Some("reasoning") => PartBody::Thought { text: thoughts(item) },
            Some("plan") => PartBody::Plan { text: text_of(item) },
            _ => PartBody::Text { text: text_of(item) },
        };
        self.close(at, Some(body), false, out);
    }

    /// Completes all messages as far as they were seen.
    pub(super) fn close_messages(&mut self, out: &mut Decoded) {
        while !self.open.is_empty() {
            self.close(0, None, false, out);
        }
    }

    /// The same where they were cut.
    pub(super) fn cut_messages(&mut self, out: &mut Decoded) {
        while !self.open.is_empty() {
            self.close(0, None, true, out);
        }
    }

    fn close(&mut self, at: usize, body: Option<PartBody>, partial: bool, out: &mut Decoded) {
        let open = self.open.remove(at);
        let gathered = open.deltas().pop().map(|delta| delta.text).unwrap_or_default();
        let mut done = open.finish(partial);
        if let Some(body) = body {
            let id = format!("{}.0", done.message_id);
            let (kind, text) = match &body {
                PartBody::Thought { text } => (Some(TextKind::Thought), text.clone()),
                PartBody::Text { text } => (Some(TextKind::Text), text.clone()),
                PartBody::Plan { text } => (None, text.clone()),
                _ => (None, String::new()),
            };
            if let (Some(kind), Some(rest)) =
                (kind, text.strip_prefix(gathered.as_str()).filter(|rest| !rest.is_empty()))
            {
                let offset = gathered.chars().count() as u64;
                let message_id = done.message_id.clone();
                let delta = MessageDelta {
                    message_id,
                    part_id: id.clone(),
                    kind,
                    offset,
                    text: rest.to_owned(),
                    parent_tool_id: None,
                };
                self.told(Some(delta), out);
            }
            done.parts =
                if text.is_empty() { Vec::new() } else { vec![Part { id, body, bytes: None, blob: None }] };
        }
        if done.parts.is_empty() {
            return;
        }
        self.memory.caller = Some(done.message_id.clone());
        if let (Some(turn), PartBody::Text { .. } | PartBody::Plan { .. }) =
            (&mut self.memory.turn, &done.parts[0].body)
        {
            turn.said = true;
        }
        done.model.clone_from(&self.memory.settings.model);
        out.push(Signal::Message(done));
    }

    fn open_at(&self, id: &str) -> Option<usize> {
        self.open.iter().position(|open| open.meta.native_ids.first().is_some_and(|known| known == id))
    }

    /// Reads a line for the second time: only what is still open is filled again.
    pub(super) fn gather_again(&mut self, offset: u64, value: &Value) {
        let (Some(method), Some(params)) = (str_at(value, &["method"]), at(value, &["params"])) else {
            return;
        };
        if value.get("id").is_some() || self.is_foreign(params) {
            return;
        }
        if is_piece(method) {
            let open = id_of(params, &["itemId"]).and_then(|id| self.open_at(id));
            if let Some(at) = open.filter(|at| self.open[*at].meta.offset <= offset) {
                append(&mut self.open[at], method, params);
            }
        } else if matches!(method, "item/started" | "item/completed") {
            let open = self.open.iter_mut().find(|open| open.meta.offset == offset);
            if let (Some(open), Some(item)) = (open, at(params, &["item"])) {
                first_piece(open, item);
            }
        }
    }
}

/// The text that an item begins with; mostly none.
fn first_piece(open: &mut Open, item: &Value) -> Option<MessageDelta> {
    let (kind, text) = match str_at(item, &["type"]) {
        Some("reasoning") => (TextKind::Thought, thoughts(item)),
        Some("agentMessage") => (TextKind::Text, text_of(item)),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= crate::gather::MAX_MESSAGE).then(|| open.text(kind, &text))
}

/// Appends a piece. What is longer than a message may be is not gathered: its end tells it.
fn append(open: &mut Open, method: &str, params: &Value) -> Option<MessageDelta> {
    if open.is_full() {
        return None;
    }
    let (kind, text) = match method {
        "item/reasoning/summaryPartAdded" => {
            let another = u64_at(params, &["summaryIndex"]).is_some_and(|index| index > 0);
            (TextKind::Thought, if another { BREAK } else { "" })
        }
        "item/agentMessage/delta" => (TextKind::Text, str_at(params, &["delta"]).unwrap_or_default()),
        _ => (TextKind::Thought, str_at(params, &["delta"]).unwrap_or_default()),
    };
    (!text.is_empty()).then(|| open.text(kind, text))
}

fn text_of(item: &Value) -> String {
    str_at(item, &["text"]).unwrap_or_default().to_owned()
}

/// Reasoning as it is shown: its summary, or where there is none, all of it.
pub(super) fn thoughts(item: &Value) -> String {
    let joined = |name: &str| {
        let parts: Vec<&str> = list_at(item, &[name]).iter().filter_map(Value::as_str).collect();
        parts.join(BREAK)
    };
    let summary = joined("summary");
    if summary.is_empty() { joined("content") } else { summary }
}
