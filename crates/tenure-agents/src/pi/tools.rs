//! Tools by name: what one does in a word, a line for people, the files it is about; and
//! what a call gave. Nothing is remembered here.

use serde_json::Value;
use tenure_event::{FileDiff, PartBody, ToolKind, ToolPart, ToolState};

use super::field;
use crate::blocks;
pub(super) use crate::blocks::why;

/// Longest text of a change, in bytes, that is told.
const DIFF_MAX: usize = 256 * 1024;
/// Most places of one file that are told.
const EDITS_MAX: usize = 200;

/// A tool call of a message.
pub(super) fn call(cwd: &str, block: &Value) -> Option<ToolPart> {
    if field::text(block, "type") != Some("toolCall") {
        return None;
    }
    let tool_id = field::id(block, "id")?;
    let tool = field::id(block, "name").unwrap_or("unknown");
    let input = block.get("arguments").cloned().unwrap_or_default();
    Some(described(cwd, tool_id, tool, input))
}

/// A call with the words for people filled in.
pub(super) fn described(cwd: &str, tool_id: &str, tool: &str, input: Value) -> ToolPart {
    ToolPart {
        tool_id: tool_id.to_owned(),
        tool: tool.to_owned(),
        kind: kind(tool),
        title: title(cwd, tool, &input),
        state: ToolState::Running,
        input,
        ..ToolPart::default()
    }
}

fn kind(tool: &str) -> ToolKind {
    match tool {
        "bash" | "powershell" | "codemode" => ToolKind::Execute,
        "read" => ToolKind::Read,
        "edit" | "write" => ToolKind::Edit,
        "grep" | "find" | "ls" | "tool_search" => ToolKind::Search,
        _ => ToolKind::Other,
    }
}

fn title(cwd: &str, tool: &str, input: &Value) -> String {
    let text = |key| field::text(input, key).map(str::trim).filter(|text| !text.is_empty());
    let path = || text("path").map(|path| below(cwd, path));
    let line = match tool {
        "bash" | "powershell" => text("command").map(str::to_owned),
        "read" => path().map(|path| format!("Read {path}")),
        "edit" => path().map(|path| format!("Edit {path}")),
        "write" => path().map(|path| format!("Write {path}")),
        "ls" => Some(format!("List {}", path().unwrap_or_else(|| ".".to_owned()))),
        "grep" | "find" => text("pattern").map(|pattern| match path() {
            Some(path) => format!("{tool} {pattern} in {path}"),
            None => format!("{tool} {pattern}"),
        }),
        _ => None,
    };
    field::one_line(&line.unwrap_or_else(|| tool.to_owned()))
}

/// A path as it is shown: below the session's directory without that.
fn below(cwd: &str, path: &str) -> String {
    let inside = path.strip_prefix(cwd.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    inside.filter(|rest| !rest.is_empty()).unwrap_or(path).to_owned()
}

/// Files that a call is about.
pub(super) fn locations(input: &Value) -> Vec<String> {
    let path = field::text(input, "path").filter(|path| !path.is_empty());
    path.map(|path| field::clip(path, 4096)).into_iter().collect()
}

/// An image block as a part.
pub(super) fn image(block: &Value) -> Option<PartBody> {
    if field::text(block, "type") != Some("image") {
        return None;
    }
    Some(PartBody::Image {
        data: field::text(block, "data")?.to_owned(),
        mime_type: field::text(block, "mimeType").unwrap_or("application/octet-stream").to_owned(),
    })
}

/// What a call gave: text where it is nothing but text, else its blocks.
pub(super) fn output(result: &Value) -> Option<Value> {
    let list = field::items(result, "content");
    (!list.is_empty()).then(|| blocks::output(list, image))
}

/// How a call ended, by its result: what failed, or was cut off, says so in words.
pub(super) fn state(result: &Value, output: Option<&Value>) -> ToolState {
    match (field::flag(result, "isError"), output.and_then(Value::as_str)) {
        (false, _) => ToolState::Completed,
        (true, Some("Operation aborted")) => ToolState::Cancelled,
        (true, Some(text)) if text.trim_end().ends_with("Command aborted") => ToolState::Cancelled,
        (true, _) => ToolState::Failed,
    }
}

/// Ends a call of an older message as its result says; without one it never came to its end.
pub(super) fn end(tool: &mut ToolPart, result: Option<&Value>) {
    let Some(result) = result else {
        tool.state = ToolState::Cancelled;
        return;
    };
    tool.output = output(result);
    tool.state = state(result, tool.output.as_ref());
    if tool.state != ToolState::Completed {
        tool.error = why(tool.output.as_ref());
    }
}

/// What an editing call changed, by what it was called with. What a written file held before is not told.
pub(super) fn diffs(tool: &str, input: &Value) -> Vec<FileDiff> {
    let Some(path) = field::text(input, "path") else { return Vec::new() };
    let path = || field::clip(path, 4096);
    let small = |text: &str| text.len() <= DIFF_MAX;
    match tool {
        "write" => field::text(input, "content")
            .filter(|text| small(text))
            .map(|text| FileDiff { path: path(), old_text: None, new_text: text.to_owned() })
            .into_iter()
            .collect(),
        "edit" => {
            let edits = field::items(input, "edits").iter().chain(std::iter::once(input));
            let edit = |edit: &Value| {
                let (old, new) = (field::text(edit, "oldText")?, field::text(edit, "newText")?);
                (small(old) && small(new)).then(|| FileDiff {
                    path: path(),
                    old_text: Some(old.to_owned()),
                    new_text: new.to_owned(),
                })
            };
            edits.filter_map(edit).take(EDITS_MAX).collect()
        }
        _ => Vec::new(),
    }
}
