//! Answers to asks, in the program's words.

use serde_json::{Map, Value, json};
use tenure_core::agent::AskAnswer;
use tenure_event::{Decision, Scope};

use super::field;

/// The body of the control response.
pub(super) fn encode(ask: &AskAnswer) -> Value {
    if field::text(&ask.keep, "what") == Some("elicitation") {
        return elicitation(ask);
    }
    match ask.decision {
        Decision::Allow => allow(ask),
        Decision::Deny => {
            json!({"behavior": "deny", "message": words(ask, "The user denied this request.")})
        }
        // Nothing but ending the turn gives a request back unanswered.
        Decision::Cancel => json!({
            "behavior": "deny",
            "message": words(ask, "The user withdrew from this request."),
            "interrupt": true,
        }),
    }
}

fn words<'a>(ask: &'a AskAnswer, otherwise: &'a str) -> &'a str {
    ask.message.as_deref().filter(|message| !message.trim().is_empty()).unwrap_or(otherwise)
}

fn allow(ask: &AskAnswer) -> Value {
    let mut body = Map::from_iter([("behavior".to_owned(), Value::from("allow"))]);
    let kept = ask.keep.get("input").filter(|input| input.is_object());
    let shown = ask.updated_input.as_ref().or(kept).or(ask.input.as_ref());
    let asked = shown.map_or(&[][..], |input| field::items(input, "questions"));
    let input = match answers(ask, asked) {
        Some(answers) => {
            let mut input = shown.and_then(Value::as_object).cloned().unwrap_or_default();
            input.insert("answers".to_owned(), Value::Object(answers));
            Some(Value::Object(input))
        }
        None => shown.filter(|input| input.is_object()).cloned(),
    };
    if let Some(input) = input {
        body.insert("updatedInput".to_owned(), input);
    }
    let always = ask.scope == Scope::Always || ask.option_id.as_deref() == Some("always");
    let suggestions = field::items(&ask.keep, "suggestions");
    if always && !suggestions.is_empty() {
        body.insert("updatedPermissions".to_owned(), Value::from(suggestions.to_vec()));
    }
    Value::Object(body)
}

/// Answers by question. A list of choices is joined with commas; a list in place of the map
/// answers the questions in their order; a message alone answers a single question.
fn answers(ask: &AskAnswer, asked: &[Value]) -> Option<Map<String, Value>> {
    let question = |at: usize| asked.get(at).and_then(|one| field::text(one, "question"));
    match &ask.answers {
        Some(Value::Object(given)) => {
            Some(given.iter().map(|(key, value)| (key.clone(), Value::from(joined(value)))).collect())
        }
        Some(Value::Array(given)) => Some(
            given
                .iter()
                .enumerate()
                .filter_map(|(at, value)| Some((question(at)?.to_owned(), Value::from(joined(value)))))
                .collect(),
        ),
        Some(value @ Value::String(_)) => {
            Some(Map::from_iter([(question(0)?.to_owned(), Value::from(joined(value)))]))
        }
        _ => match (ask.message.as_deref(), question(0)) {
            (Some(message), Some(question)) if asked.len() == 1 => {
                Some(Map::from_iter([(question.to_owned(), Value::from(message))]))
            }
            _ => None,
        },
    }
}

fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(joined).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn elicitation(ask: &AskAnswer) -> Value {
    match ask.decision {
        Decision::Allow => {
            let content = ask.answers.clone().or_else(|| ask.updated_input.clone());
            json!({"action": "accept", "content": content.unwrap_or_else(|| json!({}))})
        }
        Decision::Deny => json!({"action": "decline"}),
        Decision::Cancel => json!({"action": "cancel"}),
    }
}
