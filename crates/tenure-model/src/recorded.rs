//! What the endpoint was asked, kept for the test to look at.

use serde_json::Value;

use crate::dialect::{Dialect, Request};
use crate::history::Item;

/// How many requests are kept; the oldest go first.
pub const MAX_RECORDED: usize = 1000;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// 1, 2, 3 … in order of arrival.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; null if there was none or it was no JSON.
    pub body: Value,
    /// The form of a model call; none for anything else.
    pub dialect: Option<Dialect>,
    /// The step that answered it, counted from 0; none if no step was due.
    pub step: Option<usize>,
}

impl RecordedRequest {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// All texts of the user's in the conversation, oldest first.
    pub fn user_texts(&self) -> Vec<String> {
        self.pick(|item| match item {
            Item::User(text) => Some(text),
            _ => None,
        })
    }

    /// All tool results in the conversation, oldest first.
    pub fn tool_results(&self) -> Vec<String> {
        self.pick(|item| match item {
            Item::ToolResult(text) => Some(text),
            _ => None,
        })
    }

    /// Names of the tools that the model was offered.
    pub fn tools(&self) -> Vec<String> {
        self.read().tools
    }

    /// The system prompt, whole.
    pub fn system(&self) -> String {
        self.read().system
    }

    fn read(&self) -> Request {
        self.dialect.map(|dialect| dialect.read(&self.body)).unwrap_or_default()
    }

    fn pick(&self, what: impl Fn(Item) -> Option<String>) -> Vec<String> {
        self.read().items.into_iter().filter_map(what).collect()
    }
}
