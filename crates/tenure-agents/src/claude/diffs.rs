//! Changes to files as the editing tools tell them. Whole texts where they are small, else
//! the changed places alone, with their context.

use serde_json::Value;
use tenure_event::FileDiff;

use super::field;

/// Longest text of a file, in bytes, that is told whole.
const WHOLE_MAX: usize = 32 * 1024;
/// Most places of one file that are told.
const HUNKS_MAX: usize = 200;

/// What an editing call changed, by the structure that came with its result.
pub(super) fn diffs(tool: &str, input: &Value, result: Option<&Value>) -> Vec<FileDiff> {
    if !matches!(tool, "Edit" | "MultiEdit" | "Write") {
        return Vec::new();
    }
    let told = result.filter(|result| result.get("filePath").is_some_and(Value::is_string));
    match told {
        Some(result) => from_result(result),
        // Subagents tell no structure.
        None if tool == "Edit" => from_input(input),
        None => Vec::new(),
    }
}

/// The whole new text of the file that an editing call changed, where it is known.
pub(super) fn new_text(result: &Value) -> Option<(String, String)> {
    let path = field::text(result, "filePath")?;
    whole(path, result).map(|diff| (diff.path, diff.new_text))
}

fn from_result(result: &Value) -> Vec<FileDiff> {
    let path = field::text(result, "filePath").unwrap_or_default();
    if let Some(whole) = whole(path, result) {
        return vec![whole];
    }
    field::items(result, "structuredPatch")
        .iter()
        .take(HUNKS_MAX)
        .map(|hunk| {
            let lines = field::items(hunk, "lines");
            FileDiff { path: path.to_owned(), old_text: Some(side(lines, '-')), new_text: side(lines, '+') }
        })
        .collect()
}

/// Both texts, where both are known and small.
fn whole(path: &str, result: &Value) -> Option<FileDiff> {
    let original = field::text(result, "originalFile");
    let content = field::text(result, "content");
    let new_text = match (original, content) {
        (None, Some(content)) if field::text(result, "type") == Some("create") => content.to_owned(),
        (Some(_), Some(content)) => content.to_owned(),
        (Some(original), None) if !field::flag(result, "userModified") => {
            let (old, new) = (field::text(result, "oldString")?, field::text(result, "newString")?);
            if old.is_empty() || !original.contains(old) {
                return None;
            }
            if field::flag(result, "replaceAll") {
                original.replace(old, new)
            } else {
                original.replacen(old, new, 1)
            }
        }
        _ => return None,
    };
    let small = original.map_or(0, str::len) <= WHOLE_MAX && new_text.len() <= WHOLE_MAX;
    // A new file has no places to tell instead.
    (small || original.is_none()).then(|| FileDiff {
        path: path.to_owned(),
        old_text: original.map(str::to_owned),
        new_text,
    })
}

/// One side of a hunk: its context and the lines with `mark`.
fn side(lines: &[Value], mark: char) -> String {
    let mut text = String::new();
    for line in lines.iter().filter_map(Value::as_str) {
        if let Some(rest) = line.strip_prefix(' ').or_else(|| line.strip_prefix(mark)) {
            text.push_str(rest);
            text.push('\n');
        }
    }
    text
}

fn from_input(input: &Value) -> Vec<FileDiff> {
    match (
        field::text(input, "file_path"),
        field::text(input, "old_string"),
        field::text(input, "new_string"),
    ) {
        (Some(path), Some(old), Some(new)) => {
            vec![FileDiff { path: path.to_owned(), old_text: Some(old.to_owned()), new_text: new.to_owned() }]
        }
        _ => Vec::new(),
    }
}
