//! Where work begins and where it ends. A run goes on through retries, compaction and what
//! was steered, until the program has settled: that is a turn.

use serde_json::Value;
use tenure_core::agent::{AgentError, Signal, TurnEnd, TurnVerdict};
use tenure_event::{Compaction, ContextUse};

use super::memory::error;
use super::{PiCodec, field};
use crate::reset::note_reset;

impl PiCodec {
    /// Reads `agent_start`.
    pub(super) fn run_began(&mut self, out: &mut Vec<Signal>) {
        self.works_on(out);
        if std::mem::replace(&mut self.memory.running, true) {
            return;
        }
        self.memory.said = false;
        (self.memory.stop, self.memory.error, self.memory.usage) = (None, None, None);
        if self.memory.prompt.is_none() {
            out.push(Signal::TurnBegan);
        }
    }

    /// Reads `agent_settled`.
    pub(super) fn settled(&mut self, out: &mut Vec<Signal>) {
        self.works_on(out);
        self.end_compaction(Compaction::default(), out);
        self.cut_short(out);
        self.memory.running = false;
        self.memory.queue.settled(out);
        self.drop_what_is_left(out);
        self.tell_window(out);
        out.push(Signal::TurnEnded(self.turn_end()));
    }

    fn turn_end(&mut self) -> TurnEnd {
        let memory = &mut self.memory;
        let prompt_n = memory.prompt.take();
        let usage = memory.usage.take();
        let stop_reason = memory.stop.take();
        let failure = memory.error.take();
        let verdict = match stop_reason.as_deref() {
            Some("aborted") => TurnVerdict::Cancelled,
            Some("error") => TurnVerdict::Failed(failed(failure.as_deref())),
            _ => TurnVerdict::Finished,
        };
        TurnEnd {
            prompt_n,
            native_inputs: prompt_n.is_none().then(Vec::new),
            verdict,
            stop_reason,
            cost_usd: usage.and_then(|usage| usage.cost_usd),
            usage,
            said: std::mem::take(&mut memory.said),
            idle_follows: false,
        }
    }

    fn tell_window(&mut self, out: &mut Vec<Signal>) {
        let max = self.memory.model.as_ref().and_then(|model| model.window);
        let window = self.memory.context_used.zip(max);
        if let Some((used, max)) = window.filter(|_| self.memory.context_told != window) {
            self.memory.context_told = window;
            let context = Some(ContextUse { used, max: Some(max) });
            out.push(Signal::Usage { usage: None, context, cost_usd: None });
        }
    }

    /// The process is gone or the turn is over: what is open ends.
    pub(super) fn cut_short(&mut self, out: &mut Vec<Signal>) {
        if let Some(message) = self.open.take().and_then(|open| open.cut(&self.record)) {
            self.memory.said = true;
            out.push(Signal::Message(message));
        }
        for call in std::mem::take(&mut self.memory.calls) {
            out.push(Signal::ToolEnded(call.cancelled()));
        }
        self.memory.asks.clear();
    }
}

fn end(n: u64, verdict: TurnVerdict, said: bool) -> Signal {
    Signal::TurnEnded(TurnEnd {
        prompt_n: Some(n),
        native_inputs: None,
        verdict,
        stop_reason: None,
        usage: None,
        cost_usd: None,
        said,
        idle_follows: false,
    })
}

/// The end of a prompt that an extension dealt with: a command of its own, for example.
pub(super) fn handled(n: u64) -> Signal {
    end(n, TurnVerdict::Finished, true)
}

/// The end of a prompt that was not accepted.
pub(super) fn refused(n: u64, failure: AgentError) -> Signal {
    end(n, TurnVerdict::Failed(failure), false)
}

/// Gives a prompt that was not accepted the code of its reason.
pub(super) fn code_of_refusal(failure: &mut AgentError) {
    let says = |words: &str| failure.message.to_ascii_lowercase().contains(words);
    if says("api key") || says("authenticat") || says("/login") || says("no model") {
        "auth_required".clone_into(&mut failure.code);
    }
}

fn failed(message: Option<&str>) -> AgentError {
    let message = message.unwrap_or("The model's provider failed, and Pi did not say how.");
    let status = status_of(message);
    let data = status.map(|status| serde_json::json!({"api_error_status": status}));
    note_reset(error(code_of(message), &field::clip(message, 4000), data))
}

/// One of our codes for a failed call of the model.
pub(super) fn code_of(message: &str) -> &'static str {
    let text = message.to_ascii_lowercase();
    let full =
        ["context length", "context window", "prompt is too long", "maximum context", "too many tokens"];
    if full.iter().any(|words| text.contains(words)) {
        return "context_full";
    }
    match status_of(message) {
        Some(401 | 403) => "auth_required",
        Some(429) => "rate_limited",
        Some(503 | 529) => "overloaded",
        None if text.contains("rate limit") => "rate_limited",
        None if text.contains("overloaded") => "overloaded",
        _ => "model_error",
    }
}

/// The HTTP status that a message of the program begins with.
fn status_of(message: &str) -> Option<u64> {
    let text = message.trim_start().trim_start_matches("Error: ");
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let follows = text[3..].chars().next();
    let status = digits.parse().ok().filter(|status| (400..600).contains(status))?;
    follows.is_none_or(|next| !next.is_alphanumeric()).then_some(status)
}

/// Words of a failed message.
pub(super) fn failure(message: &Value) -> Option<String> {
    field::text(message, "errorMessage").map(|text| field::clip(text, 4000))
}
