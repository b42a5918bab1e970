//! Decides how a request is answered: a step of its script, an error, or a few words where there is no
//! script. Pure but for the counting of faults.

use std::collections::BTreeMap;

use serde_json::json;

use crate::dialect::Request;
use crate::faults::Faults;
use crate::history::{Due, Item, due};
use crate::script::{Script, Step};

/// How a request is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Step `index` of the script, `played` if error steps are not counted; or words of our own without an index.
    Play { step: Step, index: Option<usize>, played: usize },
    /// An HTTP error.
    Refuse {
        status: u16,
        kind: String,
        message: String,
        headers: BTreeMap<String, String>,
        index: Option<usize>,
    },
}

impl Reply {
    fn say(text: impl Into<String>) -> Self {
        Self::Play { step: Step { text: Some(text.into()), ..Step::default() }, index: None, played: 0 }
    }

    pub(crate) fn refuse(status: u16, message: impl Into<String>) -> Self {
        let kind = error_kind(status).to_owned();
        Self::Refuse { status, kind, message: message.into(), headers: BTreeMap::new(), index: None }
    }

    /// The step that is played, counted from 0 over all steps of the script.
    pub(crate) fn index(&self) -> Option<usize> {
        match self {
            Self::Play { index, .. } | Self::Refuse { index, .. } => *index,
        }
    }
}

/// Chooses the reply. A script that cannot be read is refused with 400, so that the test sees why.
pub(crate) fn choose(request: &Request, faults: &Faults) -> Reply {
    if let Some(chore) = chore(request) {
        return Reply::say(chore);
    }
    match due(&request.items) {
        Err(error) => Reply::refuse(400, error.to_string()),
        Ok(Due::Script { script, played }) => scripted(&script, played, faults),
        Ok(Due::Plain(_)) if request.wants_json => {
            Reply::say(json!({"title": "Scripted title", "branch": "scripted/branch"}).to_string())
        }
        Ok(Due::Plain(text)) => Reply::say(format!("echo: {}", text.chars().take(60).collect::<String>())),
    }
}

/// Calls that agents make on the side, with the user's text quoted in them: no step is due for those.
/// Known by the openings of their system prompts, Claude Code's compaction by its last user text.
fn chore(request: &Request) -> Option<&'static str> {
    let asks = |opening: &&str| request.system.starts_with(*opening);
    if ["You are a title generator", "Generate a short title"].iter().any(asks) {
        return Some("Scripted title");
    }
    if ["Summarize this tool call", "Summarize this sequence of tool calls"].iter().any(asks) {
        return Some("doing as scripted");
    }
    let last = request.items.iter().rev().find_map(|item| match item {
        Item::User(text) => Some(text.as_str()),
        _ => None,
    });
    last.is_some_and(|text| text.contains("Your task is to create a detailed summary")).then_some(
        "<analysis>scripted</analysis>\n<summary>A scripted summary of the conversation.</summary>",
    )
}

/// Finds the step: error steps before it strike first, as long as their `times` last, and are then passed over.
fn scripted(script: &Script, played: usize, faults: &Faults) -> Reply {
    let key = script.to_string();
    let mut counted = 0;
    for (index, step) in script.steps.iter().enumerate() {
        match step.error {
            Some(status) if counted == played && faults.strikes(&key, index, step.times) => {
                return failure(step, status, index);
            }
            Some(_) => {}
            None if counted == played => {
                let step = faulty_or_mended(step, index, &key, faults);
                return Reply::Play { step, index: Some(index), played };
            }
            None => counted += 1,
        }
    }
    Reply::say("script exhausted")
}

/// The step, without its fault if that has happened often enough.
fn faulty_or_mended(step: &Step, index: usize, key: &str, faults: &Faults) -> Step {
    let mut step = step.clone();
    let has_fault = step.cut || step.stream_error.is_some();
    if has_fault && !faults.strikes(key, index, step.times) {
        step.cut = false;
        step.stream_error = None;
    }
    step
}

fn failure(step: &Step, status: u16, index: usize) -> Reply {
    Reply::Refuse {
        status,
        kind: step.error_type.clone().unwrap_or_else(|| error_kind(status).to_owned()),
        message: step.msg.clone().unwrap_or_else(|| "scripted error".to_owned()),
        headers: step.headers.clone(),
        index: Some(index),
    }
}

fn error_kind(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}
