//! Answers to a form, checked against its schema before anything is sent: an agent would refuse them later, or not at all.
//! Words are taken for what the form wants (`"7"` for a number, a title for the value behind it); nothing is left out or
//! made up.

mod fits;

use serde_json::{Map, Value};
use tenure_api::Problem;
use tenure_event::Ask;

use self::fits::{Misfit, fits};

/// What the form is filled with.
///
/// # Errors
/// `invalid` with the field.
pub(super) fn filled(ask: &Ask, answers: Option<&Value>) -> Result<Option<Value>, Problem> {
    let schema = ask.input.as_ref().and_then(|input| input.get("schema")).filter(|schema| schema.is_object());
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    let Some(schema) = schema else {
        return match answers.filter(|answers| !empty(answers)) {
            Some(_) => Err(Problem::invalid("answers", "this ask has no form; it takes a decision alone")),
            None => Ok(None),
        };
    };
    let given = match answers {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(given)) => given.clone(),
        Some(_) => return Err(Problem::invalid("answers", "give an object: the form's fields by name")),
    };
    let none = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut content = Map::new();
    for (key, value) in given {
        let Some((name, field)) = field_of(fields, &key) else {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            let what = format!("the form has no such field; it has: {}", known.join(", "));
            return Err(Problem::invalid(format!("answers.{key}"), what));
        };
        if !value.is_null() {
            content.insert(name.clone(), meant(field, value));
        }
    }
    let content = Value::Object(content);
    fits(schema, &content).map_err(|Misfit { place, why }| {
        let field = if place.is_empty() { "answers".to_owned() } else { format!("answers.{place}") };
        Problem::invalid(field, why)
    })?;
    Ok(Some(content))
}

/// The field of this name, or the one that is asked for in these words.
fn field_of<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<(&'a String, &'a Value)> {
    let says = |field: &Value, word: &str| field.get(word).and_then(Value::as_str) == Some(key);
    fields
        .get_key_value(key)
        .or_else(|| fields.iter().find(|(_, field)| says(field, "description") || says(field, "title")))
}

/// A value as the field wants it; what cannot be taken for that stays as it is, and is refused by the schema.
fn meant(field: &Value, value: Value) -> Value {
    let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
    match (kind, value) {
        ("array", Value::Array(list)) => {
            let items = field.get("items").unwrap_or(&Value::Null);
            list.into_iter().map(|one| meant(items, one)).collect()
        }
        ("array", one) => Value::Array(vec![meant(field.get("items").unwrap_or(&Value::Null), one)]),
        (_, Value::Array(mut list)) if list.len() == 1 => meant(field, list.remove(0)),
        ("boolean", Value::String(word)) => match word.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" => Value::Bool(true),
            "no" | "false" => Value::Bool(false),
            _ => Value::String(word),
        },
        ("integer" | "number", Value::String(word)) => {
            let number = serde_json::from_str::<Value>(word.trim()).ok().filter(Value::is_number);
            number.unwrap_or(Value::String(word))
        }
        (_, Value::String(word)) => behind(field, &word).unwrap_or(Value::String(word)),
        (_, value) => value,
    }
}

/// The value of a choice by its title.
fn behind(field: &Value, title: &str) -> Option<Value> {
    let lists = ["oneOf", "anyOf"].into_iter().filter_map(|list| field.get(list)?.as_array());
    let choices: Vec<&Value> = lists.flatten().collect();
    let is_value = choices.iter().any(|choice| choice.get("const").and_then(Value::as_str) == Some(title));
    let titled = choices.iter().find(|choice| choice.get("title").and_then(Value::as_str) == Some(title));
    if let (false, Some(choice)) = (is_value, titled) {
        return choice.get("const").cloned();
    }
    let at = field.get("enumNames")?.as_array()?.iter().position(|name| name.as_str() == Some(title))?;
    field.get("enum")?.as_array()?.get(at).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenure_api::ErrorCode;
    use tenure_event::{AskKind, AskState, Timestamp};

    use super::*;

    fn ask(schema: &Value) -> Ask {
        Ask {
            id: tenure_event::AskId::from_uuid(uuid::Uuid::from_u128(1)),
            session_id: "s1".parse().expect("valid"),
            turn_id: None,
            kind: AskKind::Elicitation,
            title: "fill it".into(),
            tool: None,
            tool_id: None,
            input: Some(json!({"server": "x", "schema": schema})),
            options: Vec::new(),
            questions: Vec::new(),
            path: Vec::new(),
            opened_at: Timestamp::from_millis(0),
            expires_at: None,
            state: AskState::Open,
            decision: None,
            scope: None,
        }
    }

    fn form() -> Ask {
        ask(&json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Your name", "minLength": 2},
                "age": {"type": "integer", "minimum": 1, "maximum": 100},
                "mail": {"type": "string", "format": "email"},
                "sure": {"type": "boolean", "description": "Are you sure?"},
                "hero": {"type": "string", "oneOf": [{"const": "h1", "title": "Superman"}, {"const": "h2", "title": "h1 too"}]},
                "fish": {"type": "array", "minItems": 1, "items": {"anyOf": [{"const": "f1", "title": "Tuna"}]}},
                "pet": {"type": "string", "enum": ["p1", "p2"], "enumNames": ["Cat", "Dog"]},
            },
            "required": ["name"],
        }))
    }

    fn refused(ask: &Ask, answers: &Value) -> (ErrorCode, String) {
        let problem = filled(ask, Some(answers)).expect_err("refused");
        (problem.code, problem.field.unwrap_or_default())
    }

    #[test]
    fn words_are_taken_for_what_the_form_wants() {
        let given = json!({
            "Your name": "Bo", "age": "7", "Are you sure?": "yes", "hero": "Superman", "fish": "Tuna", "pet": "Dog",
            "mail": null,
        });
        let content = filled(&form(), Some(&given)).expect("filled");
        let wanted = json!({"name": "Bo", "age": 7, "sure": true, "hero": "h1", "fish": ["f1"], "pet": "p2"});
        assert_eq!(content, Some(wanted.clone()));
        assert_eq!(filled(&form(), content.as_ref()).expect("again"), Some(wanted), "values are values");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_field() {
        let invalid = |field: &str| (ErrorCode::Invalid, field.to_owned());
        assert_eq!(refused(&form(), &json!({})), invalid("answers.name"));
        assert_eq!(refused(&form(), &json!({"name": "B"})), invalid("answers.name"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "age": 700})), invalid("answers.age"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "age": "many"})), invalid("answers.age"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "mail": "nobody"})), invalid("answers.mail"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "hero": "h9"})), invalid("answers.hero"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "fish": ["f9"]})), invalid("answers.fish.0"));
        assert_eq!(refused(&form(), &json!({"name": "Bo", "other": 1})), invalid("answers.other"));
        assert_eq!(refused(&form(), &json!(["Bo"])), invalid("answers"));
        let problem = filled(&form(), None).expect_err("a name is wanted");
        assert_eq!(problem.field.as_deref(), Some("answers.name"));
    }

    #[test]
    fn an_ask_without_a_form_takes_a_decision_alone() {
        assert_eq!(filled(&ask(&Value::Null), None).expect("nothing to fill"), None);
        assert_eq!(refused(&ask(&Value::Null), &json!({"a": 1})).1, "answers");
    }

    #[test]
    fn a_schema_that_leads_to_itself_is_not_followed() {
        for at in ["#", "#/properties/a"] {
            let circle = ask(&json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": at}]}}}));
            assert_eq!(
                filled(&circle, Some(&json!({"a": {"a": 1}}))).expect("taken"),
                Some(json!({"a": {"a": 1}}))
            );
        }
        let circle = ask(&json!({"properties": {"a": {}}, "$dynamicRef": "#"}));
        assert_eq!(filled(&circle, Some(&json!({"a": 1}))).expect("taken"), Some(json!({"a": 1})));
    }

    #[test]
    fn a_schema_that_is_none_refuses_nothing() {
        let odd = ask(&json!({"type": 7, "properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}));
        assert_eq!(filled(&odd, Some(&json!({"a": 1}))).expect("taken"), Some(json!({"a": 1})));
    }
}
