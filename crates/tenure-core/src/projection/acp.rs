//! Events as rows of the Agent Client Protocol: `session/update` notifications, so that a
//! program that knows ACP can read any session, whatever agent ran it.
//!
//! What ACP has no word for makes no row. A row that belongs to a durable event carries
//! its `seq`; the last row of an event is the place to resume after.

mod content;
mod update;

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use tenure_event::{
    Ephemeral, EphemeralKind, Event, Kind, Message, MessageCompleted, MessageDelta, Part, PartBody, Role,
    Seq, SessionId, TextKind, Timestamp,
};

#[derive(Serialize)]
struct Row<'a> {
    session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
    ts: Timestamp,
    method: &'static str,
    params: Value,
}

/// Turns events into rows. It remembers how much of each open message went out as deltas, so that the
/// completed message adds only what is missing.
#[derive(Debug, Default)]
pub struct AcpRows {
    sent: HashMap<(String, String), u64>,
}

/// More open parts than any agent writes at once; past it deltas are passed over and come with their message.
const MAX_OPEN: usize = 256;

impl AcpRows {
    /// With nothing sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows of a durable event, each a JSON text without newline.
    pub fn event(&mut self, event: &Event) -> Vec<String> {
        let updates = match &event.kind {
            Kind::MessageCompleted(data) => self.message(&event.session_id, data),
            other => update::of(other).into_iter().collect(),
        };
        let ts = match &event.kind {
            Kind::MessageCompleted(data) => data.said_at.unwrap_or(event.ts),
            _ => event.ts,
        };
        let row = |update| render(event.session_id.as_str(), Some(event.seq), ts, update);
        updates.into_iter().map(row).collect()
    }

    /// The row of an ephemeral event, if it adds something that was not sent yet.
    pub fn ephemeral(&mut self, event: &Ephemeral) -> Option<String> {
        let update = match &event.kind {
            EphemeralKind::MessageDelta(delta) => self.delta(&event.session_id, delta)?,
            EphemeralKind::ToolProgressed(data) => update::tool_progressed(data),
            EphemeralKind::TaskProgressed(_) => return None,
        };
        Some(render(event.session_id.as_str(), None, event.ts, update))
    }

    fn delta(&mut self, session: &SessionId, delta: &MessageDelta) -> Option<Value> {
        let key = (session.to_string(), delta.part_id.clone());
        if self.sent.len() >= MAX_OPEN && !self.sent.contains_key(&key) {
            return None;
        }
        let sent = self.sent.entry(key).or_default();
        // After a gap nothing more is sent: the rest comes with the whole message.
        let known = sent.checked_sub(delta.offset)?;
        let text: String = delta.text.chars().skip(usize::try_from(known).ok()?).collect();
        if text.is_empty() {
            return None;
        }
        *sent += text.chars().count() as u64;
        let kind = match delta.kind {
            TextKind::Text => "agent_message_chunk",
            TextKind::Thought => "agent_thought_chunk",
        };
        let mut update = chunk(kind, delta.message_id.as_str(), content::text(&text));
        update::under(&mut update, delta.parent_tool_id.as_deref());
        Some(update)
    }

    fn message(&mut self, session: &SessionId, data: &MessageCompleted) -> Vec<Value> {
        let mut updates = Vec::new();
        for part in &data.parts {
            let sent = self.sent.remove(&(session.to_string(), part.id.clone())).unwrap_or(0);
            // Tools that ran here have events of their own, which make their rows.
            let ran_here = data.origin.is_none() && matches!(part.body, PartBody::Tool(_));
            let mut update = match part_update(data.role, data.message_id.as_str(), part, sent) {
                Some(update) if !ran_here => update,
                _ => continue,
            };
            update::under(&mut update, data.parent_tool_id.as_deref());
            updates.push(update);
        }
        updates
    }
}

/// Rows of a message of a conversation that is no session: what it says, and its tools as they ended. Each is a JSON text without
/// newline.
#[must_use]
pub fn acp_message(conversation: &str, message: &Message) -> Vec<String> {
    let row = |part: &Part| {
        let mut update = part_update(message.role, message.id.as_str(), part, 0)?;
        update::under(&mut update, message.parent_tool_id.as_deref());
        Some(render(conversation, None, message.ts, update))
    };
    message.parts.iter().filter_map(row).collect()
}

fn render(session_id: &str, seq: Option<Seq>, ts: Timestamp, update: Value) -> String {
    let params = json!({"sessionId": session_id, "update": update});
    let row = Row { session_id, seq, ts, method: "session/update", params };
    serde_json::to_string(&row).unwrap_or_default()
}

fn chunk(kind: &str, message_id: &str, content: Value) -> Value {
    json!({"sessionUpdate": kind, "messageId": message_id, "content": content})
}

fn part_update(role: Role, message_id: &str, part: &Part, sent: u64) -> Option<Value> {
    if let PartBody::Tool(tool) = &part.body {
        return Some(update::tool_as_it_ended(tool));
    }
    Some(match part_content(role, part, sent)? {
        ("notice", content) => {
            json!({"sessionUpdate": "notice", "severity": "info", "title": content["text"]})
        }
        (kind, content) => chunk(kind, message_id, content),
    })
}

fn part_content(role: Role, part: &Part, sent: u64) -> Option<(&'static str, Value)> {
    let said = match role {
        Role::User => "user_message_chunk",
        Role::Assistant => "agent_message_chunk",
        Role::System => "notice",
    };
    match &part.body {
        PartBody::Text { text } | PartBody::Plan { text } => Some((said, content::rest(text, sent)?)),
        PartBody::Thought { text } => Some(("agent_thought_chunk", content::rest(text, sent)?)),
        _ if role == Role::System => None,
        other => Some((said, content::of(other)?)),
    }
}
