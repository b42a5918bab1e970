//! What the program answers, what it asks a person, and its news of a thread, by method.

use serde_json::Value;
use tenure_core::agent::{AgentError, Answer, Command, Decoded, Signal};

use super::CodexCodec;
use super::fault::{fault, read_answer};
use super::id::{Answered, Asked, read_id};
use super::memory::Phase;
use crate::json::{at, raw_member, str_at};
use crate::rpc::{Peer, native};

impl Peer for CodexCodec {
    fn seen(&mut self) -> &mut Option<u64> {
        &mut self.memory.seen
    }

    fn read_again(&mut self, offset: u64, value: &Value) {
        self.gather_again(offset, value);
    }

    fn answer(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let Some(answered) = value.get("id").and_then(read_id) else {
            return out.push(native("unknown", value));
        };
        let Answered { n, asked, about } = answered;
        let outcome = match at(&value, &["error"]) {
            Some(error) => Err(read_answer(error)),
            None => Ok(value.get("result").unwrap_or(&Value::Null)),
        };
        match (asked, self.memory.phase) {
            (Asked::Initialize, Phase::Greeting) => self.greeted(outcome, out),
            (Asked::Fork, Phase::Opening) if self.memory.thread.is_none() => self.opened(outcome, out),
            (Asked::Start | Asked::Resume, Phase::Opening) => self.opened(outcome, out),
            (Asked::Point, Phase::Opening | Phase::Returning) => self.point_sought(outcome, out),
            (Asked::Revert, Phase::Returning) => self.returned(outcome, out),
            (Asked::History, Phase::Reading) => self.history(offset, outcome, out),
            (Asked::Initialize | Asked::Start | Asked::Resume | Asked::History | Asked::Point, _) => {
                out.push(native("late", value));
            }
            (Asked::Models, _) => self.models(outcome, out),
            (Asked::Account, _) => self.account(outcome, out),
            (Asked::Servers, _) => self.servers(n, outcome, out),
            (Asked::Reload, _) => self.reloaded(n, about.unwrap_or_default(), outcome, out),
            (Asked::Turns, _) => self.last_turns(outcome),
            (Asked::Terminals, _) => self.terminals(outcome, out),
            (Asked::Turn, _) => self.turn_answered(n, outcome, out),
            (Asked::Steer, _) => self.steer_answered(n, about.unwrap_or_default(), outcome, out),
            (Asked::Interrupt, _) => out.push(Signal::Answered { n, result: Ok(interrupted(outcome)) }),
            (Asked::Fork, _) => out.push(Signal::Answered { n, result: forked(outcome) }),
            (Asked::Settings | Asked::Compact | Asked::Revert | Asked::Stop, _) => {
                out.push(Signal::Answered { n, result: outcome.cloned() });
            }
        }
    }

    fn request(&mut self, _offset: u64, method: &str, token: String, value: &Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        let ask = match method {
            "item/commandExecution/requestApproval" => Some(self.command_ask(token.clone(), params)),
            "item/fileChange/requestApproval" => Some(self.change_ask(token.clone(), params)),
            "item/permissions/requestApproval" => Some(self.permissions_ask(token.clone(), params)),
            "item/tool/requestUserInput" => self.question_ask(token.clone(), params),
            "mcpServer/elicitation/request" => self.server_ask(token.clone(), params),
            _ => None,
        };
        out.push(match ask {
            Some(ask) => Signal::Ask(ask),
            None => Signal::Send(Command::Answer(Answer::Unknown { token, method: method.to_owned() })),
        });
    }

    fn notification(&mut self, offset: u64, method: &str, line: &[u8], value: Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        // Tool servers may come up before the thread that they are for is known.
        let early = self.memory.thread.is_none() && method == "mcpServer/startupStatus/updated";
        if self.is_foreign(params) && !early {
            return self.of_another_thread(method, value, out);
        }
        match method {
            "turn/started" => self.turn_started(params, out),
            "turn/completed" => self.turn_completed(value, out),
            "turn/plan/updated" => Self::planned(params, out),
            "error" => self.failed(params, out),
            "item/started" => self.item_started(offset, value, out),
            "item/completed" => self.item_completed(offset, value, out),
            _ if is_piece(method) => self.piece(method, params, out),
            "item/commandExecution/outputDelta" | "item/mcpToolCall/progress" => {
                self.call_progressed(params, out);
            }
            "thread/tokenUsage/updated" => self.used(params, out),
            "thread/settings/updated" => self.settled(at(params, &["threadSettings"]), out),
            "thread/name/updated" => self.titled(params, out),
            "model/rerouted" => self.rerouted(params, out),
            "serverRequest/resolved" => {
                out.push(Signal::AskWithdrawn { token: raw_member(line, &["params", "requestId"]) });
            }
            "mcpServer/startupStatus/updated" => self.server_changed(params, out),
            "account/updated" => out.push(self.ask_account()),
            "account/rateLimits/updated" => self.limits(params),
            "modelProvider/authRecoveryStarted" => self.recovers(true, out),
            "modelProvider/authRecoveryCompleted" => self.recovers(false, out),
            "warning" | "guardianWarning" | "configWarning" => out.push(warning(method, params)),
            _ if is_quiet(method) => {}
            _ => out.push(native(method, value)),
        }
    }
}

impl CodexCodec {
    /// It is about a thread that is not the session's, or not known to be. (Lines that are read again are
    /// judged by the thread as it is known then; so what comes before it is known must not be gathered.)
    pub(super) fn is_foreign(&self, params: &Value) -> bool {
        str_at(params, &["threadId"]).is_some_and(|named| self.memory.thread.as_deref() != Some(named))
    }

    /// A subagent's thread, or one that was forked off. Its text is not the session's.
    fn of_another_thread(&mut self, method: &str, value: Value, out: &mut Decoded) {
        let told = ["turn/started", "turn/completed", "item/completed", "error"];
        if told.contains(&method) {
            out.push(native(&format!("thread/other/{method}"), value));
        }
    }
}

/// Pieces of text that are gathered.
pub(super) fn is_piece(method: &str) -> bool {
    matches!(
        method,
        "item/agentMessage/delta"
            | "item/reasoning/summaryTextDelta"
            | "item/reasoning/summaryPartAdded"
            | "item/reasoning/textDelta"
    )
}

/// What says nothing that is not told in another way as well.
fn is_quiet(method: &str) -> bool {
    matches!(
        method,
        "thread/started"
            | "thread/status/changed"
            | "thread/readState/changed"
            | "thread/compacted"
            | "thread/reverted"
            | "thread/goal/cleared"
            | "turn/diff/updated"
            | "item/plan/delta"
            | "item/fileChange/outputDelta"
            | "item/fileChange/patchUpdated"
            | "item/commandExecution/terminalInteraction"
            | "remoteControl/status/changed"
            | "skills/changed"
            | "app/list/updated"
            | "deprecationNotice"
            | "rawResponseItem/completed"
            | "rawResponse/completed"
    )
}

fn warning(method: &str, params: &Value) -> Signal {
    let text = str_at(params, &["message"]).or_else(|| str_at(params, &["summary"])).unwrap_or(method);
    let code = if method == "configWarning" { "agent_config" } else { "agent_warning" };
    Signal::Warning { code: code.to_owned(), message: crate::json::clip(text, 4096).to_owned() }
}

/// An interrupt that found nothing to interrupt has done what it was to do.
fn interrupted(outcome: Result<&Value, AgentError>) -> Value {
    outcome.map_or_else(|error| Value::from(error.message), Clone::clone)
}

fn forked(outcome: Result<&Value, AgentError>) -> Result<Value, AgentError> {
    let answer = outcome?;
    match str_at(answer, &["thread", "id"]) {
        Some(id) => Ok(serde_json::json!({ "native_id": id })),
        None => Err(fault("agent_error", "the agent forked the conversation and gave no id for it")),
    }
}
