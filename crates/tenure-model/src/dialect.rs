//! The three request and answer forms, behind one interface: read a request, render an answer.
//! Which answer is due and when its pieces go out is decided elsewhere (`reply`, `player`).

use serde_json::{Value, json};

use crate::history::Item;
use crate::script::{Step, ToolCall};

mod anthropic;
mod chat;
mod responses;
mod usage;

use usage::Usage;

/// A form in which an agent talks to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/responses`.
    Responses,
}

/// What a request says, in one form for all dialects.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) system: String,
    pub(crate) items: Vec<Item>,
    /// Names of the tools on offer.
    pub(crate) tools: Vec<String>,
    /// Those of them that take free text instead of JSON.
    pub(crate) custom_tools: Vec<String>,
    /// An answer in JSON is asked for.
    pub(crate) wants_json: bool,
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beat<'a> {
    Start,
    Think(&'a str),
    TextStart,
    TextDelta(&'a str),
    TextEnd,
    Tool(&'a ToolCall),
    /// The stream breaks with an error of this type.
    Fault(&'a str),
    End,
}

/// Renders one answer. Streams get `frames` for each beat in order; the rest get `whole`.
pub(crate) trait Render: Send {
    /// The server-sent events of a beat.
    fn frames(&mut self, beat: Beat<'_>) -> String;
    /// The whole answer as one document.
    fn whole(&mut self, step: &Step) -> Value;
}

impl Dialect {
    pub(crate) fn read(self, body: &Value) -> Request {
        let mut request = Request {
            model: body["model"].as_str().unwrap_or("fake-1").to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            ..Request::default()
        };
        match self {
            Self::Anthropic => anthropic::read(body, &mut request),
            Self::Chat => chat::read(body, &mut request),
            Self::Responses => responses::read(body, &mut request),
        }
        request
    }

    /// Renders `step`, which is number `played` of its script; error steps are not counted.
    pub(crate) fn render(self, request: &Request, step: &Step, played: usize) -> Box<dyn Render> {
        let usage = Usage::of(step);
        let model = request.model.clone();
        match self {
            Self::Anthropic => Box::new(anthropic::Answer::new(model, step, played, usage)),
            Self::Chat => Box::new(chat::Answer::new(model, step, played, usage)),
            Self::Responses => {
                let custom = request.custom_tools.clone();
                Box::new(responses::Answer::new(model, step, played, usage, custom))
            }
        }
    }

    pub(crate) fn error(self, kind: &str, message: &str) -> Value {
        match self {
            Self::Anthropic => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Self::Chat | Self::Responses => {
                json!({"error": {"type": kind, "message": message, "code": kind, "param": null}})
            }
        }
    }
}

/// One server-sent event.
fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

fn fresh_id(prefix: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &id[..24])
}

/// The text of a content field: a string, or parts of which those with a text count.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Cuts in two at a character boundary, so that clients have something to join.
fn halves(text: &str) -> (&str, &str) {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.split_at(middle)
}
