//! What was said in a thread before this process: told once, as messages that were replayed.
//!
//! A session that takes up somebody's conversation reads all of it, page by page, before it
//! is ready. One that continues its own has it in the log already, and asks for the names
//! of the last turns only.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Decoded, MessageDone, Signal, message_uuid};
use tenure_event::{Part, PartBody, Role, ToolPart};

use super::CodexCodec;
use super::handshake::own;
use super::id::Asked;
use super::memory::Phase;
use super::message::thoughts;
use super::tool::{self, Told};
use crate::json::{list_at, str_at, string_at};

/// Turns of one page: a page is one line of the program's.
const PAGE: u64 = 20;
/// Turns whose names are asked for.
const NAMES: u64 = 50;
/// Messages that are replayed at most.
const MESSAGES_MAX: u64 = 50_000;

impl CodexCodec {
    /// Asks for what was said before.
    pub(super) fn read_the_past(&mut self, thread: &str, out: &mut Decoded) {
        // What a session here has said is in its log, and in those of its forks.
        if self.record.generation > 1 || self.record.resume.point().is_some() {
            let params =
                json!({"threadId": thread, "limit": NAMES, "sortDirection": "desc", "itemsView": "summary"});
            return out.push(own(Asked::Turns, "thread/turns/list", &params));
        }
        self.memory.phase = Phase::Reading;
        out.push(page(thread, None));
    }

    /// A page of turns, oldest first.
    pub(super) fn history(&mut self, offset: u64, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let next = match outcome {
            Ok(answer) => {
                let mut at = offset;
                for turn in list_at(answer, &["data"]) {
                    self.turn_of_the_past(turn, &mut at, out);
                }
                string_at(answer, &["nextCursor"])
            }
            Err(error) => {
                let message = format!("what was said before cannot be shown: {}", error.message);
                out.push(Signal::Warning { code: "history_unknown".to_owned(), message });
                None
            }
        };
        if let (Some(cursor), Some(thread)) = (next, &self.memory.thread)
            && self.memory.replayed < MESSAGES_MAX
        {
            return out.push(page(thread, Some(&cursor)));
        }
        self.memory.phase = Phase::Opened;
        self.ready_if_all_is_known(out);
    }

    /// Names of the last turns, newest first.
    pub(super) fn last_turns(&mut self, outcome: Result<&Value, AgentError>) {
        let Ok(answer) = outcome else { return };
        for turn in list_at(answer, &["data"]).iter().rev() {
            self.remember(turn);
        }
    }

    fn remember(&mut self, turn: &Value) {
        let Some(id) = str_at(turn, &["id"]) else { return };
        let input = list_at(turn, &["items"]).iter().find_map(|item| string_at(item, &["clientId"]));
        self.memory.remember_turn(id, input);
    }

    /// The messages of one turn. Each gets an id of its own from a byte of the line: a line
    /// is longer than the number of its messages.
    fn turn_of_the_past(&mut self, turn: &Value, at: &mut u64, out: &mut Decoded) {
        self.remember(turn);
        let mut open: Option<MessageDone> = None;
        for item in list_at(turn, &["items"]) {
            let Some((role, body)) = read_item(item) else { continue };
            let native = string_at(item, &["id"]).unwrap_or_default();
            if open.as_ref().is_some_and(|message| message.role != role || role == Role::User) {
                self.replay(open.take(), out);
            }
            let message = open.get_or_insert_with(|| {
                let message_id = message_uuid(&self.record, *at, 0);
                *at += 1;
                begun(message_id, role)
            });
            let id = format!("{}.{}", message.message_id, message.parts.len());
            message.native_ids.push(native);
            message.parts.extend(body.into_iter().map(|body| Part {
                id: id.clone(),
                body,
                bytes: None,
                blob: None,
            }));
        }
        self.replay(open, out);
    }

    fn replay(&mut self, message: Option<MessageDone>, out: &mut Decoded) {
        if let Some(message) = message.filter(|message| !message.parts.is_empty()) {
            self.memory.replayed += 1;
            out.push(Signal::Message(message));
        }
    }
}

fn begun(message_id: tenure_event::MessageId, role: Role) -> MessageDone {
    MessageDone {
        message_id,
        native_ids: Vec::new(),
        role,
        parts: Vec::new(),
        model: None,
        usage: None,
        partial: false,
        replayed: true,
        parent_tool_id: None,
    }
}

fn page(thread: &str, cursor: Option<&str>) -> Signal {
    let params = json!({
        "threadId": thread, "limit": PAGE, "sortDirection": "asc", "itemsView": "full", "cursor": cursor,
    });
    own(Asked::History, "thread/turns/list", &params)
}

/// Who said an item, and what; nothing for those that say nothing.
fn read_item(item: &Value) -> Option<(Role, Option<PartBody>)> {
    let text = string_at(item, &["text"]).filter(|text| !text.is_empty());
    Some(match str_at(item, &["type"])? {
        "userMessage" => {
            let texts: Vec<&str> =
                list_at(item, &["content"]).iter().filter_map(|part| str_at(part, &["text"])).collect();
            let text = texts.join("\n");
            (Role::User, (!text.is_empty()).then_some(PartBody::Text { text }))
        }
        "agentMessage" => (Role::Assistant, text.map(|text| PartBody::Text { text })),
        "plan" => (Role::Assistant, text.map(|text| PartBody::Plan { text })),
        "reasoning" => {
            let text = thoughts(item);
            (Role::Assistant, (!text.is_empty()).then_some(PartBody::Thought { text }))
        }
        _ => {
            let told = Told::read(item)?;
            let end = tool::end_of(item);
            let part = ToolPart {
                tool_id: told.id,
                tool: told.tool,
                kind: told.kind,
                title: told.title,
                state: end.state,
                input: told.input,
                output: end.output,
                error: end.error,
            };
            (Role::Assistant, Some(PartBody::Tool(part)))
        }
    })
}
