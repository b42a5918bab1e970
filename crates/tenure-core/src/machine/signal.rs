//! What an agent tells, turned into events.

use tenure_event::{
    ConfigChanged, EphemeralKind, ErrorInfo, Handshake, Kind, MessageCompleted, MessageOrigin, NativeBound,
    NativeReceived, Role, SessionCleared, TaskCompleted, TaskOutput, TaskProgressed, TaskStatus,
    TodosUpdated, ToolCompleted, ToolProgressed, ToolStarted, ToolState, UsageUpdated,
};

use super::call::Call;
use super::{Act, Step};
use crate::agent::{
    AgentError, LineMark, MessageDone, Signal, TaskSignal, ToolEnd, ToolStart, TurnEnd, TurnVerdict, Wait,
};

/// Tasks that are followed at once. Each is in the state, which is stored with every step.
const TASKS: usize = 256;

impl Step<'_> {
    pub(super) fn signals(&mut self, signals: Vec<Signal>, stderr: Option<&str>) {
        for signal in signals {
            self.note_in_turn(&signal);
            self.signal(signal, stderr);
        }
    }

    fn signal(&mut self, signal: Signal, stderr: Option<&str>) {
        match signal {
            Signal::Delta(_) | Signal::ToolProgressed { .. } => self.ephemeral(signal),
            Signal::Message(done) => self.message(done),
            Signal::ToolStarted(start) => self.tool_started(start),
            Signal::ToolEnded(end) => self.tool_ended(end),
            Signal::Ask(ask) => self.ask_opened(ask),
            Signal::AskWithdrawn { token } => self.ask_withdrawn(&token),
            Signal::Request { token, request } => self.serve(token, request),
            Signal::TurnBegan => self.agent_began(),
            Signal::InputTaken { native_input } => self.input_taken(&native_input),
            Signal::SteerRefused { n, .. } => self.steer_refused(n),
            Signal::TurnEnded(end) => self.turn_ended(end, stderr),
            Signal::Idle => self.agent_idle(),
            Signal::Waiting(wait) => self.waiting(wait),
            Signal::Task(task) => self.task(task),
            other => self.about_the_session(other),
        }
    }

    /// Signals that are not about the running turn.
    fn about_the_session(&mut self, signal: Signal) {
        match signal {
            Signal::Send(command) => {
                self.send(command);
            }
            Signal::Ready { agent_info, capabilities, model, mode, effort, fresh } => {
                if fresh {
                    self.warn(
                        "conversation_lost",
                        "the conversation could not be continued; an empty one was begun",
                    );
                }
                self.config(model, mode, effort);
                self.handshake(Handshake { agent_info, capabilities });
                self.ready();
            }
            Signal::AtPoint { lasting } => self.at_point(lasting),
            Signal::HandshakeFailed(e) => self.handshake_failed(info(e)),
            Signal::Capabilities(capabilities) => {
                let agent_info = self.s.agent_info.clone().unwrap_or_default();
                self.handshake(Handshake { agent_info, capabilities });
            }
            Signal::NativeId(id) => self.native_bound(Some(id)),
            Signal::Config { model, mode, effort } => self.config(model, mode, effort),
            Signal::Title(title) => self.titled_by_agent(title),
            Signal::Usage { usage, context, cost_usd } => {
                self.s.context = context.or(self.s.context);
                self.emit(Kind::UsageUpdated(UsageUpdated { usage, context, cost_usd }));
                if let Some(total) = cost_usd {
                    self.cost_told(total);
                }
            }
            Signal::Todos(todos) if todos != self.s.todos => {
                self.s.todos.clone_from(&todos);
                self.emit(Kind::TodosUpdated(TodosUpdated { todos }));
            }
            Signal::Mcp(servers) => self.servers_told(servers),
            Signal::Compaction { began, info } => {
                self.s.compacting = began;
                self.emit(if began {
                    Kind::CompactionStarted(info)
                } else {
                    Kind::CompactionCompleted(info)
                });
            }
            Signal::Cleared => self.cleared(),
            // A number that was never given out: it only looks like an answer.
            Signal::Answered { n, .. } if n >= self.s.next_n => {
                let value = Some(serde_json::json!({ "answers": n }));
                self.native("late".to_owned(), value, LineMark::default());
            }
            Signal::Answered { n, result } => self.answered(n, &result),
            Signal::Native { kind, value, at } => self.native(kind, value, at),
            Signal::Warning { code, message } => self.warn(&code, &message),
            _ => {}
        }
    }

    fn answered(&mut self, n: u64, result: &Result<serde_json::Value, AgentError>) {
        if self.call_answered(n, result) {
            return;
        }
        if let Err(e) = result {
            self.warn("command_refused", &format!("the agent refused command {n}: {}", e.message));
        }
        self.command_answered(n);
    }

    /// A command cannot be told to the process. A prompt ends its turn with that, and the next input has its chance; what was to
    /// be steered waits for a turn of its own.
    pub(super) fn unsaid(&mut self, n: u64, error: AgentError) {
        let Some(turn) = &self.s.turn else { return self.answered(n, &Err(error)) };
        if turn.prompt_n == Some(n) {
            let end = TurnEnd {
                prompt_n: Some(n),
                native_inputs: None,
                verdict: TurnVerdict::Failed(error),
                stop_reason: None,
                usage: None,
                cost_usd: None,
                said: true,
                idle_follows: false,
            };
            return self.turn_ended(end, None);
        }
        if turn.steered.iter().any(|steered| steered.n == n) {
            return self.steer_refused(n);
        }
        self.answered(n, &Err(error));
    }

    fn ephemeral(&mut self, signal: Signal) {
        self.s.wait = None;
        let kind = match signal {
            Signal::Delta(delta) => EphemeralKind::MessageDelta(delta),
            Signal::ToolProgressed { tool_id, title, output } => {
                EphemeralKind::ToolProgressed(ToolProgressed { tool_id, title, output })
            }
            _ => return,
        };
        self.out.ephemeral.push((self.out.events.len(), kind));
    }

    fn message(&mut self, done: MessageDone) {
        if done.replayed && self.s.history_taken {
            // Said before, and in the log: the agent tells it all again whenever it loads the conversation.
            return;
        }
        if done.role == Role::Assistant && !done.replayed {
            self.s.wait = None;
        }
        let event = MessageCompleted {
            message_id: done.message_id,
            native_ids: done.native_ids,
            role: done.role,
            parts: done.parts,
            model: done.model,
            usage: done.usage,
            partial: done.partial,
            origin: done.replayed.then_some(MessageOrigin::Native),
            said_at: None,
            parent_tool_id: done.parent_tool_id,
            epoch: self.s.epoch,
            whole: None,
        };
        self.emit(Kind::MessageCompleted(event));
    }

    fn tool_started(&mut self, start: ToolStart) {
        self.emit(Kind::ToolStarted(ToolStarted {
            tool_id: start.tool_id,
            message_id: start.message_id,
            tool: start.tool,
            kind: start.kind,
            title: start.title,
            state: start.state,
            input: start.input,
            locations: start.locations,
            parent_tool_id: start.parent_tool_id,
            whole: None,
        }));
    }

    fn tool_ended(&mut self, mut end: ToolEnd) {
        // Few agents say themselves that a tool was denied.
        let denied = self.s.turn.as_mut().is_some_and(|t| t.denied.remove(&end.start.tool_id));
        if denied && matches!(end.state, ToolState::Failed | ToolState::Cancelled) {
            end.state = ToolState::Denied;
        }
        self.files_after_tool(&end.start.tool_id, end.start.kind, end.state);
        self.emit(Kind::ToolCompleted(ToolCompleted {
            tool_id: end.start.tool_id,
            message_id: end.start.message_id,
            tool: end.start.tool,
            kind: end.start.kind,
            title: end.start.title,
            state: end.state,
            input: end.input,
            output: end.output,
            diffs: end.diffs,
            error: end.error,
            blob: None,
            bytes: None,
            whole: None,
        }));
    }

    fn task(&mut self, task: TaskSignal) {
        match task {
            TaskSignal::Started(started)
                if self.s.tasks.len() >= TASKS && !self.s.tasks.contains_key(&started.task_id) =>
            {
                let what = format!(
                    "{TASKS} tasks run already; task {} is not followed, its end will not be told",
                    started.task_id
                );
                self.warn("too_many_tasks", &what);
            }
            TaskSignal::Started(started) => {
                if self.s.tasks.insert(started.task_id.clone(), started.clone()).is_none() {
                    self.emit(Kind::TaskStarted(started));
                }
            }
            TaskSignal::Progressed { task_id, title } => {
                let kind = EphemeralKind::TaskProgressed(TaskProgressed { task_id, title });
                self.out.ephemeral.push((self.out.events.len(), kind));
            }
            TaskSignal::Ended { task_id, status, summary, output } => {
                self.task_ended(task_id, status, summary, output);
            }
            TaskSignal::Running(ids) => {
                let gone: Vec<String> = self.s.tasks.keys().filter(|id| !ids.contains(id)).cloned().collect();
                for task_id in gone {
                    self.task_ended(task_id, TaskStatus::Completed, None, None);
                }
            }
        }
    }

    fn task_ended(
        &mut self,
        task_id: String,
        status: TaskStatus,
        summary: Option<String>,
        output: Option<TaskOutput>,
    ) {
        if self.s.tasks.remove(&task_id).is_none() {
            return;
        }
        // What was told to end has no success of its own, and agents tell its end in many ways: a signal's
        // number, an exit code that a shell made of it.
        let asked = self.s.stopping.remove(&task_id);
        let status = if asked && status == TaskStatus::Failed { TaskStatus::Stopped } else { status };
        self.emit(Kind::TaskCompleted(TaskCompleted { task_id, status, summary, output }));
    }

    pub(super) fn agent_idle(&mut self) {
        if self.hold_idle() {
            return;
        }
        self.s.busy_until = None;
        self.s.wait = None;
        let by_itself = self.s.turn.as_ref().is_some_and(|t| t.origin == tenure_event::TurnOrigin::Agent);
        let decided = self.decided();
        // It began to work by itself and stopped without a result; or an interrupt made it drop
        // a prompt that it had not begun with, and there is no result to come.
        if by_itself || decided.is_some() {
            let (outcome, limit) = decided.unwrap_or((tenure_event::Outcome::Completed, None));
            // What was steered is on its way to the agent, and starts a turn when it arrives.
            let left = self.s.turn.as_mut().map(|t| std::mem::take(&mut t.steered)).unwrap_or_default();
            let left = self.without_discarded(left);
            self.close_turn(outcome, limit, None, None);
            if !left.is_empty() {
                self.open_turn_of_left(left);
            }
            self.sync_axes();
        }
        self.start_next();
    }

    fn waiting(&mut self, wait: Option<Wait>) {
        self.s.wait = wait.map(|w| {
            let told = w.for_ms.map(|ms| self.now.at.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX)));
            Wait { until: w.until.or(told), for_ms: None, ..w }
        });
    }

    fn handshake(&mut self, handshake: Handshake) {
        self.s.agent_info = Some(handshake.agent_info.clone());
        self.s.supports = std::sync::Arc::new(handshake.capabilities.supports.clone());
        self.out.acts.push(Act::Handshake(Box::new(handshake)));
    }

    fn native_bound(&mut self, native_id: Option<String>) {
        if self.s.native_id == native_id {
            return;
        }
        let wanted = self.s.process.as_ref().and_then(|p| p.resumes.clone());
        let taken_up = self.s.native_id.clone().or(wanted.clone().filter(|_| self.s.epoch == 0));
        if wanted.is_some() && wanted == taken_up && wanted != native_id {
            let wanted = wanted.unwrap_or_default();
            let what = format!("the agent was to continue {wanted} and continues another conversation");
            self.warn("other_conversation", &what);
        }
        self.s.native_id.clone_from(&native_id);
        let axes = self.axes_now();
        self.emit_bare(Kind::SessionNativeBound(NativeBound { axes, native_id }));
    }

    fn config(&mut self, model: Option<String>, mode: Option<String>, effort: Option<String>) {
        let model = model.filter(|m| self.s.model_effective.as_ref() != Some(m));
        // What a client asked for is told with the answer to it.
        let asked = |call: Call| self.is_asked_for(&call);
        let mode = mode.filter(|m| self.s.mode.as_ref() != Some(m) && !asked(Call::Mode(m.clone())));
        let effort = effort.filter(|e| self.s.effort.as_ref() != Some(e) && !asked(Call::Effort(e.clone())));
        if model.is_none() && mode.is_none() && effort.is_none() {
            return;
        }
        if let Some(model) = &model {
            self.s.model_effective = Some(model.clone());
        }
        self.s.mode = mode.clone().or(self.s.mode.take());
        self.s.effort = effort.clone().or(self.s.effort.take());
        let by = "agent".to_owned();
        self.emit(Kind::ConfigChanged(ConfigChanged {
            model_effective: model,
            mode,
            effort,
            by,
            ..Default::default()
        }));
    }

    fn cleared(&mut self) {
        self.s.epoch += 1;
        self.s.begun = false;
        self.s.native_id = None;
        let epoch = self.s.epoch;
        let axes = self.axes_now();
        self.emit_bare(Kind::SessionCleared(SessionCleared { axes, epoch }));
    }

    fn native(&mut self, kind: String, value: Option<serde_json::Value>, at: LineMark) {
        let (offset, bytes, text) = (at.offset, at.bytes, at.text);
        self.emit(Kind::NativeReceived(NativeReceived { kind, offset, bytes, value, text }));
    }
}

fn info(e: AgentError) -> ErrorInfo {
    ErrorInfo { code: e.code, message: e.message, data: e.data }
}
