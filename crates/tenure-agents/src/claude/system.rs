//! Frames of type `system`, and the few others that tell how the session stands.

use serde_json::Value;
use tenure_core::agent::{Signal, TurnEnd, TurnVerdict, Wait};
use tenure_event::{Compaction, McpServer, Timestamp, WaitReason};

use super::{ClaudeCodec, control::native, field, servers, tasks};

/// Plumbing that says no more than that the program is alive.
const SIGNS_OF_LIFE: &[&str] = &[
    "control_request_progress",
    "hook_progress",
    "hook_response",
    "hook_started",
    "thinking_tokens",
    "ui_invalidate",
];

impl ClaudeCodec {
    /// Reads a frame of type `system`.
    pub(super) fn system(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let subtype = field::id(frame, "subtype").unwrap_or("unknown");
        match subtype {
            "init" => self.turn_begins(frame, out),
            "status" => self.status(frame, out),
            "session_state_changed" => self.state_changed(frame, out),
            "api_retry" => self.retries(frame, out),
            "compact_boundary" => self.compacted(frame, out),
            "session_title_changed" => {
                if let Some(title) = field::text(frame, "title").map(field::one_line)
                    && self.memory.title.as_ref() != Some(&title)
                {
                    self.memory.title = Some(title.clone());
                    out.push(Signal::Title(title));
                }
            }
            "task_started" => out.extend(tasks::started(&mut self.memory, frame)),
            "task_progress" => out.extend(tasks::progressed(frame)),
            "task_updated" => tasks::updated(&mut self.memory, frame),
            "task_notification" => {
                if let Some((signal, tool_id)) = tasks::ended(&mut self.memory, frame) {
                    if let Some(tool_id) = tool_id {
                        self.subagent_ended(&tool_id, out);
                    }
                    out.push(signal);
                }
            }
            "background_tasks_changed" => out.push(tasks::running(&mut self.memory, frame)),
            "permission_denied" => {
                let tool = field::id(frame, "tool_name").unwrap_or("a tool");
                let why = field::text(frame, "message").unwrap_or("no reason given");
                let message = field::clip(&format!("{tool} was denied without asking: {why}"), 2000);
                out.push(Signal::Warning { code: "permission_denied".to_owned(), message });
            }
            "informational" => informational(frame, out),
            known if SIGNS_OF_LIFE.contains(&known) => {}
            other => out.push(native(&format!("system/{other}"), frame)),
        }
    }

    fn turn_begins(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.memory.in_turn = true;
        self.memory.taken.clear();
        self.memory.api_error = None;
        out.push(Signal::TurnBegan);
        let mut inputs: Vec<String> = std::mem::take(&mut self.memory.coming).into();
        inputs.extend(field::ids(frame, "user_message_uuids").unwrap_or_default());
        self.take_inputs(&inputs, out);
        self.config_is(field::id(frame, "model"), field::id(frame, "permissionMode"), out);
        if let Some(servers) = servers::from_init(frame, &self.memory.servers) {
            self.servers_are(servers, out);
        }
    }

    /// Tells of inputs that the running turn took in, each once.
    pub(super) fn take_inputs(&mut self, inputs: &[String], out: &mut Vec<Signal>) {
        for input in inputs {
            if self.memory.take(input) {
                out.push(Signal::InputTaken { native_input: input.clone() });
            }
        }
    }

    /// Reads `command_lifecycle`: an input that starts while a turn runs was folded into it;
    /// one that starts between turns belongs to the next.
    pub(super) fn lifecycle(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let Some(input) = field::id(frame, "command_uuid") else { return };
        match field::text(frame, "state") {
            Some("started") if self.memory.in_turn => self.take_inputs(&[input.to_owned()], out),
            Some("started") => self.memory.expect(input),
            Some("completed") => self.memory.coming.retain(|known| known != input),
            Some("cancelled") => self.input_cancelled(input, out),
            _ => {}
        }
    }

    /// An interrupt took an input back. One that no turn had begun for gets no result: this
    /// is all that will be heard of it. (One whose turn was cut is told here too, later.)
    fn input_cancelled(&mut self, input: &str, out: &mut Vec<Signal>) {
        self.memory.coming.retain(|known| known != input);
        if self.memory.in_turn || self.memory.over.iter().any(|known| known == input) {
            return;
        }
        out.push(Signal::TurnEnded(TurnEnd {
            prompt_n: None,
            native_inputs: Some(vec![input.to_owned()]),
            verdict: TurnVerdict::Cancelled,
            stop_reason: None,
            usage: None,
            cost_usd: None,
            said: false,
            idle_follows: self.memory.tells_states,
        }));
    }

    fn config_is(&mut self, model: Option<&str>, mode: Option<&str>, out: &mut Vec<Signal>) {
        let model = model.filter(|model| self.memory.model.as_deref() != Some(model)).map(str::to_owned);
        let mode = mode.filter(|mode| self.memory.mode.as_deref() != Some(mode)).map(str::to_owned);
        if model.is_none() && mode.is_none() {
            return;
        }
        if model.is_some() {
            self.memory.model.clone_from(&model);
        }
        if mode.is_some() {
            self.memory.mode.clone_from(&mode);
        }
        out.push(Signal::Config { model, mode, effort: None });
    }

    pub(super) fn servers_are(&mut self, servers: Vec<McpServer>, out: &mut Vec<Signal>) {
        if self.memory.servers != servers {
            self.memory.servers.clone_from(&servers);
            out.push(Signal::Mcp(servers));
        }
    }

    fn status(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.config_is(None, field::id(frame, "permissionMode"), out);
        if self.memory.in_turn
            && let Some(inputs) = field::ids(frame, "user_message_uuids")
        {
            self.take_inputs(&inputs, out);
        }
        if field::text(frame, "status") == Some("compacting") && !self.memory.compacting {
            self.memory.compacting = true;
            out.push(Signal::Compaction { began: true, info: Compaction::default() });
        }
        let failed = field::text(frame, "compact_error").map(str::to_owned).or_else(|| {
            let result = field::text(frame, "compact_result")?;
            (result != "success").then(|| format!("compaction ended as {result}"))
        });
        // A good end is told by the boundary that follows, with its figures.
        if let Some(error) = failed {
            self.compaction_ended(
                Compaction { error: Some(field::clip(&error, 2000)), ..Compaction::default() },
                out,
            );
        }
    }

    fn compacted(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let told = frame.get("compact_metadata");
        let info = Compaction {
            trigger: told.and_then(|told| field::id(told, "trigger")).map(str::to_owned),
            tokens_before: told.and_then(|told| field::count(told, "pre_tokens")),
            tokens_after: told.and_then(|told| field::count(told, "post_tokens")),
            error: None,
        };
        if !self.memory.compacting {
            let info = Compaction { trigger: info.trigger.clone(), ..Compaction::default() };
            out.push(Signal::Compaction { began: true, info });
            self.memory.compacting = true;
        }
        self.memory.context_used = info.tokens_after;
        self.compaction_ended(info, out);
    }

    /// Ends a compaction that began, once.
    pub(super) fn compaction_ended(&mut self, info: Compaction, out: &mut Vec<Signal>) {
        if std::mem::take(&mut self.memory.compacting) {
            out.push(Signal::Compaction { began: false, info });
        }
    }

    fn state_changed(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.memory.tells_states = true;
        if field::text(frame, "state") == Some("idle") {
            self.works_on(out);
            self.at_rest(out);
            out.push(Signal::Idle);
        }
    }

    fn retries(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let status = field::count(frame, "error_status");
        let reason = match (status, field::text(frame, "error")) {
            (Some(401 | 403), _) | (_, Some("authentication_failed")) => WaitReason::Auth,
            (Some(429), _) | (_, Some("rate_limit")) => WaitReason::RateLimit,
            _ => WaitReason::Retry,
        };
        self.waits(Wait { reason, until: None, for_ms: field::count(frame, "retry_delay_ms") }, out);
    }

    fn waits(&mut self, wait: Wait, out: &mut Vec<Signal>) {
        self.memory.waiting = Some(wait.reason);
        out.push(Signal::Waiting(Some(wait)));
    }

    /// Progress was made: whatever was waited for is over.
    pub(super) fn works_on(&mut self, out: &mut Vec<Signal>) {
        if self.memory.waiting.take().is_some() {
            out.push(Signal::Waiting(None));
        }
    }

    /// Reads `rate_limit_event`.
    pub(super) fn rate_limit(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let Some(info) = frame.get("rate_limit_info") else {
            return out.push(native("rate_limit_event", frame));
        };
        let resets = field::count(info, "resetsAt").and_then(|seconds| i64::try_from(seconds).ok());
        let until = resets.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
        let which = field::id(info, "rateLimitType").unwrap_or("usage");
        match field::text(info, "status") {
            Some("rejected") => {
                self.memory.limit_until = resets;
                self.waits(Wait { reason: WaitReason::RateLimit, until, for_ms: None }, out);
            }
            Some("allowed_warning") => {
                let message = format!("The {which} limit of the account is nearly reached.");
                out.push(Signal::Warning { code: "rate_limit".to_owned(), message });
            }
            _ => {
                self.memory.limit_until = None;
                if self.memory.waiting == Some(WaitReason::RateLimit) {
                    self.works_on(out);
                }
            }
        }
    }

    /// Reads `conversation_reset`: the next id that a frame carries is the new one.
    pub(super) fn reset(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let carried = field::id(frame, "session_id").map(str::to_owned);
        self.memory.left = self.memory.native_id.take().or(carried);
        self.memory.context_used = None;
        self.memory.cost_total = None;
        out.push(Signal::Cleared);
        if !self.memory.todos.is_empty() {
            self.memory.todos.clear();
            out.push(Signal::Todos(Vec::new()));
        }
    }

    /// The id that the process itself puts on its frames.
    pub(super) fn identify(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let Some(id) = field::id(frame, "session_id") else { return };
        if self.memory.native_id.as_deref() == Some(id) || self.memory.left.as_deref() == Some(id) {
            return;
        }
        self.memory.native_id = Some(id.to_owned());
        out.push(Signal::NativeId(id.to_owned()));
    }
}

fn informational(frame: &Value, out: &mut Vec<Signal>) {
    match (field::text(frame, "level"), field::text(frame, "content")) {
        (Some("warning" | "error"), Some(content)) => out.push(Signal::Warning {
            code: field::id(frame, "tag").unwrap_or("notice").to_owned(),
            message: field::clip(content, 2000),
        }),
        _ => out.push(native("system/informational", frame)),
    }
}
