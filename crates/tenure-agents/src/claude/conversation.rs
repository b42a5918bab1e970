//! What the model and its tools say, and where a turn ends.

use serde_json::Value;
use tenure_core::agent::LineMark;
use tenure_core::agent::{Signal, ToolEnd};
use tenure_event::{ContextUse, PartBody, ToolKind, ToolState};

use super::{
    ClaudeCodec, diffs, field,
    memory::{ApiError, CALLS_MAX, Call, INPUT_MAX, PLAN_MAX},
    open::Open,
    tasks, todos, tools, turn,
};

impl ClaudeCodec {
    /// A line that was read before a restart: it fills messages that were open then.
    pub(super) fn read_again(&mut self, offset: u64, frame: &Value) {
        match field::text(frame, "type") {
            Some("stream_event") => {
                let _ = self.messages.stream(&self.record, offset, frame, true);
            }
            Some("assistant") => {
                let _ = self.messages.written(&self.record, offset, frame, true);
            }
            _ => {}
        }
    }

    pub(super) fn stream_event(&mut self, offset: u64, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        self.take_named(frame, out);
        let told = self.messages.stream(&self.record, offset, frame, false);
        self.close(told.done, false, out);
        out.extend(told.delta.map(Signal::Delta));
    }

    /// Versions without `command_lifecycle` name a message's inputs here alone.
    fn take_named(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        if self.memory.in_turn
            && let Some(inputs) = field::ids(frame, "user_message_uuids")
        {
            self.take_inputs(&inputs, out);
        }
    }

    pub(super) fn assistant(&mut self, offset: u64, line_len: usize, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        self.take_named(frame, out);
        if field::flag(frame, "is_api_error_message") {
            return self.api_error(frame, out);
        }
        let told = self.messages.written(&self.record, offset, frame, false);
        out.extend(told.deltas.into_iter().map(Signal::Delta));
        if let Some(message_id) = told.message_id {
            let parent = field::id(frame, "parent_tool_use_id").map(str::to_owned);
            for block in &told.calls {
                let Some(tool_id) = field::id(block, "id") else { continue };
                let tool = field::id(block, "name").unwrap_or("unknown");
                let input = block.get("input").cloned().unwrap_or_default();
                let call = Call {
                    tool_id: tool_id.to_owned(),
                    message_id: message_id.clone(),
                    tool: tool.to_owned(),
                    kind: tools::kind(tool),
                    title: tools::title(&self.record.cwd, tool, &input),
                    locations: tools::locations(&input),
                    parent: parent.clone(),
                    input,
                };
                self.call_starts(call, line_len, out);
            }
        }
        self.close(told.done, false, out);
    }

    fn call_starts(&mut self, call: Call, line_len: usize, out: &mut Vec<Signal>) {
        if self.memory.calls.iter().any(|known| known.tool_id == call.tool_id) {
            return;
        }
        if self.memory.calls.len() >= CALLS_MAX {
            let oldest = self.memory.calls[0].tool_id.clone();
            self.cancel_calls(|call| call.tool_id == oldest, out);
        }
        out.push(Signal::ToolStarted(call.start()));
        let input = tools::remembered(&call.input, line_len, INPUT_MAX);
        self.memory.calls.push(Call { input, ..call });
    }

    /// A notice in place of a message. The turn's result says the same; in a subagent
    /// nothing else does.
    fn api_error(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let word = field::id(frame, "error").map(str::to_owned);
        let status = field::count(frame, "api_error_status");
        if field::id(frame, "parent_tool_use_id").is_none() {
            self.memory.api_error = Some(ApiError { error: word, status });
            return;
        }
        let content = frame.get("message").map_or(&[][..], |message| field::items(message, "content"));
        let text =
            content.iter().find_map(|block| field::text(block, "text")).unwrap_or("a model call failed");
        out.push(Signal::Warning {
            code: turn::code_of(status, word.as_deref().unwrap_or_default(), "model_error").to_owned(),
            message: field::clip(&format!("A subagent met an error: {text}"), 2000),
        });
    }

    /// Reads a `user` frame: results of tools. Its other texts are echoes and notes.
    pub(super) fn user(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let Some(message) = frame.get("message") else { return };
        let parent = field::id(frame, "parent_tool_use_id");
        let results: Vec<&Value> = field::items(message, "content")
            .iter()
            .filter(|block| field::text(block, "type") == Some("tool_result"))
            .collect();
        if results.is_empty() {
            return;
        }
        let done = self.messages.take_unstreamed(parent);
        self.close(done, false, out);
        for block in &results {
            // The structure belongs to one result; with several it cannot be told whose.
            let structure = frame.get("tool_use_result").filter(|_| results.len() == 1);
            self.call_ends(frame, block, structure, out);
        }
    }

    fn call_ends(&mut self, frame: &Value, block: &Value, structure: Option<&Value>, out: &mut Vec<Signal>) {
        let Some(tool_id) = field::id(block, "tool_use_id") else { return };
        let meta = field::items(frame, "tool_result_meta")
            .iter()
            .find(|meta| field::id(meta, "id") == Some(tool_id));
        let state = tools::state(block, meta, structure);
        let Some(call) = self.memory.end_call(tool_id) else {
            let value = Some(block.clone());
            return out.push(Signal::Native { kind: "late".to_owned(), value, at: LineMark::default() });
        };
        // A subagent in the foreground has said all it had to say.
        if !self.memory.works_in_background(Some(tool_id)) {
            self.subagent_ended(tool_id, out);
        }
        let output = tools::output(block);
        tasks::sent_to_background(&mut self.memory, output.as_ref());
        let done = state == ToolState::Completed;
        let diffs = if done { diffs::diffs(&call.tool, &call.input, structure) } else { Vec::new() };
        let error = if done { None } else { tools::why(output.as_ref()) };
        out.push(Signal::ToolEnded(ToolEnd {
            start: call.start(),
            state,
            input: None,
            output,
            diffs,
            error,
        }));
        if done && call.kind == ToolKind::Edit {
            self.note_plan(structure);
        }
        if done
            && call.parent.is_none()
            && todos::apply(&mut self.memory.todos, &call.tool, &call.input, structure)
        {
            out.push(Signal::Todos(self.memory.todos.clone()));
        }
    }

    /// While it plans, the agent keeps its plan in a file of its own, in a directory `plans`;
    /// the request to approve it does not tell the text.
    fn note_plan(&mut self, structure: Option<&Value>) {
        if self.memory.mode.as_deref() != Some("plan") {
            return;
        }
        let Some(structure) = structure else { return };
        let path = field::text(structure, "filePath").unwrap_or_default();
        let folder = path.rsplit('/').nth(1);
        if folder == Some("plans") {
            let text = diffs::new_text(structure).map(|(_, text)| text);
            self.memory.plan = text.filter(|text| text.len() <= PLAN_MAX);
        }
    }

    /// Everything that a subagent left open ends.
    pub(super) fn subagent_ended(&mut self, tool_id: &str, out: &mut Vec<Signal>) {
        let done = self.messages.take(|open| open.parent.as_deref() == Some(tool_id));
        self.close(done, true, out);
        self.cancel_calls(|call| call.parent.as_deref() == Some(tool_id), out);
    }

    /// Tells messages that are over.
    fn close(&mut self, done: Vec<Open>, cut: bool, out: &mut Vec<Signal>) {
        for open in done {
            let main = open.parent.is_none();
            let Some(message) = open.message(&self.record, cut) else { continue };
            if let Some(usage) = message.usage.filter(|_| main) {
                self.memory.context_used = Some(usage.tokens());
            }
            self.memory.said |= message
                .parts
                .iter()
                .any(|part| matches!(part.body, PartBody::Text { .. } | PartBody::Tool(_)));
            out.push(Signal::Message(message));
        }
    }

    /// Ends calls of which nothing more will be heard.
    fn cancel_calls(&mut self, wanted: impl Fn(&Call) -> bool, out: &mut Vec<Signal>) {
        let ids: Vec<String> =
            self.memory.calls.iter().filter(|call| wanted(call)).map(|call| call.tool_id.clone()).collect();
        for id in ids {
            if let Some(call) = self.memory.end_call(&id) {
                out.push(Signal::ToolEnded(call.cancelled()));
            }
        }
    }

    /// Reads a `result`.
    pub(super) fn result(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        self.compaction_ended(tenure_event::Compaction::default(), out);
        self.at_rest(out);
        let window = self.memory.context_used.zip(turn::window_max(&self.memory, frame));
        if let Some((used, max)) = window.filter(|_| self.memory.context_told != window) {
            self.memory.context_told = window;
            let context = Some(ContextUse { used, max: Some(max) });
            out.push(Signal::Usage { usage: None, context, cost_usd: None });
        }
        let end = turn::end(&self.record, &mut self.memory, frame);
        self.memory.in_turn = false;
        self.memory.taken.clear();
        self.memory.over = end.native_inputs.clone().unwrap_or_default();
        out.push(Signal::TurnEnded(end));
    }

    /// The main conversation rests: what it left open ends, except under subagents that
    /// work on in the background.
    pub(super) fn at_rest(&mut self, out: &mut Vec<Signal>) {
        let memory = &self.memory;
        let done = self.messages.take(|open| !memory.works_in_background(open.parent.as_deref()));
        self.close(done, true, out);
        let kept: Vec<String> = self
            .memory
            .tasks
            .iter()
            .filter(|task| task.background)
            .filter_map(|task| task.tool_id.clone())
            .collect();
        self.cancel_calls(|call| !call.parent.as_ref().is_some_and(|parent| kept.contains(parent)), out);
    }

    /// The process is gone or the turn was cut.
    pub(super) fn cut_short(&mut self) -> Vec<Signal> {
        let mut out = Vec::new();
        let done = self.messages.take(|_| true);
        self.close(done, true, &mut out);
        self.cancel_calls(|_| true, &mut out);
        out
    }
}

/// Reads `tool_progress`: a sign that a call still runs.
pub(super) fn tool_progress(frame: &Value) -> Option<Signal> {
    let tool_id = field::id(frame, "tool_use_id")?.to_owned();
    Some(Signal::ToolProgressed { tool_id, title: None, output: None })
}
