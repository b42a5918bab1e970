//! Errors as Codex tells them, in our words: of a request, or of a turn, where it names
//! the kind itself and, for what came by HTTP, the status.

use serde_json::{Value, json};
use tenure_core::agent::AgentError;

use crate::json::{at, clip, str_at, u64_at};

/// An error of ours, without the agent's data.
pub(super) fn fault(code: &str, message: impl Into<String>) -> AgentError {
    AgentError { code: code.to_owned(), message: message.into(), data: None }
}

/// Reads the `error` member of an answer.
pub(super) fn read_answer(error: &Value) -> AgentError {
    let message = str_at(error, &["message"]).unwrap_or("the agent gave no reason");
    let code = match at(error, &["code"]).and_then(Value::as_i64) {
        _ if message.contains("no rollout found") || message.contains("thread not found") => "not_found",
        Some(-32601) => "unsupported",
        Some(-32600 | -32602 | -32700) => "invalid",
        Some(-32001) => "overloaded",
        _ => "agent_error",
    };
    AgentError { code: code.to_owned(), message: clip(message, 4096).to_owned(), data: Some(error.clone()) }
}

/// Reads the error of a turn.
pub(super) fn read_turn(error: &Value) -> AgentError {
    let told = str_at(error, &["message"]).unwrap_or("the agent gave no reason");
    let message = inner_message(told).unwrap_or_else(|| told.to_owned());
    let detail = str_at(error, &["additionalDetails"]).filter(|detail| !message.contains(detail));
    let message = match detail {
        Some(detail) => format!("{message}: {detail}"),
        None => message,
    };
    let data = json!({ "info": at(error, &["codexErrorInfo"]) });
    AgentError { code: code_of(error).to_owned(), message: clip(&message, 4096).to_owned(), data: Some(data) }
}

/// A provider's answer is sometimes handed on whole.
fn inner_message(text: &str) -> Option<String> {
    let inner: Value = text.starts_with('{').then(|| serde_json::from_str(text).ok())??;
    let found = str_at(&inner, &["error", "message"]).or_else(|| str_at(&inner, &["message"]));
    found.map(ToOwned::to_owned)
}

/// One of our codes for the error of a turn.
pub(super) fn code_of(error: &Value) -> &'static str {
    let info = at(error, &["codexErrorInfo"]).unwrap_or(&Value::Null);
    if let Some(status) = status_of(info) {
        return by_status(status);
    }
    match info.as_str().unwrap_or_default() {
        "contextWindowExceeded" => "context_full",
        "usageLimitExceeded" | "rateLimitExceeded" | "sessionBudgetExceeded" => "rate_limited",
        "serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable" => "overloaded",
        "unauthorized" => "auth_required",
        "sandboxError" | "threadRollbackFailed" | "tooManyDenials" | "inferenceHookDenied" => "agent_error",
        "" if info.get("activeTurnNotSteerable").is_some() => "invalid",
        _ => "model_error",
    }
}

fn status_of(info: &Value) -> Option<u64> {
    info.as_object()?.values().find_map(|kind| u64_at(kind, &["httpStatusCode"]))
}

fn by_status(status: u64) -> &'static str {
    match status {
        401 | 403 => "auth_required",
        429 => "rate_limited",
        503 | 529 => "overloaded",
        _ => "model_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_turns_get_the_code_that_fits() {
        let table = [
            (json!("contextWindowExceeded"), "context_full"),
            (json!("usageLimitExceeded"), "rate_limited"),
            (json!("serverOverloaded"), "overloaded"),
            (json!("unauthorized"), "auth_required"),
            (json!("sandboxError"), "agent_error"),
            (json!("other"), "model_error"),
            (json!({"httpConnectionFailed": {"httpStatusCode": 401}}), "auth_required"),
            (json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}), "rate_limited"),
            (json!({"responseStreamDisconnected": {"httpStatusCode": 503}}), "overloaded"),
            (json!({"responseStreamDisconnected": {"httpStatusCode": null}}), "model_error"),
            (json!({"activeTurnNotSteerable": {"turnKind": "review"}}), "invalid"),
            (json!(null), "model_error"),
            (json!(7), "model_error"),
        ];
        for (info, code) in table {
            assert_eq!(code_of(&json!({"message": "x", "codexErrorInfo": info})), code, "{info}");
        }
    }

    #[test]
    fn a_message_within_a_message_is_taken_out() {
        let error =
            json!({"message": "{\"error\": {\"message\": \"scripted failure\"}}", "codexErrorInfo": "other"});
        assert_eq!(read_turn(&error).message, "scripted failure");
        let error = json!({"message": "Reconnecting... 1/5", "additionalDetails": "unexpected status 500"});
        assert_eq!(read_turn(&error).message, "Reconnecting... 1/5: unexpected status 500");
    }

    #[test]
    fn answers_say_what_was_not_found() {
        let error = json!({"code": -32600, "message": "no rollout found for thread id x"});
        assert_eq!(read_answer(&error).code, "not_found");
        assert_eq!(read_answer(&json!({"code": -32601, "message": "m"})).code, "unsupported");
        assert_eq!(read_answer(&json!(3)).code, "agent_error");
    }
}
