//! The life of a turn: answered with its name, begun, in trouble, ended.

use serde_json::Value;
use tenure_core::agent::{AgentError, Decoded, Signal, TurnEnd, TurnVerdict, Wait};
use tenure_event::{Timestamp, WaitReason};

use super::CodexCodec;
use super::fault::{code_of, fault, read_turn};
use super::usage::todos;
use crate::json::{at, is_true, str_at, string_at};
use crate::reset::note_reset;
use crate::rpc::native;

/// Inputs that wait for one turn to take them in.
const STEERED_MAX: usize = 256;
/// Longer names are not kept.
const MAX_ID: usize = 256;

impl CodexCodec {
    /// `turn/start` was answered: with the turn's name, or with a refusal, which ends it.
    pub(super) fn turn_answered(&mut self, n: u64, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let error = match outcome.map(|answer| id_of(answer, &["turn", "id"])) {
            Ok(Some(turn)) => return self.memory.expect(turn, n),
            Ok(None) => fault("agent_error", "Codex began a turn and gave no name for it"),
            Err(error) => error,
        };
        out.push(Signal::TurnEnded(TurnEnd {
            prompt_n: Some(n),
            native_inputs: None,
            verdict: TurnVerdict::Failed(error),
            stop_reason: None,
            usage: None,
            cost_usd: None,
            said: false,
            idle_follows: false,
        }));
    }

    /// A steer was answered. What was accepted is not taken in yet: its message tells that.
    pub(super) fn steer_answered(
        &mut self,
        n: u64,
        input: String,
        outcome: Result<&Value, AgentError>,
        out: &mut Decoded,
    ) {
        let named = outcome.as_ref().ok().and_then(|answer| id_of(answer, &["turnId"]));
        let running = self.memory.turn.as_mut().filter(|turn| named == Some(turn.id.as_str()));
        match (outcome, running) {
            (Err(error), _) => out.push(Signal::SteerRefused { n, error }),
            (Ok(_), Some(turn)) if turn.inputs.contains(&input) => {}
            (Ok(_), Some(turn)) if turn.steered.len() < STEERED_MAX => turn.steered.push((n, input)),
            (Ok(_), _) => out.push(Signal::SteerRefused { n, error: not_taken_in() }),
        }
    }

    pub(super) fn turn_started(&mut self, params: &Value, out: &mut Decoded) {
        let Some(id) = id_of(params, &["turn", "id"]) else { return };
        if self.memory.ended.iter().any(|ended| ended == id) {
            return;
        }
        self.memory.begin(id);
        // One that answers a prompt of ours is begun already, as everybody knows.
        if self.memory.turn.as_ref().is_some_and(|turn| turn.n.is_none()) {
            out.push(Signal::TurnBegan);
        }
    }

    pub(super) fn turn_completed(&mut self, value: Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        let Some(id) = id_of(params, &["turn", "id"]).map(ToOwned::to_owned) else {
            return out.push(native("malformed", value));
        };
        let status = string_at(params, &["turn", "status"]);
        let verdict = match status.as_deref() {
            Some("interrupted") => TurnVerdict::Cancelled,
            Some("failed") => {
                let error = at(params, &["turn", "error"]).unwrap_or(&Value::Null);
                TurnVerdict::Failed(self.with_reset(read_turn(error)))
            }
            _ => TurnVerdict::Finished,
        };
        let Some(turn) = self.memory.end(&id) else { return out.push(native("late", value)) };
        if verdict == TurnVerdict::Finished {
            self.close_messages(out);
        } else {
            self.cut_messages(out);
        }
        self.leave_calls(verdict == TurnVerdict::Finished, out);
        self.memory.waiting = None;
        // What the turn was steered with and did not take in is forgotten with it.
        let left = turn.steered.iter().map(|(n, _)| Signal::SteerRefused { n: *n, error: not_taken_in() });
        out.extend(left);
        out.push(Signal::TurnEnded(TurnEnd {
            prompt_n: turn.n,
            usage: turn.usage(),
            native_inputs: Some(turn.inputs),
            verdict,
            stop_reason: status,
            cost_usd: None,
            said: turn.said,
            idle_follows: false,
        }));
        // One that died in it is told of to those who ask.
        out.extend(self.ask_servers());
    }

    /// A model call failed. It is tried again, or the turn's end tells why not.
    pub(super) fn failed(&mut self, params: &Value, out: &mut Decoded) {
        let Some(error) = at(params, &["error"]).filter(|_| is_true(params, &["willRetry"])) else { return };
        let code = code_of(error);
        let reason = match code {
            "rate_limited" => WaitReason::RateLimit,
            "auth_required" => WaitReason::Auth,
            _ => WaitReason::Retry,
        };
        let until = self.memory.limit_until.filter(|_| code == "rate_limited");
        let until = until.and_then(|seconds| seconds.checked_mul(1000)).map(Timestamp::from_millis);
        self.memory.waiting = Some(reason);
        out.push(Signal::Waiting(Some(Wait { reason, until, for_ms: None })));
    }

    /// The login is being renewed.
    pub(super) fn recovers(&mut self, began: bool, out: &mut Decoded) {
        self.memory.waiting = began.then_some(WaitReason::Auth);
        let wait = Wait { reason: WaitReason::Auth, until: None, for_ms: None };
        out.push(Signal::Waiting(began.then_some(wait)));
    }

    /// The agent works again.
    pub(super) fn waits_no_more(&mut self, out: &mut Decoded) {
        if self.memory.waiting.take().is_some() {
            out.push(Signal::Waiting(None));
        }
    }

    pub(super) fn planned(params: &Value, out: &mut Decoded) {
        out.push(Signal::Todos(todos(params)));
    }

    /// When a limit is lifted belongs to the error that it caused.
    fn with_reset(&self, mut error: AgentError) -> AgentError {
        if let (Some(seconds), Some(data)) = (self.memory.limit_until, &mut error.data)
            && error.code == "rate_limited"
        {
            data["resets_at_seconds"] = Value::from(seconds);
        }
        note_reset(error)
    }
}

fn not_taken_in() -> AgentError {
    fault("agent_error", "the turn ended before it took the input in")
}

/// A name of the program's that is not too long to keep.
pub(super) fn id_of<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    str_at(value, path).filter(|id| !id.is_empty() && id.len() <= MAX_ID)
}
