//! Tool calls as they run: told when they begin, when there is more to see, and once when
//! they end. Agents differ in what they show first; the first sight of a call may be its
//! announcement, an update, its end, or the request for permission.

use serde_json::Value;
use tenure_core::agent::{Decoded, Signal, message_uuid};

use super::AcpCodec;
use super::message::parent;
use super::tool::{Facts, Tool};
use crate::json::str_at;
use crate::rpc::native;

/// So many tools run at once at most; an agent that never ends one must not fill memory.
const MAX_TOOLS: usize = 1024;
/// Longer ids are not kept.
const MAX_ID: usize = 1024;

impl AcpCodec {
    /// `tool_call` (`is_call`) or `tool_call_update` of a running conversation.
    pub(super) fn tool_update(&mut self, offset: u64, update: &Value, is_call: bool, out: &mut Decoded) {
        let id = str_at(update, &["toolCallId"]).unwrap_or_default();
        if id.len() > MAX_ID {
            return out.push(native("malformed", update.clone()));
        }
        let facts = Facts::read(update);
        if let Some(at) = self.state.ended.iter().position(|ended| ended == id) {
            if !is_call || facts.ends() {
                return out.push(native("late", update.clone()));
            }
            // An agent that counts its calls anew.
            self.state.ended.remove(at);
        }
        let at = self.tool_at(offset, id, parent(update), out);
        let ends = facts.ends();
        let tool = &mut self.state.tools[at];
        let was_told = tool.told;
        let piece = tool.gather(offset, update);
        let (title, more) = tool.learn(facts);
        if ends {
            return self.end_tool(at, out);
        }
        if tool.is_ripe() {
            tell(tool, out);
        }
        let output = piece.or(more);
        if was_told && (title.is_some() || output.is_some()) {
            out.push(Signal::ToolProgressed { tool_id: id.to_owned(), title, output });
        }
    }

    /// The tool that a permission is asked for; its start is told now at the latest.
    pub(super) fn tool_asked_for(&mut self, offset: u64, call: &Value, out: &mut Decoded) -> Option<&Tool> {
        let id = str_at(call, &["toolCallId"]).filter(|id| id.len() <= MAX_ID)?;
        let facts = Facts::read(call);
        if facts.ends() || self.state.ended.iter().any(|ended| ended == id) {
            return None;
        }
        let at = self.tool_at(offset, id, parent(call), out);
        let tool = &mut self.state.tools[at];
        tool.learn_missing(facts);
        tell(tool, out);
        Some(tool)
    }

    /// Where the tool stands; at its first sight it is put there.
    fn tool_at(&mut self, offset: u64, id: &str, parent: Option<String>, out: &mut Decoded) -> usize {
        if let Some(at) = self.state.tools.iter().position(|tool| tool.id == id) {
            return at;
        }
        self.close_of(parent.as_deref(), out);
        if self.state.tools.len() >= MAX_TOOLS {
            self.end_tool(0, out);
        }
        let caller = parent.clone().unwrap_or_default();
        let message = match self.state.callers.get(&caller) {
            Some(message) => message.clone(),
            None => {
                let message = message_uuid(&self.record, offset, 0);
                self.remember_caller(caller, message.clone());
                message
            }
        };
        self.state.turn.said = true;
        self.state.turn.retried = false;
        self.state.tools.push(Tool::new(id, parent, message));
        self.state.tools.len() - 1
    }

    /// Tells the start of tools that were held back until more is known of them.
    pub(super) fn tell_held(&mut self, out: &mut Decoded) {
        for tool in &mut self.state.tools {
            tell(tool, out);
        }
    }

    /// Ends all tools that the agent did not end.
    pub(super) fn end_tools(&mut self, out: &mut Decoded) {
        while !self.state.tools.is_empty() {
            self.end_tool(0, out);
        }
    }

    fn end_tool(&mut self, at: usize, out: &mut Decoded) {
        let mut tool = self.state.tools.remove(at);
        tell(&mut tool, out);
        self.state.remember_ended(tool.id.clone());
        out.push(Signal::ToolEnded(tool.end()));
    }
}

fn tell(tool: &mut Tool, out: &mut Decoded) {
    if !tool.told {
        tool.told = true;
        out.push(Signal::ToolStarted(tool.start()));
    }
}
