//! The script language: what a step is, how a script is built, written into a prompt and found again.
//! Not here: deciding which step is due (`history`) and turning one into frames (`player`, `dialect`).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The mark on both sides of a script in a prompt.
const MARK: &str = "@@";

/// One answer of the model. All fields may be combined; what is absent does not happen.
///
/// Order within an answer: `hang`, then `think`, then `text`, then `tools`. `gate`, `cut` and `stream_error`
/// strike in the middle of the text, or before the tools where there is no text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Reasoning shown before the text, in the dialect's own form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think: Option<String>,
    /// The text of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Into how many deltas a streamed text is cut; 2 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// Seconds between two deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    /// Tool calls, all in this one answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolCall>,
    /// Answers with this HTTP status instead. Such a step leaves no message, so it is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<u16>,
    /// The error's type in the body; by status if absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The error's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<String>,
    /// Headers that go with the error, such as `retry-after`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How often `error`, `stream_error` or `cut` happens; then the script goes on. For ever if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Seconds of silence after the stream has begun, at most 600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<f64>,
    /// Ends a stream with an error event of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_error: Option<String>,
    /// Drops the connection.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Waits until the test opens the gate of this name; after 60 s the connection is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Replaces single fields of the usage, by their Anthropic names (`input_tokens`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Map<String, Value>>,
    /// Replaces the stop reason, by its Anthropic name (`max_tokens`, `refusal`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<String>,
}

/// One tool call of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The tool's name as the agent declares it to the model.
    pub name: String,
    /// Its arguments.
    pub input: Value,
}

/// A script: the answers to one prompt, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script {
    /// The steps; past the last one the model says `script exhausted`.
    pub steps: Vec<Step>,
}

impl Script {
    /// A script without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds a step that says `text`.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.step(Step { text: Some(text.into()), ..Step::default() })
    }

    /// Adds a step that calls one tool. In the Responses dialect `SPACE::TOOL` calls a tool of a namespace.
    pub fn tool(self, name: impl Into<String>, input: Value) -> Self {
        self.step(Step { tools: vec![ToolCall { name: name.into(), input }], ..Step::default() })
    }

    /// Adds a step that streams half of `text` and then waits for `Model::open_gate(name)`.
    pub fn gate(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(Step { gate: Some(name.into()), text: Some(text.into()), ..Step::default() })
    }

    /// Adds a step that answers with an HTTP error, for ever unless [`Script::times`] follows.
    pub fn error(self, status: u16) -> Self {
        self.step(Step { error: Some(status), ..Step::default() })
    }

    /// Adds a step that says half of `text` and drops the connection.
    pub fn cut(self, text: impl Into<String>) -> Self {
        self.step(Step { cut: true, text: Some(text.into()), ..Step::default() })
    }

    /// Adds a step that says half of `text` and then sends an error event of type `kind`.
    pub fn stream_error(self, kind: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(Step { stream_error: Some(kind.into()), text: Some(text.into()), ..Step::default() })
    }

    /// Adds a step that falls silent for `time` after the stream has begun, and then says `text`.
    pub fn hang(self, time: Duration, text: impl Into<String>) -> Self {
        self.step(Step { hang: Some(time.as_secs_f64()), text: Some(text.into()), ..Step::default() })
    }

    /// Lets the last step think before it speaks.
    pub fn with_think(self, thought: impl Into<String>) -> Self {
        self.last(|step| step.think = Some(thought.into()))
    }

    /// Lets the last step say `text`, before its tools.
    pub fn with_text(self, text: impl Into<String>) -> Self {
        self.last(|step| step.text = Some(text.into()))
    }

    /// Adds a tool call to the last step.
    pub fn with_tool(self, name: impl Into<String>, input: Value) -> Self {
        self.last(|step| step.tools.push(ToolCall { name: name.into(), input }))
    }

    /// Cuts the last step's text into `n` deltas, `delay` apart.
    pub fn paced(self, n: usize, delay: Duration) -> Self {
        self.last(|step| {
            step.n = Some(n);
            step.delay = (!delay.is_zero()).then_some(delay.as_secs_f64());
        })
    }

    /// Lets the last step's fault happen `times` times only.
    pub fn times(self, times: u32) -> Self {
        self.last(|step| step.times = Some(times))
    }

    /// Replaces single usage fields of the last step; anything but a JSON object is taken as none.
    pub fn with_usage(self, usage: Value) -> Self {
        self.last(|step| step.usage = usage.as_object().cloned())
    }

    /// The prompt that carries this script behind `words`.
    pub fn prompt(&self, words: &str) -> String {
        format!("{words} {self}")
    }

    fn last(mut self, change: impl FnOnce(&mut Step)) -> Self {
        if self.steps.is_empty() {
            self.steps.push(Step::default());
        }
        if let Some(step) = self.steps.last_mut() {
            change(step);
        }
        self
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = serde_json::to_string(&self.steps).map_err(|_| fmt::Error)?;
        write!(f, "{MARK}{steps}{MARK}")
    }
}

/// A prompt holds something that begins like a script and is none.
#[derive(Debug, thiserror::Error)]
#[error("the script in the prompt cannot be read: {0}; check its field names against tenure_model::Step")]
pub struct ScriptError(String);

/// Finds the last script in `text`: an array of steps between `@@` marks.
///
/// The array's end is found by reading it as JSON, so a tool's input may carry a script of its own (the
/// prompt of a subagent) without any escaping but JSON's.
///
/// # Errors
/// If the text has an opening `@@[` but no script that can be read.
pub fn find_script(text: &str) -> Result<Option<Script>, ScriptError> {
    let (mut found, mut fault, mut rest) = (None, None, text);
    while let Some(at) = rest.find("@@[") {
        let json = &rest[at + MARK.len()..];
        match read(json) {
            Ok((script, end)) => {
                found = Some(script);
                rest = &json[end..];
            }
            Err(error) => {
                fault = Some(error);
                rest = &json[1..];
            }
        }
    }
    match (found, fault) {
        (Some(script), _) => Ok(Some(script)),
        (None, Some(error)) => Err(ScriptError(error)),
        (None, None) => Ok(None),
    }
}

/// Reads a script at the start of `json`; gives it with the position behind its closing mark.
fn read(json: &str) -> Result<(Script, usize), String> {
    let mut stream = serde_json::Deserializer::from_str(json).into_iter::<Script>();
    let script = match stream.next() {
        Some(Ok(script)) => script,
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("it is empty".to_owned()),
    };
    let end = stream.byte_offset();
    if json[end..].starts_with(MARK) {
        Ok((script, end + MARK.len()))
    } else {
        Err(format!("no closing {MARK} follows it"))
    }
}

#[cfg(test)]
mod tests;
