//! Tool calls: begun by the message that makes them, ended by what the tool gave.

use serde_json::Value;
use tenure_core::agent::{Signal, ToolEnd};
use tenure_event::{MessageId, ToolPart, ToolState};

use super::memory::{CALLS_MAX, Call, INPUT_MAX};
use super::{PiCodec, field, native, tools};

impl PiCodec {
    /// A block of a finished message; a call in it begins.
    pub(super) fn call_begins(
        &mut self,
        message_id: &MessageId,
        line_len: usize,
        block: &Value,
        out: &mut Vec<Signal>,
    ) {
        if let Some(part) = tools::call(&self.record.cwd, block) {
            self.start(message_id, line_len, part, out);
        }
    }

    fn start(&mut self, message_id: &MessageId, line_len: usize, part: ToolPart, out: &mut Vec<Signal>) {
        if self.memory.calls.iter().any(|call| call.tool_id == part.tool_id) {
            return;
        }
        if self.memory.calls.len() >= CALLS_MAX {
            out.push(Signal::ToolEnded(self.memory.calls.remove(0).cancelled()));
        }
        let locations = tools::locations(&part.input);
        let mut call = Call {
            tool_id: part.tool_id,
            message_id: message_id.clone(),
            tool: part.tool,
            kind: part.kind,
            title: part.title,
            input: part.input,
            locations,
            runs: false,
            told: 0,
        };
        out.push(Signal::ToolStarted(call.start()));
        if line_len > INPUT_MAX {
            call.input = Value::Object(serde_json::Map::new());
        }
        self.memory.calls.push(call);
    }

    /// Reads `tool_execution_start`.
    pub(super) fn tool_runs(&mut self, line_len: usize, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        let Some(tool_id) = field::id(frame, "toolCallId") else {
            return out.push(native("tool_execution_start", frame));
        };
        if !self.memory.calls.iter().any(|call| call.tool_id == tool_id) {
            // Its message said nothing of it.
            let Some(message_id) = self.memory.message_id.clone() else {
                return out.push(native("late", frame));
            };
            let tool = field::id(frame, "toolName").unwrap_or("unknown");
            let input = frame.get("args").cloned().unwrap_or_default();
            self.start(&message_id, line_len, tools::described(&self.record.cwd, tool_id, tool, input), out);
        }
        if let Some(call) = self.memory.calls.iter_mut().find(|call| call.tool_id == tool_id) {
            call.runs = true;
        }
    }

    /// Reads `tool_execution_update`: all that the tool has given so far, or the end of it.
    pub(super) fn tool_tells(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let known = field::id(frame, "toolCallId")
            .and_then(|id| self.memory.calls.iter_mut().find(|call| call.tool_id == id));
        let (Some(call), Some(result)) = (known, frame.get("partialResult")) else { return };
        let Some(Value::String(text)) = tools::output(result) else { return };
        let Some(more) = text.get(call.told..).filter(|more| !more.is_empty()) else { return };
        call.told = text.len();
        let output = Some(more.to_owned());
        out.push(Signal::ToolProgressed { tool_id: call.tool_id.clone(), title: None, output });
    }

    /// Reads `tool_execution_end`.
    pub(super) fn tool_ended(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let Some(call) = field::id(frame, "toolCallId").and_then(|id| self.memory.end_call(id)) else {
            return out.push(native("late", frame));
        };
        self.withdraw_asks_about(&call.tool_id, out);
        let empty = Value::Null;
        let result = frame.get("result").unwrap_or(&empty);
        let output = tools::output(result);
        let state = tools::state(frame, output.as_ref());
        let done = state == ToolState::Completed;
        out.push(Signal::ToolEnded(ToolEnd {
            start: call.start(),
            state,
            input: None,
            diffs: if done { tools::diffs(&call.tool, &call.input) } else { Vec::new() },
            error: if done { None } else { tools::why(output.as_ref()) },
            output,
        }));
    }
}
