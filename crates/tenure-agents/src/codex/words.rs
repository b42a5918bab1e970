//! The words for what Codex says, for those who read it elsewhere than from a running program: its rollouts hold what
//! the model and its tools exchanged, which is not what the app-server tells. Nothing is remembered here.

use serde_json::Value;
use tenure_event::{ToolKind, ToolPart, Usage};

use super::shell::unwrapped;
use crate::field::{self, one_line};
use crate::json::u64_at;

/// A call, pending. `input` is the tool's arguments, or a text for tools that take one.
#[must_use]
pub fn call(tool_id: &str, tool: &str, input: Value) -> ToolPart {
    let (kind, title) = match tool {
        "exec_command" | "shell" | "shell_command" | "local_shell" | "container.exec" => {
            (ToolKind::Execute, command(&input).unwrap_or_else(|| tool.to_owned()))
        }
        "write_stdin" => (ToolKind::Execute, "Write to a running command".to_owned()),
        "apply_patch" => patch(&input),
        "view_image" => {
            (ToolKind::Read, format!("View {}", field::text(&input, "path").unwrap_or("an image")))
        }
        "web_search" => {
            (ToolKind::Fetch, format!("Search the web: {}", field::text(&input, "query").unwrap_or_default()))
        }
        "update_plan" => (ToolKind::Think, "Update the plan".to_owned()),
        _ => (ToolKind::Other, tool.to_owned()),
    };
    let (tool_id, tool) = (tool_id.to_owned(), tool.to_owned());
    ToolPart { tool_id, tool, kind, title: one_line(&title), input, ..ToolPart::default() }
}

/// The command of a shell's call, without the shell.
fn command(input: &Value) -> Option<String> {
    let told = input.get("cmd").or_else(|| input.get("command"))?;
    match told {
        Value::String(text) => Some(unwrapped(text)),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [_, flag, script] if flag.starts_with('-') && flag.ends_with('c') => {
                    Some((*script).to_owned())
                }
                words => Some(words.join(" ")),
            }
        }
        _ => None,
    }
}

/// What a patch does to which files, by its headers.
fn patch(input: &Value) -> (ToolKind, String) {
    let text = input.as_str().or_else(|| field::text(input, "input")).unwrap_or_default();
    let header = |line: &str| {
        let (verb, path) = line.strip_prefix("*** ")?.split_once(" File: ")?;
        matches!(verb, "Add" | "Update" | "Delete").then(|| (verb.to_owned(), path.trim().to_owned()))
    };
    let files: Vec<(String, String)> = text.lines().filter_map(header).collect();
    let kind = if !files.is_empty() && files.iter().all(|(verb, _)| verb == "Delete") {
        ToolKind::Delete
    } else {
        ToolKind::Edit
    };
    let verb = if kind == ToolKind::Delete { "Delete" } else { "Edit" };
    match files.as_slice() {
        [] => (kind, "Edit files".to_owned()),
        [(_, path)] => (kind, format!("{verb} {path}")),
        many => (kind, format!("{verb} {} files", many.len())),
    }
}

/// Tokens of one call of the model, as a rollout counts them; none if it counts none.
#[must_use]
pub fn usage(told: &Value) -> Option<Usage> {
    let count = |name: &str| u64_at(told, &[name]).unwrap_or(0);
    let (cached, written) = (count("cached_input_tokens"), count("cache_write_input_tokens"));
    let usage = Usage {
        input_tokens: count("input_tokens").saturating_sub(cached).saturating_sub(written),
        output_tokens: count("output_tokens"),
        reasoning_tokens: count("reasoning_output_tokens"),
        cache_read_tokens: cached,
        cache_write_tokens: written,
        ..Usage::default()
    };
    (usage.tokens() > 0).then_some(usage)
}
