//! What is said: by the model, by users other than us, and by extensions.

use std::collections::BTreeMap;

use serde_json::Value;
use tenure_core::agent::{AgentError, MessageDone, Signal, message_uuid};
use tenure_event::{MessageId, PartBody, Role};

use super::gathering::{self, Gathering};
use super::{PiCodec, field, native, run, tools, usage};

/// Messages of an older conversation that are shown.
const BEFORE_MAX: usize = 20_000;

impl PiCodec {
    /// Reads `message_start`.
    pub(super) fn message_began(&mut self, offset: u64, frame: &Value, out: &mut Vec<Signal>) {
        let Some(message) = frame.get("message") else { return out.push(native("message_start", frame)) };
        match field::text(message, "role") {
            Some("assistant") => {
                self.close_open(out);
                self.open = Some(Gathering::new(offset));
            }
            Some("user") => {
                let steered = self.memory.queue.spoken(out);
                let ours = self.memory.prompt.is_some() && !self.memory.heard_prompt;
                if steered {
                    return;
                }
                if ours {
                    self.memory.heard_prompt = true;
                } else {
                    // An extension speaks in the user's place.
                    out.extend(self.other(offset, 0, message, Role::User, false));
                }
            }
            _ => {}
        }
    }

    /// Reads `message_update`.
    pub(super) fn message_grew(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        let event = frame.get("assistantMessageEvent");
        if let (Some(open), Some(event)) = (self.open.as_mut(), event) {
            out.extend(open.grow(&self.record, event).map(Signal::Delta));
        }
    }

    /// Reads `message_end`.
    pub(super) fn message_ended(
        &mut self,
        offset: u64,
        line_len: usize,
        frame: &Value,
        out: &mut Vec<Signal>,
    ) {
        let Some(message) = frame.get("message") else { return out.push(native("message_end", frame)) };
        match field::text(message, "role") {
            Some("assistant") => self.model_said(offset, line_len, message, out),
            // The prompt of the system, and results, which the tools' own events tell.
            Some("user" | "system" | "toolResult") => {}
            Some("custom") if field::flag(message, "display") => {
                out.extend(self.other(offset, 0, message, Role::System, false));
            }
            other => out.push(native(&format!("message/{}", other.unwrap_or("unknown")), frame)),
        }
    }

    fn model_said(&mut self, offset: u64, line_len: usize, message: &Value, out: &mut Vec<Signal>) {
        let open = self.open.take().unwrap_or_else(|| Gathering::new(offset));
        let id = open.id(&self.record);
        let (done, deltas) = open.finish(&self.record, message);
        out.extend(deltas.into_iter().map(Signal::Delta));
        self.memory.message_id = Some(id.clone());
        self.memory.stop = field::id(message, "stopReason").map(str::to_owned);
        self.memory.error = run::failure(message);
        if let Some(used) = message.get("usage").and_then(usage::read) {
            usage::add(&mut self.memory.usage, used);
            self.memory.context_used = Some(used.tokens());
        }
        let Some(done) = done else { return };
        self.memory.said |= says_something(&done);
        out.push(Signal::Message(done));
        for block in field::items(message, "content") {
            self.call_begins(&id, line_len, block, out);
        }
    }

    /// A message that never ended is told as far as it was seen.
    fn close_open(&mut self, out: &mut Vec<Signal>) {
        out.extend(self.open.take().and_then(|open| open.cut(&self.record)).map(Signal::Message));
    }

    /// A message that comes whole.
    fn other(&self, offset: u64, index: u64, message: &Value, role: Role, replayed: bool) -> Option<Signal> {
        // Several of one line differ by where in it they could begin.
        let id = message_uuid(&self.record, offset.saturating_add(index), 0);
        let parts = match message.get("content") {
            Some(Value::String(text)) if !text.is_empty() => {
                vec![gathering::part(&id, 0, PartBody::Text { text: text.clone() })]
            }
            _ => self.parts(&id, message),
        };
        (!parts.is_empty()).then(|| {
            Signal::Message(MessageDone {
                message_id: id,
                native_ids: field::id(message, "responseId").map(str::to_owned).into_iter().collect(),
                role,
                parts,
                model: gathering::model(message).filter(|_| role == Role::Assistant),
                usage: message.get("usage").and_then(usage::read),
                partial: field::text(message, "stopReason") == Some("aborted"),
                replayed,
                parent_tool_id: None,
            })
        })
    }

    fn parts(&self, id: &MessageId, message: &Value) -> Vec<tenure_event::Part> {
        let blocks = field::items(message, "content").iter().enumerate();
        let part = |(index, block): (usize, &Value)| {
            Some(gathering::part(id, index as u64, gathering::body(&self.record.cwd, block)?))
        };
        blocks.filter_map(part).collect()
    }

    /// The answer to `get_messages`: what was said before this process.
    pub(super) fn said_before(
        &mut self,
        offset: u64,
        result: Result<&Value, AgentError>,
        out: &mut Vec<Signal>,
    ) {
        let Ok(data) = result else { return };
        let messages = field::items(data, "messages");
        let results: BTreeMap<&str, &Value> = messages
            .iter()
            .filter(|message| field::text(message, "role") == Some("toolResult"))
            .filter_map(|message| Some((field::id(message, "toolCallId")?, message)))
            .collect();
        for (index, message) in messages.iter().enumerate().take(BEFORE_MAX) {
            let role = match field::text(message, "role") {
                Some("user") => Role::User,
                Some("assistant") => Role::Assistant,
                Some("custom") if field::flag(message, "display") => Role::System,
                _ => continue,
            };
            let mut told = self.other(offset, index as u64, message, role, true);
            if let Some(Signal::Message(done)) = &mut told {
                for part in &mut done.parts {
                    if let PartBody::Tool(tool) = &mut part.body {
                        tools::end(tool, results.get(tool.tool_id.as_str()).copied());
                    }
                }
            }
            out.extend(told);
        }
    }
}

fn says_something(message: &MessageDone) -> bool {
    message.parts.iter().any(|part| match &part.body {
        PartBody::Text { text } => !text.trim().is_empty(),
        PartBody::Tool(_) => true,
        _ => false,
    })
}
