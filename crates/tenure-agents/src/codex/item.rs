//! Items of a turn by their kind: begun, and completed.

use serde_json::Value;
use tenure_core::agent::{Decoded, Signal, TaskSignal, ToolEnd, message_uuid};
use tenure_event::{Compaction, TaskStatus, ToolState};

use super::CodexCodec;
use super::memory::{CALLS_MAX, Call, INPUT_MAX};
use super::task::cut_output;
use super::tool::{self, Told};
use super::turn::id_of;
use super::{patch, task};
use crate::field::task_output;
use crate::json::{at, str_at, string_at};
use crate::rpc::native;

impl CodexCodec {
    pub(super) fn item_started(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let Some(item) = at(&value, &["params", "item"]) else {
            return out.push(native("malformed", value));
        };
        match str_at(item, &["type"]).unwrap_or_default() {
            "userMessage" => self.input_taken(&value, item, out),
            "agentMessage" | "reasoning" => {
                self.waits_no_more(out);
                self.message_begins(offset, item, out);
            }
            "contextCompaction" => out.push(Signal::Compaction { began: true, info: Compaction::default() }),
            _ => {
                if let Some(told) = Told::read(item) {
                    self.waits_no_more(out);
                    self.call_begins(offset, told, out);
                }
            }
        }
    }

    pub(super) fn item_completed(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let Some(item) = at(&value, &["params", "item"]) else {
            return out.push(native("malformed", value));
        };
        match str_at(item, &["type"]).unwrap_or_default() {
            "userMessage" => self.input_taken(&value, item, out),
            "agentMessage" | "reasoning" | "plan" => self.message_ends(offset, item, out),
            "contextCompaction" => out.push(Signal::Compaction { began: false, info: Compaction::default() }),
            kind => match Told::read(item) {
                Some(told) => self.call_ends(offset, told, item, out),
                None => {
                    let kind = format!("item/{}", crate::json::clip(kind, 64));
                    out.push(native(&kind, value));
                }
            },
        }
    }

    /// A turn took an input in: one of ours has the id that we gave it.
    fn input_taken(&mut self, value: &Value, item: &Value, out: &mut Decoded) {
        let turn = id_of(value, &["params", "turnId"]).unwrap_or_default();
        let Some(input) = id_of(item, &["clientId"]) else { return };
        if self.memory.take(turn, input) {
            self.close_messages(out);
            out.push(Signal::InputTaken { native_input: input.to_owned() });
        }
    }

    fn call_begins(&mut self, offset: u64, told: Told, out: &mut Decoded) {
        if self.memory.calls.iter().any(|call| call.id == told.id) {
            return;
        }
        if self.memory.calls.len() >= CALLS_MAX {
            let oldest = self.memory.calls.remove(0);
            out.push(Signal::ToolEnded(oldest.ends(ToolState::Cancelled, None)));
        }
        let record = &self.record;
        let message = self.memory.caller.get_or_insert_with(|| message_uuid(record, offset, 0)).clone();
        let mut call = Call {
            id: told.id,
            message,
            tool: told.tool,
            kind: told.kind,
            title: told.title,
            input: told.input,
            locations: told.locations,
            command: told.command,
        };
        out.push(Signal::ToolStarted(call.start()));
        if call.input.to_string().len() > INPUT_MAX {
            call.input = Value::Null;
        }
        self.memory.calls.push(call);
        if let Some(turn) = &mut self.memory.turn {
            turn.said = true;
        }
    }

    fn call_ends(&mut self, offset: u64, told: Told, item: &Value, out: &mut Decoded) {
        if self.task_ends(&told.id, item, out) {
            return;
        }
        let known = self.memory.calls.iter().position(|call| call.id == told.id);
        // What outlived its turn, and was not told as a task yet, is over for everybody.
        if known.is_none() && self.memory.turn.is_none() {
            return;
        }
        let id = told.id.clone();
        self.call_begins(offset, told.clone(), out);
        let Some(at) = self.memory.calls.iter().position(|call| call.id == id) else { return };
        let call = self.memory.calls.remove(at);
        self.memory.written.remove(&call.id);
        let ended = tool::end_of(item);
        let mut start = call.start();
        if start.input.is_null() {
            start.input = told.input;
        }
        let diffs = if ended.state == ToolState::Completed { patch::diffs(item) } else { Vec::new() };
        out.push(Signal::ToolEnded(ToolEnd {
            start,
            state: ended.state,
            input: None,
            output: ended.output,
            diffs,
            error: ended.error,
        }));
    }

    /// A running call tells more.
    pub(super) fn call_progressed(&mut self, params: &Value, out: &mut Decoded) {
        let Some(id) = id_of(params, &["itemId"]) else { return };
        let call = self.memory.calls.iter().find(|call| call.id == id).map(|call| call.command);
        let is_task = self.memory.tasks.iter().any(|(item, _)| item == id);
        if let Some(piece) = str_at(params, &["delta"]).filter(|_| call == Some(true) || is_task) {
            self.memory.writes(id, piece);
        }
        if call.is_none() {
            return;
        }
        out.push(Signal::ToolProgressed {
            tool_id: id.to_owned(),
            title: string_at(params, &["message"]),
            output: string_at(params, &["delta"]),
        });
    }

    /// A turn is over: its calls are, and commands that run on become tasks, once the
    /// program has told which those are.
    pub(super) fn leave_calls(&mut self, finished: bool, out: &mut Decoded) {
        let calls = std::mem::take(&mut self.memory.calls);
        let commands = calls.iter().any(|call| call.command);
        for call in calls {
            let runs_on = finished && call.command;
            let state = if runs_on { ToolState::Completed } else { ToolState::Cancelled };
            let output = runs_on.then_some("(runs on in the background)");
            out.push(Signal::ToolEnded(call.ends(state, output)));
        }
        if let Some(thread) = self.memory.thread.as_deref().filter(|_| commands) {
            out.push(task::ask(thread));
        }
    }

    /// The process is gone, or the turn was cut.
    pub(super) fn cut_calls(&mut self, out: &mut Decoded) {
        for call in std::mem::take(&mut self.memory.calls) {
            out.push(Signal::ToolEnded(call.ends(ToolState::Cancelled, None)));
        }
    }

    /// A command that ran without a turn has ended. Whether it was one.
    fn task_ends(&mut self, id: &str, item: &Value, out: &mut Decoded) -> bool {
        let Some(at) = self.memory.tasks.iter().position(|(task, _)| task == id) else { return false };
        self.memory.tasks.remove(at);
        let ended = tool::end_of(item);
        let status = match ended.state {
            ToolState::Completed => TaskStatus::Completed,
            // A command that was told to end has no exit code of its own.
            _ if crate::json::at(item, &["exitCode"]).and_then(Value::as_i64) == Some(-1) => {
                TaskStatus::Stopped
            }
            _ => TaskStatus::Failed,
        };
        let output =
            ended.output.as_ref().and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let summary = output.map(|text| crate::json::clip(text, 4096).to_owned()).or(ended.error);
        let output = ended.output.as_ref().and_then(Value::as_str).map(task_output);
        let output = output.or_else(|| self.memory.written.get(id).map(|(text, cut)| cut_output(text, *cut)));
        self.memory.forget_written();
        out.push(Signal::Task(TaskSignal::Ended { task_id: id.to_owned(), status, summary, output }));
        true
    }
}
