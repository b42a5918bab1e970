//! The form of an ask of kind `elicitation`: its fields by name, as lines and as a command would fill them. Whether a value
//! fits is the daemon's to say.

use serde_json::{Map, Value};
use tenure_event::Ask;

use crate::style::Style;
use crate::text::one_line;

const WIDEST: usize = 200;

/// A field.
pub(crate) struct Field<'a> {
    /// Its name, by which it is answered.
    pub(crate) name: &'a str,
    schema: &'a Value,
    required: bool,
}

/// The fields of the form, if the ask has one.
pub(crate) fn fields(ask: &Ask) -> Vec<Field<'_>> {
    let Some(schema) = ask.input.as_ref().and_then(|input| input.get("schema")) else { return Vec::new() };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let all = schema["properties"].as_object().into_iter().flatten();
    all.map(|(name, schema)| Field { name, schema, required: required.contains(&name.as_str()) }).collect()
}

impl Field<'_> {
    /// Several values may be given.
    pub(crate) fn is_list(&self) -> bool {
        self.schema["type"] == "array"
    }

    fn kind(&self) -> String {
        let choices = choices(if self.is_list() { &self.schema["items"] } else { self.schema });
        let kind = self.schema["type"].as_str().unwrap_or("value");
        match (choices.is_empty(), self.is_list()) {
            (true, _) => self.schema["format"].as_str().unwrap_or(kind).to_owned(),
            (false, false) => choices.join("|"),
            (false, true) => format!("{}, several with commas", choices.join("|")),
        }
    }
}

/// The values that may be chosen.
fn choices(schema: &Value) -> Vec<String> {
    let named = ["oneOf", "anyOf"].into_iter().filter_map(|list| schema[list].as_array()).flatten();
    let named = named.filter_map(|choice| choice["const"].as_str());
    let bare = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    named.chain(bare).map(|value| one_line(value, 40)).collect()
}

/// The form as lines: what each field is called, what it takes, what it is for.
pub(crate) fn form_block(style: Style, ask: &Ask) -> String {
    let line = |field: &Field<'_>| {
        let about =
            field.schema["description"].as_str().or(field.schema["title"].as_str()).unwrap_or_default();
        let usual = match &field.schema["default"] {
            Value::Null => String::new(),
            Value::String(text) => format!(" (usually {})", one_line(text, 60)),
            other => format!(" (usually {})", one_line(&other.to_string(), 60)),
        };
        let must = if field.required { ", needed" } else { "" };
        let said = format!("  {}{usual}", one_line(about, WIDEST));
        format!(
            "    {} {}{}\n",
            style.cyan(&one_line(field.name, 60)),
            style.dim(&format!("<{}{must}>", one_line(&field.kind(), WIDEST))),
            style.dim(&said)
        )
    };
    fields(ask).iter().map(line).collect()
}

/// The arguments that fill it, as an example.
pub(crate) fn form_usage(ask: &Ask) -> String {
    let fields = fields(ask);
    let needed: Vec<&Field<'_>> = fields.iter().filter(|field| field.required).collect();
    let shown = if needed.is_empty() { fields.iter().take(1).collect() } else { needed };
    shown.iter().map(|field| format!(" --answer {}=…", one_line(field.name, 60))).collect()
}

/// What a person gave for the fields, by their names or numbers. The error says what is wrong.
pub(crate) fn filled(ask: &Ask, given: &[String]) -> Result<Map<String, Value>, String> {
    let fields = fields(ask);
    let mut content = Map::new();
    for text in given {
        let known = || fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}`: write FIELD=VALUE; the fields are {}", known()))?;
        let by_number = name.trim().parse::<usize>().ok().and_then(|n| fields.get(n.checked_sub(1)?));
        let field = fields.iter().find(|field| field.name == name.trim()).or(by_number);
        let field = field.ok_or_else(|| format!("the form has no field `{name}`; it has {}", known()))?;
        let value = match field.is_list() {
            true => value.split(',').map(|one| Value::from(one.trim())).collect(),
            false => Value::from(value),
        };
        content.insert(field.name.to_owned(), value);
    }
    Ok(content)
}
