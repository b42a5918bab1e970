//! The conversation of a request in one form for all dialects, and the step that is due by it.

use serde_json::Value;

use crate::script::{Script, ScriptError, find_script};

/// One thing in the conversation, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// A text of the user's.
    User(String),
    /// Something the model said, thought or called; with the step that made the call, where its id tells.
    Model(Option<usize>),
    /// The result of a tool call.
    ToolResult(String),
}

/// What the conversation asks for.
#[derive(Debug)]
pub(crate) enum Due {
    /// Step number `played` of the script, error steps not counted.
    Script { script: Script, played: usize },
    /// No script; the newest text of the user's.
    Plain(String),
}

/// Finds what is due: the newest user text decides, a script in it or none.
pub(crate) fn due(items: &[Item]) -> Result<Due, ScriptError> {
    for (at, item) in items.iter().enumerate().rev() {
        let Item::User(text) = item else { continue };
        if let Some(script) = find_script(text)? {
            return Ok(Due::Script { script, played: answers(&items[at + 1..]) });
        }
        if !is_injected(text) {
            return Ok(Due::Plain(text.trim().to_owned()));
        }
    }
    Ok(Due::Plain(String::new()))
}

/// Counts the answers in what followed a script. A run of model items is one answer, because some dialects
/// split it; so are several runs whose calls tell the same step, because some agents put each call of an
/// answer in front of its own result.
fn answers(items: &[Item]) -> usize {
    let mut played = 0;
    for run in items.chunk_by(|a, b| is_model(a) == is_model(b)).filter(|run| is_model(&run[0])) {
        let told =
            run.iter().filter_map(|item| if let Item::Model(step) = item { *step } else { None }).max();
        played = told.map_or(played + 1, |step| played.max(step + 1));
    }
    played
}

fn is_model(item: &Item) -> bool {
    matches!(item, Item::Model(_))
}

/// The id of a tool call, which tells the step that made it.
pub(crate) fn call_id(prefix: &str, step: usize) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}s{step}_{}", &id[..20])
}

/// The step in an id that [`call_id`] made.
pub(crate) fn step_of(id: &Value) -> Option<usize> {
    id.as_str()?.split('_').find_map(|part| part.strip_prefix('s')?.parse().ok())
}

/// How such texts begin.
const INJECTED: [&str; 8] = [
    "<system-reminder>",
    "<info-msg>",
    "Tool loaded",
    "<environment_context>",
    "<turn_aborted>",
    "<permissions instructions>",
    "<user_instructions>",
    "# AGENTS.md instructions",
];

/// Texts that agents put into the user's mouth; they neither carry a script nor end one.
fn is_injected(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || INJECTED.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests;
