//! The end of a turn: the answer to `session/prompt`, or in version 2 of the protocol what is told when it is over.

use serde_json::Value;
use tenure_core::agent::{AgentError, Decoded, Signal, TurnEnd, TurnVerdict};
use tenure_event::{CostBasis, Role, Usage};

use super::AcpCodec;
use super::agent::Family;
use super::fault::{fault, read_text};
use super::state::Turn;
use super::usage::{read_usage, since};
use crate::json::string_at;

impl AcpCodec {
    /// A turn ended: the one of prompt `n`, or one that the agent began itself.
    pub(super) fn turn_ended(
        &mut self,
        n: Option<u64>,
        outcome: Result<&Value, AgentError>,
        out: &mut Decoded,
    ) {
        let stop_reason = outcome.as_ref().ok().and_then(|answer| string_at(answer, &["stopReason"]));
        let verdict = match &outcome {
            Err(error) => TurnVerdict::Failed(error.clone()),
            Ok(_) => self.verdict(stop_reason.as_deref()),
        };
        let cut = outcome.is_err() || verdict == TurnVerdict::Cancelled;
        let usage = outcome.ok().and_then(read_usage).and_then(|usage| self.of_this_turn(usage));
        let cost = self.cost_of_this_turn();
        self.state.late_replay = false;
        self.close_all(cut, out);
        self.end_tools(out);
        let turn = std::mem::take::<Turn>(&mut self.state.turn);
        self.state.callers.clear();
        self.state.turns += 1;
        out.push(Signal::TurnEnded(TurnEnd {
            prompt_n: n,
            native_inputs: n.is_none().then(Vec::new),
            verdict,
            stop_reason,
            usage: usage.map(|usage| priced(usage, cost)),
            cost_usd: cost,
            said: turn.said,
            idle_follows: false,
        }));
    }

    fn verdict(&self, stop_reason: Option<&str>) -> TurnVerdict {
        match stop_reason {
            Some("cancelled") => TurnVerdict::Cancelled,
            Some("max_tokens") => TurnVerdict::Limit("tokens".to_owned()),
            Some("max_turn_requests") => TurnVerdict::Limit("turns".to_owned()),
            Some("end_turn") | None => {
                self.hidden_failure().map_or(TurnVerdict::Finished, TurnVerdict::Failed)
            }
            Some(_) => TurnVerdict::Finished,
        }
    }

    /// An error that the agent told in another place than its answer.
    fn hidden_failure(&self) -> Option<AgentError> {
        let last = || {
            let open = self.position(None).map(|at| &self.open[at]);
            open.filter(|open| open.meta.role == Role::Assistant && !open.meta.replayed)
                .map(|open| open.said())
        };
        let turn = self.state.turn;
        if turn.broken {
            let text = last().unwrap_or_else(|| "the model could not be reached".to_owned());
            return Some(read_text(&text));
        }
        if turn.retried {
            return Some(fault(
                "model_error",
                "the model could not be reached; the agent gave up after its retries",
            ));
        }
        if self.state.about.family == Family::Goose {
            let text = last()?;
            let error = text.trim().strip_prefix("Ran into this error: ")?;
            let error =
                error.strip_suffix("Please retry if you think this is a transient or recoverable error.")?;
            return Some(read_text(error));
        }
        None
    }

    /// Usage of this turn alone, also where the agent counts over the session. Then the
    /// first turn of a continued conversation is not known.
    fn of_this_turn(&mut self, usage: Usage) -> Option<Usage> {
        if self.state.about.family != Family::Copilot {
            return Some(usage);
        }
        let before = self.state.meter.usage_before.replace(usage);
        match before {
            Some(before) => Some(since(usage, before)),
            None => self.is_new().then_some(usage),
        }
    }

    fn cost_of_this_turn(&mut self) -> Option<f64> {
        let meter = &mut self.state.meter;
        let now = meter.cost?;
        let before = meter.cost_before.replace(now);
        let before = before.or_else(|| self.is_new().then_some(0.0))?;
        // Dollars have no more digits than this; the rest is noise of the subtraction.
        let cost = ((now - before) * 1e9).round() / 1e9;
        (cost >= 0.0).then_some(cost)
    }
}

fn priced(usage: Usage, cost: Option<f64>) -> Usage {
    match cost {
        Some(cost) => Usage { cost_usd: Some(cost), cost_basis: CostBasis::Reported, ..usage },
        None => usage,
    }
}
