//! Tools by name: what one does in a word, a line for people, the files it is about; and
//! what a call gave. Nothing is remembered here.

use serde_json::{Map, Value};
use tenure_event::{PartBody, ToolKind, ToolPart, ToolState};

use super::field;
use crate::blocks;
pub(super) use crate::blocks::why;

/// What a tool does, in a word.
pub(super) fn kind(tool: &str) -> ToolKind {
    match tool {
        "Bash" | "PowerShell" | "BashOutput" | "TaskOutput" | "KillShell" | "TaskStop" => ToolKind::Execute,
        "Read" | "NotebookRead" | "ReadMcpResource" => ToolKind::Read,
        "Edit" | "MultiEdit" | "Write" | "NotebookEdit" => ToolKind::Edit,
        "Grep" | "Glob" | "LS" | "LSP" | "ToolSearch" | "WebSearch" | "ListMcpResources" => ToolKind::Search,
        "WebFetch" => ToolKind::Fetch,
        "Agent" | "Task" | "TodoWrite" | "TaskCreate" | "TaskUpdate" | "TaskGet" | "TaskList" => {
            ToolKind::Think
        }
        "EnterPlanMode" | "ExitPlanMode" => ToolKind::SwitchMode,
        _ => ToolKind::Other,
    }
}

/// A line for people.
pub(super) fn title(cwd: &str, tool: &str, input: &Value) -> String {
    let text = |key| field::text(input, key).map(str::trim).filter(|text| !text.is_empty());
    let path = |key| text(key).map(|path| below(cwd, path));
    let file = || path("file_path").or_else(|| path("notebook_path")).or_else(|| path("path"));
    let line = match tool {
        "Bash" | "PowerShell" => text("command").map(str::to_owned),
        "Read" | "Edit" | "Write" | "NotebookEdit" | "NotebookRead" | "LS" => {
            file().map(|file| format!("{tool} {file}"))
        }
        "MultiEdit" => file().map(|file| format!("Edit {file}")),
        "Grep" | "Glob" => text("pattern").map(|pattern| match path("path") {
            Some(path) => format!("{tool} {pattern} in {path}"),
            None => format!("{tool} {pattern}"),
        }),
        "WebFetch" => text("url").map(|url| format!("Fetch {url}")),
        "WebSearch" | "ToolSearch" => text("query").map(|query| format!("Search {query}")),
        "Agent" | "Task" => text("description").or_else(|| text("prompt")).map(|what| format!("Task {what}")),
        "TaskCreate" => text("subject").map(|what| format!("Add todo {what}")),
        "TaskUpdate" => text("taskId").map(|id| match text("status") {
            Some(status) => format!("Todo {id} {}", status.replace('_', " ")),
            None => format!("Update todo {id}"),
        }),
        "TodoWrite" => Some("Update todos".to_owned()),
        "Skill" => text("skill").or_else(|| text("command")).map(|name| format!("Skill {name}")),
        "AskUserQuestion" => first_question(input).map(str::to_owned),
        "ExitPlanMode" => Some("Plan ready".to_owned()),
        "EnterPlanMode" => Some("Plan first".to_owned()),
        _ => None,
    };
    field::one_line(&line.unwrap_or_else(|| plain_name(tool)))
}

fn first_question(input: &Value) -> Option<&str> {
    field::items(input, "questions").first().and_then(|question| field::text(question, "question"))
}

/// `mcp__server__tool` as `server: tool`.
fn plain_name(tool: &str) -> String {
    match tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")) {
        Some((server, name)) => format!("{server}: {name}"),
        None => tool.to_owned(),
    }
}

/// A path as it is shown: below the session's directory without that.
fn below(cwd: &str, path: &str) -> String {
    let inside = path.strip_prefix(cwd.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    inside.filter(|rest| !rest.is_empty()).unwrap_or(path).to_owned()
}

/// Files that a call is about.
pub(super) fn locations(input: &Value) -> Vec<String> {
    ["file_path", "notebook_path", "path"]
        .iter()
        .filter_map(|key| field::text(input, key))
        .filter(|path| !path.is_empty())
        .map(|path| field::clip(path, 4096))
        .take(1)
        .collect()
}

/// A tool part with the words for people filled in.
pub(super) fn describe(cwd: &str, part: ToolPart) -> ToolPart {
    ToolPart { kind: kind(&part.tool), title: title(cwd, &part.tool, &part.input), ..part }
}

/// An image block as a part.
pub(super) fn image(block: &Value) -> Option<PartBody> {
    if field::text(block, "type") != Some("image") {
        return None;
    }
    let source = block.get("source")?;
    Some(PartBody::Image {
        data: field::text(source, "data")?.to_owned(),
        mime_type: field::text(source, "media_type").unwrap_or("application/octet-stream").to_owned(),
    })
}

/// How a call ended, by its result block and what the frame tells of it.
pub(super) fn state(block: &Value, meta: Option<&Value>, result: Option<&Value>) -> ToolState {
    let decision = meta
        .and_then(|meta| meta.get("permission_decision"))
        .and_then(|decision| field::text(decision, "decision"));
    if decision == Some("reject") {
        return ToolState::Denied;
    }
    match meta.and_then(|meta| field::text(meta, "non_execution_kind")) {
        // The turn was cut while a person was being asked.
        Some("user-rejected") => return ToolState::Cancelled,
        Some("permission-rule") => return ToolState::Denied,
        _ => {}
    }
    if result.is_some_and(|result| field::flag(result, "interrupted")) {
        return ToolState::Cancelled;
    }
    if field::flag(block, "is_error") { ToolState::Failed } else { ToolState::Completed }
}

/// What a call gave: text where it is nothing but text, else its blocks.
pub(super) fn output(block: &Value) -> Option<Value> {
    match block.get("content")? {
        Value::String(text) => Some(Value::String(plain(text).to_owned())),
        Value::Array(list) => Some(blocks::output(list, image)),
        Value::Null => None,
        other => Some(other.clone()),
    }
}

/// Without the tag that the program puts around its own complaints.
fn plain(text: &str) -> &str {
    text.strip_prefix("<tool_use_error>")
        .and_then(|rest| rest.strip_suffix("</tool_use_error>"))
        .unwrap_or(text)
}

/// A call's input, or nothing where it was too large to remember.
pub(super) fn remembered(input: &Value, line_len: usize, max: usize) -> Value {
    if line_len <= max { input.clone() } else { Value::Object(Map::new()) }
}
