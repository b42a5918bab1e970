//! The script language: finds the steps inside a prompt and reads them, all of them before the first is played.
//! A step or an option that is not known is refused by name.

pub(crate) mod steps;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub(crate) use steps::Step;

const OPEN: &str = "@@[";
const CLOSE: &str = "]@@";

/// Wraps steps as a prompt: `script(&json!([{"text": "hi"}]))` is `@@[{"text":"hi"}]@@`.
///
/// `steps` is a JSON array; a single object is taken as an array of one.
pub fn script(steps: &Value) -> String {
    match steps {
        Value::Array(_) => format!("@@{steps}@@"),
        one => format!("@@[{one}]@@"),
    }
}

/// The steps in a prompt; none if it holds no script.
///
/// # Errors
/// A sentence that names the step, counted from 1, and what is wrong with it.
pub(crate) fn parse(prompt: &str) -> Result<Option<Vec<Step>>, String> {
    let Some(start) = prompt.find(OPEN) else { return Ok(None) };
    let end = prompt.rfind(CLOSE).filter(|end| *end > start);
    let end = end.ok_or("the script begins with @@[ but does not end with ]@@")?;
    let json = &prompt[start + 2..=end];
    let values: Vec<Value> =
        serde_json::from_str(json).map_err(|e| format!("the script is not JSON: {e}"))?;
    let numbered = values.into_iter().enumerate();
    let steps = numbered.map(|(i, value)| read(value).map_err(|e| format!("step {}: {e}", i + 1)));
    steps.collect::<Result<_, _>>().map(Some)
}

/// How many steps the script in a prompt has; none if it holds no script.
///
/// # Errors
/// A sentence that names the step, counted from 1, and what is wrong with it.
pub fn count_steps(prompt: &str) -> Result<Option<usize>, String> {
    parse(prompt).map(|steps| steps.map(|steps| steps.len()))
}

/// The option that a verb's plain value stands for: `{"text": "hi"}` means `{"text": {"text": "hi"}}`.
const MAIN_OPTION: &[(&str, &str)] = &[
    ("text", "text"),
    ("think", "text"),
    ("tool", "title"),
    ("read", "path"),
    ("write", "path"),
    ("fs_read", "path"),
    ("fs_write", "path"),
    ("ask", "title"),
    ("plan", "entries"),
    ("usage", "used"),
    ("title", "title"),
    ("mode", "id"),
    ("commands", "commands"),
    ("update", "update"),
    ("sleep_ms", "ms"),
    ("gate", "file"),
    ("fork", "sleep_s"),
    ("flood", "n"),
    ("numbered", "to"),
    ("bench", "events"),
    ("repeat", "n"),
    ("exit", "code"),
    ("crash_stderr", "stderr"),
    ("stderr", "text"),
    ("raw", "line"),
    ("raw_hex", "hex"),
    ("huge", "bytes"),
    ("deep", "levels"),
    ("request", "method"),
    ("unknown_request", "method"),
    ("late_response_ms", "ms"),
    ("slow_cancel_ms", "ms"),
    ("end_turn_with_error", "stderr"),
    ("stop", "reason"),
    ("error", "message"),
    ("self_update_after_turn", "steps"),
    ("env", "name"),
];

/// Reads one step: `"pwd"`, `{"text": "hi"}`, `{"text": "hi", "chunks": 2}` or `{"text": {"text": "hi", "chunks": 2}}`.
fn read(step: Value) -> Result<Step, String> {
    let (verb, options) = match step {
        Value::String(verb) => (verb, Map::new()),
        Value::Object(fields) => split(fields)?,
        other => return Err(format!("{other} is neither an object nor the name of a step")),
    };
    let tagged = Map::from_iter([(verb.clone(), Value::Object(options))]);
    Step::deserialize(Value::Object(tagged)).map_err(|e| format!("{verb}: {e}"))
}

/// The step's verb is its first field; the fields beside it are options.
fn split(fields: Map<String, Value>) -> Result<(String, Map<String, Value>), String> {
    let mut fields = fields.into_iter();
    let (verb, value) = fields.next().ok_or("the step is empty")?;
    let mut options = match value {
        Value::Object(options) if verb != "update" || options.contains_key("update") => options,
        Value::Null | Value::Bool(true) => Map::new(),
        value => {
            let main = MAIN_OPTION.iter().find(|(name, _)| *name == verb);
            // A verb without a main option refuses this name.
            let option = main.map_or("value", |(_, option)| option);
            Map::from_iter([(option.to_owned(), value)])
        }
    };
    for (name, value) in fields {
        if options.insert(name.clone(), value).is_some() {
            return Err(format!("{verb}: the option {name} is given twice"));
        }
    }
    Ok((verb, options))
}

impl<'de> Deserialize<'de> for Step {
    /// Brings the step into its long form first; the long form's reader is derived, and inherent.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(Value::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
