//! Tokens, the context window, and the account's limits.

use serde_json::Value;
use tenure_core::agent::{Decoded, Signal};
use tenure_event::{ContextUse, Usage};

use super::CodexCodec;
use super::memory::{Counts, Turn};
use crate::json::{at, list_at, str_at, u64_at};

impl CodexCodec {
    /// `thread/tokenUsage/updated`: totals of the thread, and of its last model call.
    pub(super) fn used(&mut self, params: &Value, out: &mut Decoded) {
        let Some(told) = at(params, &["tokenUsage"]) else { return };
        let (Some(total), Some(last)) = (at(told, &["total"]).map(counts), at(told, &["last"]).map(counts))
        else {
            return;
        };
        let named = str_at(params, &["turnId"]);
        // At the opening of a thread the totals of its last turn are told again.
        if let Some(turn) = self.memory.turn.as_mut().filter(|turn| named == Some(turn.id.as_str())) {
            turn.before.get_or_insert_with(|| total.without(last));
            turn.now = Some(total);
        }
        let context =
            (u64_at(told, &["last", "totalTokens"]).unwrap_or(0), u64_at(told, &["modelContextWindow"]));
        self.memory.context = Some(context);
        out.push(Signal::Usage {
            usage: Some(total.usage()),
            context: Some(ContextUse { used: context.0, max: context.1 }),
            cost_usd: None,
        });
    }

    /// What the account may still do. Only what is told is remembered.
    pub(super) fn limits(&mut self, params: &Value) {
        let Some(told) = at(params, &["rateLimits"]) else { return };
        let window = |name: &str| {
            let window = at(told, &[name])?;
            let full = at(window, &["usedPercent"]).and_then(Value::as_f64).is_some_and(|used| used >= 100.0);
            at(window, &["resetsAt"]).and_then(Value::as_i64).filter(|_| full)
        };
        // Both must be lifted.
        self.memory.limit_until = window("primary").max(window("secondary"));
    }
}

impl Turn {
    /// What this turn used alone.
    pub(super) fn usage(&self) -> Option<Usage> {
        Some(self.now?.without(self.before?).usage())
    }
}

impl Counts {
    fn without(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            cached: self.cached.saturating_sub(other.cached),
            cache_write: self.cache_write.saturating_sub(other.cache_write),
            output: self.output.saturating_sub(other.output),
            reasoning: self.reasoning.saturating_sub(other.reasoning),
        }
    }

    fn usage(self) -> Usage {
        Usage {
            input_tokens: self.input.saturating_sub(self.cached).saturating_sub(self.cache_write),
            output_tokens: self.output,
            reasoning_tokens: self.reasoning,
            cache_read_tokens: self.cached,
            cache_write_tokens: self.cache_write,
            ..Usage::default()
        }
    }
}

fn counts(told: &Value) -> Counts {
    let count = |name: &str| u64_at(told, &[name]).unwrap_or(0);
    Counts {
        input: count("inputTokens"),
        cached: count("cachedInputTokens"),
        cache_write: count("cacheWriteInputTokens"),
        output: count("outputTokens"),
        reasoning: count("reasoningOutputTokens"),
    }
}

/// The plan of a turn as things to do.
pub(super) fn todos(params: &Value) -> Vec<tenure_event::Todo> {
    use tenure_event::{Todo, TodoStatus};
    let read = |(at, step): (usize, &Value)| Todo {
        id: (at + 1).to_string(),
        content: str_at(step, &["step"]).unwrap_or_default().to_owned(),
        status: match str_at(step, &["status"]) {
            Some("completed") => TodoStatus::Completed,
            Some("inProgress") => TodoStatus::InProgress,
            _ => TodoStatus::Pending,
        },
        priority: None,
    };
    list_at(params, &["plan"]).iter().take(1000).enumerate().map(read).collect()
}
