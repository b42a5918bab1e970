//! Answers to asks, in the program's words.

use serde_json::{Map, Value, json};
use tenure_core::agent::AskAnswer;
use tenure_event::{Decision, Scope};

use crate::acp::form::write_form;
use crate::json::{at, list_at, str_at};

/// The result of a request.
pub(super) fn result(ask: &AskAnswer) -> Value {
    match str_at(&ask.keep, &["what"]) {
        Some("permissions") => permissions(ask),
        Some("question") => answers(ask),
        Some("elicitation") => write_form(ask),
        Some("server_tool") => server_tool(ask),
        _ => json!({ "decision": decision(ask) }),
    }
}

/// A denial lets the turn go on; `cancel` ends it.
fn decision(ask: &AskAnswer) -> Value {
    let named = ask.option_id.as_deref().and_then(|id| at(&ask.keep, &["words", id]));
    match (ask.decision, named) {
        (Decision::Cancel, _) => json!("cancel"),
        (_, Some(word)) => word.clone(),
        (Decision::Allow, None) => match ask.scope {
            Scope::Once => json!("accept"),
            Scope::Session => json!("acceptForSession"),
            Scope::Always => lasting(ask, "allow_always").unwrap_or_else(|| json!("accept")),
        },
        (Decision::Deny, None) if ask.scope == Scope::Always => {
            lasting(ask, "reject_always").unwrap_or_else(|| json!("decline"))
        }
        (Decision::Deny, None) => json!("decline"),
    }
}

/// What is said for the first option of this kind.
fn lasting(ask: &AskAnswer, kind: &str) -> Option<Value> {
    let options = list_at(&ask.keep, &["options"]);
    let id = options.iter().find(|option| str_at(option, &["kind"]) == Some(kind))?;
    at(&ask.keep, &["words", str_at(id, &["id"])?]).cloned()
}

fn permissions(ask: &AskAnswer) -> Value {
    let wanted = at(&ask.keep, &["permissions"]).and_then(Value::as_object).cloned().unwrap_or_default();
    let denied_by_name = matches!(ask.option_id.as_deref(), Some("decline" | "cancel"));
    if ask.decision != Decision::Allow || denied_by_name {
        return json!({"permissions": {}, "scope": "turn"});
    }
    let given: Map<String, Value> = wanted.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let session = ask.scope == Scope::Session || ask.option_id.as_deref() == Some("acceptForSession");
    json!({"permissions": given, "scope": if session { "session" } else { "turn" }})
}

/// Answers by the question's own id. Questions that are not answered are left open.
fn answers(ask: &AskAnswer) -> Value {
    let mut all = Map::new();
    let given = ask.answers.as_ref().filter(|_| ask.decision == Decision::Allow);
    for question in list_at(&ask.keep, &["questions"]) {
        let (Some(id), Some(text)) = (str_at(question, &["id"]), str_at(question, &["question"])) else {
            continue;
        };
        let answer = given.and_then(|given| given.get(text).or_else(|| given.get(id)));
        let texts: Vec<&str> = match answer {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        all.insert(id.to_owned(), json!({ "answers": texts }));
    }
    json!({ "answers": all })
}

fn server_tool(ask: &AskAnswer) -> Value {
    let action = match ask.decision {
        Decision::Allow => "accept",
        Decision::Deny => "decline",
        Decision::Cancel => "cancel",
    };
    let offered = |word: &str| list_at(&ask.keep, &["persist"]).iter().any(|one| one.as_str() == Some(word));
    let named = ask.option_id.as_deref();
    let persist = match ask.scope {
        _ if ask.decision != Decision::Allow => None,
        _ if named == Some("session") => Some("session"),
        Scope::Always => Some("always"),
        Scope::Session => Some("session"),
        Scope::Once => None,
    };
    let meta = persist.filter(|word| offered(word)).map(|word| json!({ "persist": word }));
    let content = (action == "accept").then(|| json!({}));
    json!({"action": action, "content": content, "_meta": meta})
}
