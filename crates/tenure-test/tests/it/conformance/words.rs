//! The words of a conformance case: names filled in, patterns fitted.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) agents: BTreeMap<String, Map<String, Value>>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(rename = "do")]
    pub(super) what: String,
    #[serde(default)]
    pub(super) with: Map<String, Value>,
    pub(super) on: Option<String>,
    pub(super) via: Option<String>,
    #[serde(rename = "as")]
    pub(super) name: Option<String>,
    pub(super) expect: Option<Value>,
    pub(super) fails: Option<Value>,
    #[serde(default)]
    pub(super) later: bool,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

/// A value of the data with its names filled in.
pub(super) fn filled(value: &Value, kept: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => text.strip_prefix('$').map_or_else(|| value.clone(), |name| named(name, kept)),
        Value::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Value::Object(fields) => match fields.get("$script") {
            Some(script) => Value::String(format!("@@{script}@@")),
            None => fields.iter().map(|(name, item)| (name.clone(), filled(item, kept))).collect(),
        },
        other => other.clone(),
    }
}

/// `NAME.FIELD.0`, or a kept text with a path after it: `NAME/more`.
fn named(text: &str, kept: &HashMap<String, Value>) -> Value {
    let (path, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
    let mut fields = path.split('.');
    let first = fields.next().unwrap_or_default();
    let mut at = kept.get(first).unwrap_or_else(|| panic!("there is no ${text}"));
    for field in fields {
        at = field.parse::<usize>().map_or_else(|_| &at[field], |n| &at[n]);
    }
    if rest.is_empty() { at.clone() } else { Value::String(format!("{}{rest}", at.as_str().unwrap())) }
}

/// Whether a value fits a pattern.
pub(super) fn fits(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::Array(all) => value.as_array().is_some_and(|items| {
            items.len() == all.len() && all.iter().zip(items).all(|(one, item)| fits(one, item))
        }),
        Value::Object(fields) => match fields.iter().next() {
            Some((word, of)) if word.starts_with('$') => special(word, of, value),
            _ => value.is_object() && fields.iter().all(|(name, one)| fits(one, &value[name])),
        },
        Value::Number(number) => value.as_f64() == number.as_f64(),
        other => other == value,
    }
}

fn special(word: &str, of: &Value, value: &Value) -> bool {
    match word {
        "$any" => !value.is_null(),
        "$contains" => value.as_str().is_some_and(|text| text.contains(of.as_str().unwrap())),
        "$count" => value.as_array().is_some_and(|items| Some(items.len() as u64) == of.as_u64()),
        "$not" => !fits(of, value),
        "$has" => {
            let mut items = value.as_array().map(|items| items.iter()).unwrap_or_default();
            of.as_array().unwrap().iter().all(|one| items.any(|item| fits(one, item)))
        }
        _ => panic!("a pattern {word}"),
    }
}
