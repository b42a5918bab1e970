//! What the agent does now, which is how turns begin and end: a prompt is answered as soon as it is accepted.

use serde_json::Value;
use tenure_core::agent::{AgentError, Decoded, Signal};

use crate::acp::AcpCodec;
use crate::acp::fault::read_error;
use crate::acp::state::Phase;
use crate::json::{at, str_at};
use crate::rpc::native;

impl AcpCodec {
    /// A prompt was accepted, or not.
    pub(in crate::acp) fn accepted(&mut self, n: u64, answer: Result<&Value, AgentError>, out: &mut Decoded) {
        if answer.is_err() {
            return self.turn_ended(Some(n), answer, out);
        }
        self.state.turn.prompt = Some(n);
        if let Some(end) = self.state.early_end.take() {
            self.turn_ended(Some(n), outcome(&end), out);
        }
    }

    /// `state_update`.
    pub(in crate::acp) fn state_changed(&mut self, value: Value, out: &mut Decoded) {
        let update = at(&value, &["params", "update"]).unwrap_or(&Value::Null);
        match str_at(update, &["state"]) {
            // What it is before its first prompt is no turn.
            Some("running" | "idle") if self.state.phase != Phase::Ready => {}
            Some("running") => self.runs(out),
            Some("idle") => self.rests(update, out),
            // The ask tells that.
            Some("requires_action") => {}
            _ => out.push(native("state_update", value)),
        }
    }

    fn runs(&mut self, out: &mut Decoded) {
        let turn = &mut self.state.turn;
        // For a prompt of ours this is no news, whether its answer comes before or after.
        if !turn.running && turn.prompt.is_none() {
            out.push(Signal::TurnBegan);
        }
        turn.running = true;
    }

    fn rests(&mut self, update: &Value, out: &mut Decoded) {
        let turn = &mut self.state.turn;
        let ends = at(update, &["stopReason"]).is_some();
        match turn.prompt {
            Some(n) if ends || turn.running => self.turn_ended(Some(n), outcome(update), out),
            Some(_) => {}
            None if !turn.running => {}
            // It took a prompt in whose answer is still to come: that tells which.
            None if turn.echoed => {
                turn.running = false;
                self.state.early_end = Some(update.clone());
            }
            None => self.turn_ended(None, outcome(update), out),
        }
    }
}

/// How the agent's work ended. The programs tell with the stop reason `error` what went wrong; the draft has no word
/// for that.
fn outcome(update: &Value) -> Result<&Value, AgentError> {
    match at(update, &["error"]) {
        Some(error) => Err(read_error(error)),
        None => Ok(update),
    }
}
