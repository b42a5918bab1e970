//! Counted tokens, from the places where agents tell them.

use serde_json::Value;
use tenure_event::{CostBasis, Usage};

use crate::json::{at, u64_at};

/// Usage of a turn as its answer tells it, without its cost.
pub(super) fn read_usage(answer: &Value) -> Option<Usage> {
    if let Some(usage) = at(answer, &["usage"]).filter(|usage| usage.is_object()) {
        return Some(read_counts(usage));
    }
    // Gemini and its forks.
    let counts = at(answer, &["_meta", "quota", "token_count"]).filter(|counts| counts.is_object())?;
    Some(Usage {
        input_tokens: u64_at(counts, &["input_tokens"]).unwrap_or(0),
        output_tokens: u64_at(counts, &["output_tokens"]).unwrap_or(0),
        ..Usage::default()
    })
}

/// Agents differ in whether cached tokens are among the input and thoughts among the
/// output; their total tells which.
fn read_counts(usage: &Value) -> Usage {
    let count = |key: &str| u64_at(usage, &[key]).unwrap_or(0);
    let (input, output, thought) = (count("inputTokens"), count("outputTokens"), count("thoughtTokens"));
    let (read, written) = (count("cachedReadTokens"), count("cachedWriteTokens"));
    let total = u64_at(usage, &["totalTokens"]);
    let apart =
        |extra: u64| extra > 0 && total == input.checked_add(output).and_then(|sum| sum.checked_add(extra));
    let cached = read.saturating_add(written);
    let cached_within =
        cached > 0 && !apart(cached) && !apart(cached.saturating_add(thought)) && cached <= input;
    let thought_apart = apart(thought) || apart(thought.saturating_add(cached));
    Usage {
        input_tokens: if cached_within { input - cached } else { input },
        output_tokens: if thought_apart { output.saturating_add(thought) } else { output },
        reasoning_tokens: thought,
        cache_read_tokens: read,
        cache_write_tokens: written,
        cost_usd: None,
        cost_basis: CostBasis::Unknown,
    }
}

/// What was counted since `before`, of agents that count over the whole session.
pub(super) fn since(total: Usage, before: Usage) -> Usage {
    // A count that fell begins anew.
    let less = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now);
    Usage {
        input_tokens: less(total.input_tokens, before.input_tokens),
        output_tokens: less(total.output_tokens, before.output_tokens),
        reasoning_tokens: less(total.reasoning_tokens, before.reasoning_tokens),
        cache_read_tokens: less(total.cache_read_tokens, before.cache_read_tokens),
        cache_write_tokens: less(total.cache_write_tokens, before.cache_write_tokens),
        ..total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_total_tells_what_is_counted_where() {
        let read = |usage: Value| {
            let usage = read_counts(&usage);
            (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)
        };
        let table = [
            (json!({"totalTokens": 120, "inputTokens": 100, "outputTokens": 20}), (100, 20, 0, 0)),
            (
                json!({"totalTokens": 120, "inputTokens": 100, "outputTokens": 20, "cachedReadTokens": 60}),
                (40, 20, 60, 0),
            ),
            (
                json!({"totalTokens": 180, "inputTokens": 100, "outputTokens": 20, "cachedReadTokens": 60}),
                (100, 20, 60, 0),
            ),
            (
                json!({"totalTokens": 125, "inputTokens": 100, "outputTokens": 20, "thoughtTokens": 5}),
                (100, 25, 0, 5),
            ),
            (
                json!({"totalTokens": 120, "inputTokens": 100, "outputTokens": 20, "thoughtTokens": 5}),
                (100, 20, 0, 5),
            ),
            (json!({"inputTokens": "x"}), (0, 0, 0, 0)),
            (
                json!({"inputTokens": u64::MAX, "outputTokens": u64::MAX, "thoughtTokens": 1}),
                (u64::MAX, u64::MAX, 0, 1),
            ),
        ];
        for (usage, expected) in table {
            assert_eq!(read(usage.clone()), expected, "{usage}");
        }
    }
}
