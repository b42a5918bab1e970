//! Answers to what extensions asked, in the program's words.

use serde_json::{Value, json};
use tenure_core::agent::AskAnswer;
use tenure_event::Decision;

use super::field;

/// The line that answers an ask.
pub(super) fn encode(ask: &AskAnswer) -> Value {
    let mut line = nothing(&ask.token);
    let method = field::text(&ask.keep, "method").unwrap_or_default();
    let value = match (ask.decision, method) {
        (Decision::Allow, "confirm") => Some(("confirmed", Value::Bool(true))),
        (Decision::Deny, "confirm") => Some(("confirmed", Value::Bool(false))),
        (Decision::Allow, _) => words(ask).map(|text| ("value", Value::String(text))),
        _ => None,
    };
    if let (Some((key, value)), Some(fields)) = (value, line.as_object_mut()) {
        fields.remove("cancelled");
        fields.insert(key.to_owned(), value);
    }
    line
}

/// The line that leaves an ask without an answer.
pub(super) fn nothing(token: &str) -> Value {
    let id: Value = serde_json::from_str(token).unwrap_or_else(|_| Value::from(token));
    json!({"type": "extension_ui_response", "id": id, "cancelled": true})
}

/// What a person answered: under the question, under `text`, or as the only answer there is.
fn words(ask: &AskAnswer) -> Option<String> {
    let question = field::text(&ask.keep, "question").unwrap_or_default();
    let answers = ask.answers.as_ref()?;
    let given = match answers {
        Value::Object(fields) => fields
            .get(question)
            .or_else(|| fields.get("text"))
            .or_else(|| fields.values().next().filter(|_| fields.len() == 1)),
        other => Some(other),
    };
    match given? {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => list.first().and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}
