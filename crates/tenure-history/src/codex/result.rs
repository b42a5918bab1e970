//! How a call ended, by what a rollout tells of it: the program's own item where it made one, else the text that the model got.

use serde_json::Value;
use tenure_event::ToolState;

use super::record::Payload;
use crate::fields::{self, flag, text, word};

/// How a call ended.
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) state: ToolState,
    pub(super) output: Option<Value>,
    pub(super) error: Option<String>,
}

/// Longest reason that is told, in characters.
const WHY_MAX: usize = 2000;

impl Ended {
    fn new(state: ToolState, output: Option<Value>) -> Self {
        let said = output.as_ref().and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let error = match state {
            ToolState::Completed => None,
            _ => said.map(|text| text.chars().take(WHY_MAX).collect()),
        };
        Self { state, output, error }
    }
}

/// By an item that is complete, or the event of an older version.
pub(super) fn of_item(item: &Payload<'_>) -> Ended {
    let exit = item.exit_code.and_then(|raw| raw.get().parse::<i64>().ok());
    let state = match text(item.status).as_deref() {
        Some("failed") => ToolState::Failed,
        Some("declined") => ToolState::Denied,
        Some("interrupted") => ToolState::Cancelled,
        _ if exit.is_some_and(|code| code != 0) => ToolState::Failed,
        _ if item.success.is_some_and(|raw| raw.get() == "false") => ToolState::Failed,
        _ => ToolState::Completed,
    };
    let streams = || {
        let both = [item.stdout, item.stderr].into_iter().filter_map(word).collect::<String>();
        (!both.is_empty()).then_some(Value::String(both))
    };
    let output =
        word(item.aggregated).map(Value::String).or_else(streams).or_else(|| fields::value(item.result));
    let mut ended = Ended::new(state, output);
    if state == ToolState::Failed && ended.error.is_none() {
        ended.error = exit.map(|code| format!("exit code {code}"));
    }
    ended
}

/// By what the model got.
pub(super) fn of_output(output: Option<&serde_json::value::RawValue>) -> Ended {
    let Some(value) = fields::value(output) else { return Ended::new(ToolState::Completed, None) };
    match value {
        Value::String(text) => of_text(text),
        Value::Object(mut object) => {
            let failed = object.get("success") == Some(&Value::Bool(false));
            let content = object.remove("content").unwrap_or(Value::Object(object));
            let state = if failed { ToolState::Failed } else { ToolState::Completed };
            Ended::new(state, Some(content))
        }
        other => Ended::new(ToolState::Completed, Some(other)),
    }
}

fn of_text(text: String) -> Ended {
    let exit = text
        .lines()
        .take(8)
        .find_map(|line| line.strip_prefix("Process exited with code ")?.trim().parse::<i64>().ok());
    let state = match exit {
        Some(0) => ToolState::Completed,
        Some(_) => ToolState::Failed,
        None if text.contains("Rejected(") || text.starts_with("rejected by user") => ToolState::Denied,
        None if text.starts_with("aborted by user") || text == "aborted" => ToolState::Cancelled,
        None if text.contains(" failed: ") || text.starts_with("unsupported call") => ToolState::Failed,
        None => older(&text),
    };
    Ended::new(state, Some(Value::String(text)))
}

/// Older versions wrote JSON with the exit code in it.
fn older(text: &str) -> ToolState {
    let told: Option<Value> = text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten();
    let code = told.as_ref().and_then(|told| told["metadata"]["exit_code"].as_i64());
    if code.is_some_and(|code| code != 0) { ToolState::Failed } else { ToolState::Completed }
}

/// Whether a user's record was written by a person: the program marks what it adds, older versions by a tag.
pub(super) fn is_by_program(payload: &Payload<'_>, said: &str) -> bool {
    let passed: Option<super::record::Inside<'_>> = fields::object(payload.passed);
    let kinds: Option<Vec<String>> =
        passed.and_then(|passed| passed.kinds).and_then(|raw| serde_json::from_str(raw.get()).ok());
    match kinds {
        Some(kinds) if !kinds.is_empty() => !kinds.iter().any(|kind| kind.starts_with("user.")),
        _ => {
            const TAGS: [&str; 7] = [
                "<environment_context>",
                "<user_instructions>",
                "<turn_aborted>",
                "# AGENTS.md instructions",
                "<skill>",
                "<permissions instructions>",
                "<user_shell_command>",
            ];
            TAGS.iter().any(|tag| said.trim_start().starts_with(tag))
        }
    }
}

/// Whether a record is the summary that a compaction asked for.
pub(super) fn is_summary(metadata: crate::fields::Field<'_>) -> bool {
    fields::object::<super::record::Inside<'_>>(metadata).is_some_and(|inside| flag(inside.compaction))
}
