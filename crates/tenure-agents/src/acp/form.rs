//! `elicitation/create`: a form with its schema, and as questions where it is flat; answers are the form's content. That
//! they fit the schema was checked before they come here.
//!
//! Visits to a URL are not served: they are refused.

use serde_json::{Map, Value, json};
use tenure_core::agent::{Answer, AskAnswer, AskSignal, Command, Decoded, Signal};
use tenure_event::{AskKind, Decision, Question, QuestionChoice};

use super::AcpCodec;
use crate::field::one_line;
use crate::json::{at, list_at, str_at, string_at};

/// More fields than this are no form for a person.
const MAX_FIELDS: usize = 64;

impl AcpCodec {
    pub(super) fn elicitation(&mut self, token: String, params: &Value, out: &mut Decoded) {
        let form = matches!(str_at(params, &["mode"]), None | Some("form"));
        let schema = at(params, &["requestedSchema"]).filter(|schema| form && schema.is_object());
        let Some(schema) = schema else {
            let method = "elicitation/create".to_owned();
            return out.push(Signal::Send(Command::Answer(Answer::Unknown { token, method })));
        };
        let (questions, keep) = read_form(schema).unwrap_or_default();
        let message =
            string_at(params, &["message"]).unwrap_or_else(|| "The agent asks for input".to_owned());
        out.push(Signal::Ask(AskSignal {
            token,
            kind: AskKind::Elicitation,
            title: one_line(&message),
            tool: None,
            tool_id: string_at(params, &["toolCallId"]),
            input: Some(json!({"message": message, "mode": "form", "schema": schema})),
            options: Vec::new(),
            questions,
            path: self.way(params),
            keep: json!({"form": keep}),
            can_update_input: false,
            can_always: false,
        }));
    }
}

/// The questions of a form by its schema, and what an answer needs. Nothing if it is not
/// flat, or has more fields than a person fills.
pub(crate) fn read_form(schema: &Value) -> Option<(Vec<Question>, Value)> {
    let fields = at(schema, &["properties"])?.as_object().filter(|fields| fields.len() <= MAX_FIELDS)?;
    let fields: Vec<Field> =
        fields.iter().map(|(name, schema)| Field::read(name, schema)).collect::<Option<_>>()?;
    let keep = fields.iter().map(Field::keep).collect();
    Some((fields.into_iter().map(|field| field.question).collect(), Value::Array(keep)))
}

/// A field of a form.
struct Field {
    name: String,
    kind: &'static str,
    question: Question,
    /// Label and value, where they differ.
    values: Vec<(String, Value)>,
}

impl Field {
    fn read(name: &str, schema: &Value) -> Option<Self> {
        let kind = match str_at(schema, &["type"])? {
            "string" => "string",
            "integer" => "integer",
            "number" => "number",
            "boolean" => "boolean",
            "array" => "array",
            _ => return None,
        };
        let choices = if kind == "array" { at(schema, &["items"])? } else { schema };
        let values = values(kind, choices);
        if kind == "array" && values.is_empty() {
            return None;
        }
        let title = string_at(schema, &["title"]);
        let text =
            string_at(schema, &["description"]).or_else(|| title.clone()).unwrap_or_else(|| name.to_owned());
        let question = Question {
            question: text,
            header: title,
            choices: values
                .iter()
                .map(|(label, _)| QuestionChoice { label: label.clone(), description: None })
                .collect(),
            multiple: kind == "array",
        };
        Some(Self { name: name.to_owned(), kind, question, values })
    }

    fn keep(&self) -> Value {
        json!({"name": self.name, "kind": self.kind, "question": self.question.question, "values": self.values})
    }
}

fn values(kind: &str, schema: &Value) -> Vec<(String, Value)> {
    if kind == "boolean" {
        return vec![("yes".to_owned(), Value::Bool(true)), ("no".to_owned(), Value::Bool(false))];
    }
    let named = list_at(schema, &["oneOf"]).iter().chain(list_at(schema, &["anyOf"])).filter_map(|choice| {
        let value = at(choice, &["const"])?;
        Some((
            string_at(choice, &["title"]).or_else(|| value.as_str().map(ToOwned::to_owned))?,
            value.clone(),
        ))
    });
    let bare = list_at(schema, &["enum"])
        .iter()
        .filter_map(|value| Some((value.as_str()?.to_owned(), value.clone())));
    named.chain(bare).collect()
}

/// The result of an elicitation.
pub(crate) fn write_form(answer: &AskAnswer) -> Value {
    match answer.decision {
        Decision::Allow => json!({"action": "accept", "content": content(answer)}),
        Decision::Deny => json!({"action": "decline"}),
        Decision::Cancel => json!({"action": "cancel"}),
    }
}

fn content(answer: &AskAnswer) -> Value {
    if !answer.keep.get("form").is_some_and(Value::is_array) {
        return answer.answers.clone().unwrap_or_else(|| json!({}));
    }
    let empty = Value::Null;
    let answers = answer.answers.as_ref().unwrap_or(&empty);
    let mut content = Map::new();
    for field in list_at(&answer.keep, &["form"]) {
        let Some(name) = str_at(field, &["name"]) else { continue };
        let given = str_at(field, &["question"])
            .and_then(|question| answers.get(question))
            .or_else(|| answers.get(name));
        if let Some(given) = given.filter(|given| !given.is_null()) {
            content.insert(name.to_owned(), typed(field, given));
        }
    }
    Value::Object(content)
}

/// An answer in the type that the form wants; what cannot be converted goes as it is, for
/// the agent to refuse.
fn typed(field: &Value, given: &Value) -> Value {
    let one = |given: &Value| {
        let label = given.as_str().unwrap_or_default();
        let known = list_at(field, &["values"])
            .iter()
            .find(|pair| pair.get(0).and_then(Value::as_str) == Some(label));
        known.and_then(|pair| pair.get(1)).cloned()
    };
    match (str_at(field, &["kind"]), given) {
        (Some("array"), Value::Array(list)) => {
            list.iter().map(|v| one(v).unwrap_or_else(|| v.clone())).collect()
        }
        (Some("array"), given) => json!([one(given).unwrap_or_else(|| given.clone())]),
        (_, Value::Array(list)) if list.len() == 1 => typed(field, &list[0]),
        (_, given) if one(given).is_some() => one(given).unwrap_or_default(),
        (Some("integer" | "number" | "boolean"), Value::String(text)) => serde_json::from_str(text.trim())
            .ok()
            .filter(|v: &Value| v.is_number() || v.is_boolean())
            .unwrap_or_else(|| given.clone()),
        (_, given) => given.clone(),
    }
}
