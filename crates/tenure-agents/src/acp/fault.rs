//! Errors as ACP agents tell them, in our words.
//!
//! The codes of the protocol say little (most agents answer -32603 to everything), so the
//! text is looked at too. What is not recognised stays `agent_error`.

use serde_json::{Value, json};
use tenure_core::agent::AgentError;

use crate::json::{at, clip, str_at};
use crate::reset::note_reset;

/// The protocol's code for "log in first".
const AUTH_REQUIRED: i64 = -32000;

/// An error of ours, without the agent's data.
pub(super) fn fault(code: &str, message: impl Into<String>) -> AgentError {
    AgentError { code: code.to_owned(), message: message.into(), data: None }
}

/// Reads the `error` member of an answer.
pub(super) fn read_error(error: &Value) -> AgentError {
    let number = at(error, &["code"]).and_then(Value::as_i64).unwrap_or(0);
    let message = describe(error);
    let code = protocol_code(number).unwrap_or_else(|| guess(number, &message, error));
    note_reset(AgentError { code: code.to_owned(), message, data: Some(error.clone()) })
}

/// Reads an error that an agent told as text.
pub(super) fn read_text(text: &str) -> AgentError {
    let text = text.trim();
    let message = inner_message(text).unwrap_or_else(|| text.to_owned());
    let code = match guess(0, text, &Value::Null) {
        "agent_error" => "model_error",
        found => found,
    };
    note_reset(fault(code, clip(&message, 4096)))
}

fn protocol_code(number: i64) -> Option<&'static str> {
    match number {
        AUTH_REQUIRED => Some("auth_required"),
        -32002 => Some("not_found"),
        -32601 => Some("unsupported"),
        -32600 | -32602 | -32700 => Some("invalid"),
        _ => None,
    }
}

/// The message with the detail that some agents keep in `data`.
fn describe(error: &Value) -> String {
    let said = str_at(error, &["message"]).unwrap_or("the agent gave no reason");
    let said = inner_message(said).unwrap_or_else(|| said.to_owned());
    let detail = at(error, &["data"]).and_then(|data| {
        data.as_str().or_else(|| ["details", "message", "detail"].iter().find_map(|key| str_at(data, &[key])))
    });
    let text = match detail {
        Some(detail) if !said.contains(detail) => format!("{said}: {detail}"),
        _ => said,
    };
    clip(&text, 4096).to_owned()
}

/// Some agents hand on the provider's JSON as the message.
fn inner_message(text: &str) -> Option<String> {
    let inner: Value = text.starts_with('{').then(|| serde_json::from_str(text).ok())??;
    str_at(&inner, &["error", "message"]).map(ToOwned::to_owned)
}

fn guess(number: i64, message: &str, error: &Value) -> &'static str {
    let kind = str_at(error, &["data", "errorKind"]).unwrap_or("");
    let text = format!("{kind} {message}").to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let status = |codes: &[i64]| {
        codes.contains(&number)
            || text.split(|c: char| !c.is_ascii_digit()).any(|w| w.parse().is_ok_and(|n| codes.contains(&n)))
    };
    if has(&["rate limit", "rate_limit", "ratelimit", "too many requests", "quota exceeded", "usage limit"])
        || status(&[429])
    {
        "rate_limited"
    } else if has(&["overloaded", "service unavailable"]) || status(&[529, 503]) {
        "overloaded"
    } else if has(&["unauthorized", "authentication", "api key", "api_key", "log in", "logged in", "login"])
        || status(&[401, 403])
    {
        "auth_required"
    } else if has(&["context length", "context window", "prompt is too long", "context_length"]) {
        "context_full"
    } else if (400..600).contains(&number)
        || has(&["api error", "request failed", "server_error", "bad request"])
    {
        "model_error"
    } else {
        "agent_error"
    }
}

/// "Log in first", with the ways that the agent offers.
pub(super) fn auth_required(error: AgentError, methods: &Value, preset_login: Option<&str>) -> AgentError {
    let names: Vec<&str> = methods
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(|method| str_at(method, &["name"]).or_else(|| str_at(method, &["id"])))
        .collect();
    let ways = if names.is_empty() { String::new() } else { format!("; it offers: {}", names.join(", ")) };
    let how = preset_login.map(|how| format!(" ({how})")).unwrap_or_default();
    AgentError {
        code: "auth_required".to_owned(),
        message: format!(
            "the agent wants a login: {}{ways}. Log in with the agent itself{how}",
            error.message
        ),
        data: Some(json!({"error": error.data, "auth_methods": methods})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_get_the_code_that_fits() {
        let table = [
            (json!({"code": -32000, "message": "Authentication required"}), "auth_required"),
            (
                json!({"code": -32603, "message": "Internal error: API Error: 400 scripted failure", "data": {"errorKind": "unknown"}}),
                "model_error",
            ),
            (json!({"code": -32603, "message": "x", "data": {"errorKind": "rate_limit"}}), "rate_limited"),
            (
                json!({"code": 400, "message": "{\"error\":{\"code\":400,\"message\":\"scripted failure\"}}"}),
                "model_error",
            ),
            (json!({"code": 429, "message": "slow down"}), "rate_limited"),
            (json!({"code": -32603, "message": "Overloaded (529)"}), "overloaded"),
            (json!({"code": -32603, "message": "HTTP 401"}), "auth_required"),
            (
                json!({"code": -32603, "message": "You’ve hit your usage limit. Try again later."}),
                "rate_limited",
            ),
            (json!({"code": -32602, "message": "Session not found: x"}), "invalid"),
            (json!({"code": -32603, "message": "prompt is too long"}), "context_full"),
            (
                json!({"code": -32603, "message": "Internal error", "data": "Session not found"}),
                "agent_error",
            ),
            (json!({"message": 7}), "agent_error"),
            (json!("what"), "agent_error"),
        ];
        for (error, code) in table {
            assert_eq!(read_error(&error).code, code, "{error}");
        }
    }

    #[test]
    fn details_are_told() {
        let error =
            json!({"code": -32603, "message": "Internal error", "data": {"details": "No previous sessions"}});
        assert_eq!(read_error(&error).message, "Internal error: No previous sessions");
        let error =
            json!({"code": 400, "message": "{\"error\":{\"code\":400,\"message\":\"scripted failure\"}}"});
        assert_eq!(read_error(&error).message, "scripted failure");
    }
}
