//! Conversations that an agent tells again, and text that is read again after a restart.
//!
//! A replayed tool call is a part of its message; it is not a tool that runs. Lines that
//! are read again only refill what is still open: what is open is known from the saved
//! memory, and every piece since its first line belongs to it, or it would have closed.

use serde_json::Value;
use tenure_core::agent::Decoded;
use tenure_event::{PartBody, Role, ToolPart, ToolState};

use super::AcpCodec;
use super::message::{Said, append, parent};
use super::state::Phase;
use super::tool::{self, Facts, Tool};
use super::two;
use super::update::is_chunk;
use crate::gather::{Open, OpenMeta};
use crate::json::{at, str_at};

impl AcpCodec {
    /// What comes now was said before this process.
    pub(super) fn replays(&self) -> bool {
        let opening = self.state.phase == Phase::Opening && self.record.resume.has_past();
        opening || self.state.late_replay
    }

    /// A tool call that is told again: a part of the agent's message.
    pub(super) fn fold_tool(&mut self, offset: u64, update: &Value, out: &mut Decoded) {
        let parent = parent(update);
        let known = self.position(parent.as_deref()).filter(|at| self.open[*at].meta.role == Role::Assistant);
        let at = match known {
            Some(at) => at,
            None => {
                self.close_of(parent.as_deref(), out);
                let meta = OpenMeta {
                    offset,
                    index: 0,
                    role: Role::Assistant,
                    native_ids: Vec::new(),
                    parent,
                    replayed: true,
                };
                self.open.push(Open::new(&self.record, meta));
                self.open.len() - 1
            }
        };
        fold(&mut self.open[at], update);
        if self.open[at].is_full() {
            let parent = self.open[at].meta.parent.clone();
            self.close_of(parent.as_deref(), out);
        }
    }

    /// Reads a line for the second time.
    pub(super) fn gather_again(&mut self, offset: u64, value: &Value) {
        if str_at(value, &["method"]) != Some("session/update") || value.get("id").is_some() {
            return;
        }
        let Some(params) = at(value, &["params"]).filter(|params| self.is_ours(params)) else { return };
        let Some(update) = at(params, &["update"]) else { return };
        let word = str_at(update, &["sessionUpdate"]).unwrap_or("");
        let is_tool = matches!(word, "tool_call" | "tool_call_update");
        self.gather_output_again(offset, update);
        let Some(at) = self.position(parent(update).as_deref()) else { return };
        if offset < self.open[at].meta.offset {
            return;
        }
        if is_tool && self.open[at].meta.replayed {
            fold(&mut self.open[at], update);
        } else if is_chunk(word) {
            self.append_again(at, update);
        } else if self.open[at].meta.replayed && word == "terminal_update" {
            self.fold_terminal(update, two::of_terminal(update));
        } else if two::is_whole(word) && !self.was_told(update) {
            let chunks = two::whole_as_chunks(update);
            if !chunks.is_empty() {
                self.begin_again(update);
            }
            for chunk in &chunks {
                self.append_again(at, chunk);
            }
        }
    }

    fn append_again(&mut self, at: usize, chunk: &Value) {
        if let Said::Piece { kind, block, .. } = self.said(chunk) {
            append(&mut self.open[at], kind, block, 0);
        }
    }

    fn gather_output_again(&mut self, offset: u64, update: &Value) {
        let (call, terminal) = (str_at(update, &["toolCallId"]), str_at(update, &["terminalId"]));
        let is_meant = |tool: &&mut Tool| match (call, terminal) {
            (Some(call), _) => tool.id == call,
            (None, Some(terminal)) => tool.shows(terminal),
            (None, None) => false,
        };
        let from = |tool: &Tool| tool.gathered_from().is_some_and(|from| from <= offset);
        let Some(tool) = self.state.tools.iter_mut().find(is_meant).filter(|tool| from(tool)) else { return };
        if let Some(output) = two::of_terminal(update).filter(|_| call.is_none()) {
            two::take(tool, offset, output);
        } else if let Some(text) = two::content_text(update) {
            tool.add(offset, text.as_bytes());
        } else {
            tool.gather(offset, update);
        }
    }
}

/// Adds a tool call to a replayed message, or tells it what became of it.
fn fold(open: &mut Open, update: &Value) {
    let Some(id) = str_at(update, &["toolCallId"]) else { return };
    if open.tool(id).is_none() {
        let part = ToolPart { tool_id: id.to_owned(), ..ToolPart::default() };
        open.whole(PartBody::Tool(part), update.to_string().len());
    }
    let facts = Facts::read(update);
    let Some(part) = open.tool(id) else { return };
    if let Some(name) = facts
        .name
        .clone()
        .or_else(|| tool::bare_word(facts.title.as_deref()).filter(|_| part.tool.is_empty()))
    {
        part.tool = name;
    }
    if let Some(kind) = facts.kind {
        part.kind = kind;
    }
    if part.tool.is_empty() {
        part.tool = tool::word_of(part.kind);
    }
    if let Some(title) = facts.title {
        part.title = title;
    }
    if let Some(input) = facts.input {
        part.input = input;
    }
    part.output = facts
        .output
        .or_else(|| facts.text.filter(|text| !text.is_empty()).map(Value::from))
        .or_else(|| part.output.take());
    if let Some(state) = facts.state {
        part.state = state;
    }
    if part.state == ToolState::Failed {
        part.error = part.output.as_ref().and_then(Value::as_str).map(ToOwned::to_owned);
    }
}
