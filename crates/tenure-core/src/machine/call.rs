//! Commands whose answers a caller waits for. The answer, or that none will come, is an event with the command's number:
//! so whoever waits finds it in the log, also after a restart of the daemon.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_api::{ErrorCode, Problem};
use tenure_event::{ConfigChanged, ErrorInfo, Kind, RequestRefused};

use super::{McpRequest, Step};
use crate::agent::{AgentError, Command};
use crate::{Reply, Until};

/// Commands that may wait for their answers at once.
const BOUND: usize = 64;

/// What such a command is to bring about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", content = "value", rename_all = "snake_case")]
pub enum Call {
    /// This model.
    Model(String),
    /// This mode.
    Mode(String),
    /// This effort.
    Effort(String),
    /// A summary in place of the conversation.
    Compact,
    /// The end of this task.
    StopTask(String),
    /// Something about tool servers.
    Mcp(McpRequest),
}

impl Call {
    fn verb(&self) -> &'static str {
        match self {
            Self::Model(_) => "set_model",
            Self::Mode(_) => "set_mode",
            Self::Effort(_) => "set_effort",
            Self::Compact => "compact",
            Self::StopTask(_) => "stop_task",
            Self::Mcp(request) => request.verb(),
        }
    }
}

impl Step<'_> {
    /// Sends a command and remembers what it is for.
    pub(super) fn call(&mut self, call: Call, instructions: Option<String>) -> u64 {
        let command = match &call {
            Call::Model(model) => Command::SetModel(model.clone()),
            Call::Mode(mode) => Command::SetMode(mode.clone()),
            Call::Effort(effort) => Command::SetEffort(effort.clone()),
            Call::Compact => Command::Compact { instructions },
            Call::StopTask(task_id) => Command::StopTask { task_id: task_id.clone() },
            Call::Mcp(request) => self.mcp_command(request),
        };
        let n = self.send(command);
        self.s.calls.insert(n, call);
        n
    }

    /// Whether no more commands may be sent whose answers are waited for.
    pub(super) fn calls_are_full(&self) -> bool {
        self.s.calls.len() >= BOUND
    }

    /// Whether another command may be sent whose answer is waited for.
    pub(super) fn may_call(&self, verb: &str) -> Result<(), Problem> {
        if !self.supports(verb) {
            return Err(self.unsupported(verb));
        }
        if self.calls_are_full() {
            let what =
                format!("{BOUND} requests wait for the agent's answer; try again when it has answered");
            return Err(Problem::new(ErrorCode::Overloaded, what).about(&self.s.spec.id));
        }
        Ok(())
    }

    /// A command was answered; tells whether anybody waited for it.
    pub(super) fn call_answered(&mut self, n: u64, result: &Result<Value, AgentError>) -> bool {
        let Some(call) = self.s.calls.remove(&n) else { return false };
        // Nobody but the next one who looks is told how servers stand.
        if call == Call::Mcp(McpRequest::Refresh) {
            return true;
        }
        if let Err(e) = result {
            if let Call::StopTask(task_id) = &call {
                self.s.stopping.remove(task_id);
            }
            let error = ErrorInfo { code: e.code.clone(), message: e.message.clone(), data: e.data.clone() };
            self.out.full = true;
            self.emit_bare(Kind::RequestRefused(RequestRefused {
                verb: call.verb().to_owned(),
                error,
                command: n,
            }));
            if let Call::Mcp(_) = call {
                self.servers_after_refusal();
            }
            return true;
        }
        let mut change = ConfigChanged { by: "client".to_owned(), command: Some(n), ..Default::default() };
        match call {
            Call::Model(model) => {
                self.s.model = Some(model.clone());
                change.model = Some(model);
            }
            Call::Mode(mode) => {
                self.s.mode = Some(mode.clone());
                change.mode = Some(mode);
            }
            Call::Effort(effort) => {
                self.s.effort = Some(effort.clone());
                change.effort = Some(effort);
            }
            // Their ends are events of their own.
            Call::Compact | Call::StopTask(_) => return true,
            Call::Mcp(request) => {
                self.mcp_done(request, n, result.as_ref().ok());
                return true;
            }
        }
        self.emit_bare(Kind::ConfigChanged(change));
        true
    }

    /// Whether a client has asked for just this and the answer is on its way.
    pub(super) fn is_asked_for(&self, call: &Call) -> bool {
        self.s.calls.values().any(|c| c == call)
    }

    pub(super) fn compact(&mut self, instructions: Option<String>) -> Result<Reply, Problem> {
        self.must_be_ready("compact")?;
        self.may_call("compact")?;
        if self.s.turn.is_some() || self.s.compacting {
            let what = "a turn is running; compact when it has ended, or interrupt it";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        let n = self.call(Call::Compact, instructions);
        self.out.full = true;
        Ok(self.done(vec![format!("session:{}", self.s.spec.id)], Until::Compacted(n)))
    }

    pub(super) fn stop_task(&mut self, task_id: String) -> Result<Reply, Problem> {
        if self.lacks("stop_task") {
            return Err(self.unsupported("stop_task"));
        }
        if !self.s.tasks.contains_key(&task_id) {
            let what = format!("no task {task_id:?} runs in this session; `tasks` lists them");
            return Err(Problem::new(ErrorCode::NotFound, what).about(&self.s.spec.id));
        }
        self.must_be_ready("stop_task")?;
        self.may_call("stop_task")?;
        let hit = vec![format!("task:{task_id}")];
        self.s.stopping.insert(task_id.clone());
        let n = self.call(Call::StopTask(task_id.clone()), None);
        self.out.full = true;
        Ok(self.done(hit, Until::TaskEnd(task_id, n)))
    }

    /// A verb that the agent itself carries out needs its process.
    pub(super) fn must_be_ready(&self, verb: &str) -> Result<(), Problem> {
        let ready = self.s.process.as_ref().is_some_and(|p| p.ready) && self.s.ending.is_none();
        if ready {
            return Ok(());
        }
        let what = format!(
            "the agent carries out `{verb}` itself, and it is not running; `resume` the session first"
        );
        Err(Problem::new(ErrorCode::NotReady, what).about(&self.s.spec.id))
    }
}
