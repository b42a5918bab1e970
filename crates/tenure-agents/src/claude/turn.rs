//! A turn's end: the verdict, what it used and what it cost. `success` is no verdict here:
//! errors of the model's provider arrive under that name.

use serde_json::Value;
use tenure_core::agent::{AgentError, StartRecord, TurnEnd, TurnVerdict};
use tenure_event::{CostBasis, Usage};

use super::{
    field,
    memory::{ApiError, Memory, error},
};
use crate::reset::note_reset;

/// Tokens as the provider's API counts them.
pub(super) fn usage(value: &Value) -> Usage {
    let count = |key| field::count(value, key).unwrap_or(0);
    let details = value.get("output_tokens_details");
    Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        reasoning_tokens: details.and_then(|d| field::count(d, "thinking_tokens")).unwrap_or(0),
        cache_read_tokens: count("cache_read_input_tokens"),
        cache_write_tokens: count("cache_creation_input_tokens"),
        cost_usd: None,
        cost_basis: CostBasis::Unknown,
    }
}

/// Whether a count counts anything.
pub(super) fn counts(usage: &Usage) -> bool {
    usage.tokens() > 0
}

/// What was used since the last result, by model, subagents included; with its cost.
fn usage_by_model(models: &Value) -> Option<Usage> {
    let mut total = Usage { cost_usd: Some(0.0), cost_basis: CostBasis::Reported, ..Usage::default() };
    for model in models.as_object()?.values() {
        let count = |key| field::count(model, key).unwrap_or(0);
        let known = field::text(model, "costBasis") != Some("unknown");
        let cost = model.get("costUSD").and_then(Value::as_f64).filter(|cost| known && cost.is_finite());
        total.add(&Usage {
            input_tokens: count("inputTokens"),
            output_tokens: count("outputTokens"),
            reasoning_tokens: count("thinkingTokens"),
            cache_read_tokens: count("cacheReadInputTokens"),
            cache_write_tokens: count("cacheCreationInputTokens"),
            cost_usd: cost,
            cost_basis: if cost.is_some() { CostBasis::Reported } else { CostBasis::Unknown },
        });
    }
    Some(total)
}

/// Cost by the running total, for versions that tell nothing better. A process that took a
/// conversation up counts what was spent before, so its first total says nothing.
fn cost_by_total(record: &StartRecord, memory: &Memory, total: Option<f64>) -> Option<f64> {
    let total = total?;
    match memory.cost_total {
        Some(before) if total >= before => Some(total - before),
        Some(_) => Some(total),
        None if record.resume.has_past() => None,
        None => Some(total),
    }
}

/// Reads a `result`. Updates the running total and forgets the turn's error.
pub(super) fn end(record: &StartRecord, memory: &mut Memory, frame: &Value) -> TurnEnd {
    let total = frame.get("total_cost_usd").and_then(Value::as_f64).filter(|cost| cost.is_finite());
    let usage = match frame.get("model_usage_since_last_result").and_then(usage_by_model) {
        Some(usage) => Some(usage),
        None => frame.get("usage").map(|told| {
            let cost_usd = cost_by_total(record, memory, total);
            let cost_basis = if cost_usd.is_some() { CostBasis::Reported } else { CostBasis::Unknown };
            Usage { cost_usd, cost_basis, ..usage(told) }
        }),
    };
    if total.is_some() {
        memory.cost_total = total;
    }
    let api_error = memory.api_error.take().unwrap_or_default();
    // A command of the program's own answers without the model, or with nothing at all.
    let said = std::mem::take(&mut memory.said) || frame.get("local_command").is_some_and(Value::is_string);
    TurnEnd {
        prompt_n: None,
        native_inputs: native_inputs(frame),
        verdict: verdict(frame, &api_error, memory.limit_until),
        stop_reason: field::id(frame, "stop_reason").map(str::to_owned),
        cost_usd: usage.and_then(|usage| usage.cost_usd),
        usage,
        said,
        idle_follows: memory.tells_states,
    }
}

/// The inputs that a result ends: a turn that the agent started itself has an origin and
/// none. Versions that list none at all leave it open.
fn native_inputs(frame: &Value) -> Option<Vec<String>> {
    field::ids(frame, "user_message_uuids")
        .or_else(|| field::id(frame, "user_message_uuid").map(|id| vec![id.to_owned()]))
        .or_else(|| frame.get("origin").filter(|origin| !origin.is_null()).map(|_| Vec::new()))
}

fn verdict(frame: &Value, api_error: &ApiError, limit_until: Option<i64>) -> TurnVerdict {
    let subtype = field::text(frame, "subtype").unwrap_or_default();
    let terminal = field::text(frame, "terminal_reason").unwrap_or_default();
    match subtype {
        "error_max_turns" => return TurnVerdict::Limit("turns".to_owned()),
        "error_max_budget_usd" => return TurnVerdict::Limit("budget".to_owned()),
        _ => {}
    }
    let is_error = field::flag(frame, "is_error") || subtype.starts_with("error");
    match terminal {
        _ if terminal.starts_with("aborted_") => TurnVerdict::Cancelled,
        "max_turns" if is_error => TurnVerdict::Limit("turns".to_owned()),
        "budget_exhausted" if is_error => TurnVerdict::Limit("budget".to_owned()),
        _ if is_error => TurnVerdict::Failed(with_reset(failure(frame, terminal, api_error), limit_until)),
        _ => TurnVerdict::Finished,
    }
}

fn failure(frame: &Value, terminal: &str, api_error: &ApiError) -> AgentError {
    let listed = field::items(frame, "errors").iter().find_map(Value::as_str);
    let message = field::text(frame, "result")
        .filter(|text| !text.trim().is_empty())
        .or(listed)
        .unwrap_or("The agent ended the turn with an error and did not say which.");
    let status = field::count(frame, "api_error_status").or(api_error.status);
    let word = api_error.error.as_deref().unwrap_or_default();
    let code = match code_of(status, word, terminal) {
        "agent_error" | "model_error" if says_logged_out(message) => "auth_required",
        code => code,
    };
    let data = serde_json::json!({
        "subtype": frame.get("subtype"),
        "terminal_reason": frame.get("terminal_reason"),
        "api_error_status": frame.get("api_error_status"),
        "api_error_type": frame.get("api_error_type"),
        "error": api_error.error,
    });
    error(code, &field::clip(message, 4000), Some(data))
}

/// When a limit is lifted belongs to the error that it caused.
fn with_reset(mut error: AgentError, limit_until: Option<i64>) -> AgentError {
    if let (Some(seconds), Some(data), "rate_limited") = (limit_until, &mut error.data, error.code.as_str()) {
        data["resets_at_seconds"] = Value::from(seconds);
    }
    note_reset(error)
}

/// One of our codes for a failed model call.
pub(super) fn code_of(status: Option<u64>, word: &str, terminal: &str) -> &'static str {
    match (status, word) {
        _ if terminal == "prompt_too_long" => "context_full",
        (Some(401 | 403), _) | (_, "authentication_failed" | "oauth_org_not_allowed") => "auth_required",
        (Some(429), _) | (_, "rate_limit") => "rate_limited",
        (Some(529), _) | (_, "overloaded") => "overloaded",
        (Some(_), _) => "model_error",
        _ if matches!(
            terminal,
            "api_error"
                | "model_error"
                | "image_error"
                | "malformed_tool_use_exhausted"
                | "structured_output_retry_exhausted"
        ) =>
        {
            "model_error"
        }
        _ => "agent_error",
    }
}

fn says_logged_out(message: &str) -> bool {
    message.starts_with("Not logged in") || message.starts_with("Invalid API key")
}

/// Size of the context window of the model that the main conversation uses.
pub(super) fn window_max(memory: &Memory, frame: &Value) -> Option<u64> {
    let models = frame.get("modelUsage")?.as_object()?;
    let named = memory.model.as_deref().and_then(|model| models.get(model));
    let only = (models.len() == 1).then(|| models.values().next()).flatten();
    field::count(named.or(only)?, "contextWindow").filter(|max| *max > 0)
}
