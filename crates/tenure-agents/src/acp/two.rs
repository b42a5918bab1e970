//! Version 2 of the protocol, where it differs from version 1: messages that are told whole, the state that says when
//! a turn begins and ends, terminals that are the agent's own, and what a permission is asked for.
//!
//! All else is read as version 1: most of its updates have the same members. It is a draft, so what is read here is
//! what the programs were seen to say.

mod diff;
mod message;
mod prompt;
mod state;
mod subagent;
mod terminal;

use serde_json::{Value, json};

use crate::json::{at, str_at};

pub(super) use diff::diffs;
pub(super) use message::{is_whole, whole_as_chunks};
pub(super) use prompt::name_by_urls;
pub(super) use terminal::{content_text, of_terminal, take};

/// What a permission is asked for, as a tool call.
pub(super) fn asked_for(params: &Value) -> Value {
    if let Some(call) = at(params, &["toolCall"]).or_else(|| at(params, &["subject", "toolCall"])) {
        return call.clone();
    }
    let Some(command) = str_at(params, &["subject", "command"]) else {
        return json!({"title": params.get("title")});
    };
    json!({
        "toolCallId": at(params, &["subject", "toolCallId"]),
        "title": command,
        "kind": "execute",
        "rawInput": {"command": command, "cwd": at(params, &["subject", "cwd"])},
    })
}
