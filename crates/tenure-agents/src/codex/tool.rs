//! Tool calls: what an item calls, how it is shown, and how it ended.

use serde_json::{Value, json};
use tenure_event::{ToolKind, ToolState};

use super::shell::unwrapped;
use crate::field::one_line;
use crate::json::{at, list_at, str_at, string_at, u64_at};

/// What is told of a call when it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub id: String,
    pub tool: String,
    pub kind: ToolKind,
    pub title: String,
    pub input: Value,
    pub locations: Vec<String>,
    pub command: bool,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub state: ToolState,
    pub output: Option<Value>,
    pub error: Option<String>,
}

impl Told {
    /// Reads an item that is a call.
    pub(super) fn read(item: &Value) -> Option<Self> {
        let (tool, kind, title, input) = match str_at(item, &["type"])? {
            "commandExecution" => {
                let command = unwrapped(str_at(item, &["command"]).unwrap_or_default());
                let input = json!({"command": command, "cwd": at(item, &["cwd"])});
                ("exec_command".to_owned(), command_kind(item), command, input)
            }
            "fileChange" => {
                let input = json!({"changes": list_at(item, &["changes"])});
                ("apply_patch".to_owned(), change_kind(item), change_title(item), input)
            }
            "mcpToolCall" => {
                let (server, tool) = (word(item, "server"), word(item, "tool"));
                let input = at(item, &["arguments"]).cloned().unwrap_or_default();
                (format!("mcp__{server}__{tool}"), ToolKind::Other, format!("{server}: {tool}"), input)
            }
            "dynamicToolCall" => {
                let tool = word(item, "tool").to_owned();
                let input = at(item, &["arguments"]).cloned().unwrap_or_default();
                (tool.clone(), ToolKind::Other, tool, input)
            }
            "collabAgentToolCall" => {
                let tool = word(item, "tool").to_owned();
                let input = json!({
                    "prompt": at(item, &["prompt"]), "model": at(item, &["model"]),
                    "threads": list_at(item, &["receiverThreadIds"]),
                });
                let title = str_at(item, &["prompt"]).unwrap_or(&tool).to_owned();
                (tool, ToolKind::Other, title, input)
            }
            "webSearch" => {
                let query = str_at(item, &["query"]).unwrap_or_default().to_owned();
                let input = json!({"query": query, "action": at(item, &["action"])});
                ("web_search".to_owned(), ToolKind::Fetch, format!("Search the web: {query}"), input)
            }
            "imageView" => {
                let path = str_at(item, &["path"]).unwrap_or_default().to_owned();
                ("view_image".to_owned(), ToolKind::Read, format!("View {path}"), json!({ "path": path }))
            }
            "imageGeneration" => {
                let input = json!({"prompt": at(item, &["revisedPrompt"])});
                ("image_generation".to_owned(), ToolKind::Other, "Make an image".to_owned(), input)
            }
            "sleep" => {
                let input = json!({"duration_ms": u64_at(item, &["durationMs"])});
                ("sleep".to_owned(), ToolKind::Other, "Wait".to_owned(), input)
            }
            _ => return None,
        };
        let id = string_at(item, &["id"]).filter(|id| !id.is_empty() && id.len() <= 1024)?;
        let command = str_at(item, &["type"]) == Some("commandExecution");
        Some(Self { id, title: one_line(&title), locations: locations(item), tool, kind, input, command })
    }
}

/// How an item that is a call ended.
pub(super) fn end_of(item: &Value) -> Ended {
    let state = match str_at(item, &["status"]) {
        Some("failed") => ToolState::Failed,
        Some("declined") => ToolState::Denied,
        Some("interrupted") => ToolState::Cancelled,
        _ if at(item, &["success"]).and_then(Value::as_bool) == Some(false) => ToolState::Failed,
        _ => ToolState::Completed,
    };
    let output = match str_at(item, &["type"]) {
        Some("commandExecution") => at(item, &["aggregatedOutput"]).cloned(),
        Some("mcpToolCall") => at(item, &["result"]).map(result),
        Some("dynamicToolCall") => at(item, &["contentItems"]).cloned(),
        Some("collabAgentToolCall") => at(item, &["agentsStates"]).cloned(),
        Some("imageGeneration") => at(item, &["savedPath"]).cloned(),
        _ => None,
    };
    let error = (state == ToolState::Failed).then(|| {
        let code = at(item, &["exitCode"]).and_then(Value::as_i64);
        let said = string_at(item, &["error", "message"]);
        said.or_else(|| code.map(|code| format!("exit code {code}")))
            .unwrap_or_else(|| "it failed".to_owned())
    });
    Ended { state, output, error }
}

/// A server's result: its text where it is text alone.
fn result(result: &Value) -> Value {
    let content = list_at(result, &["content"]);
    let texts: Option<Vec<&str>> = content.iter().map(|part| str_at(part, &["text"])).collect();
    match texts.filter(|texts| !texts.is_empty()) {
        Some(texts) => Value::from(texts.join("\n")),
        None => result.clone(),
    }
}

fn command_kind(item: &Value) -> ToolKind {
    let actions = list_at(item, &["commandActions"]);
    let all = |words: &[&str]| {
        !actions.is_empty()
            && actions
                .iter()
                .all(|action| str_at(action, &["type"]).is_some_and(|kind| words.contains(&kind)))
    };
    if all(&["read"]) {
        ToolKind::Read
    } else if all(&["search", "listFiles"]) {
        ToolKind::Search
    } else {
        ToolKind::Execute
    }
}

fn change_kind(item: &Value) -> ToolKind {
    let changes = list_at(item, &["changes"]);
    let all = |test: fn(&Value) -> bool| !changes.is_empty() && changes.iter().all(test);
    if all(|change| str_at(change, &["kind", "type"]) == Some("delete")) {
        ToolKind::Delete
    } else if all(|change| at(change, &["kind", "move_path"]).is_some()) {
        ToolKind::Move
    } else {
        ToolKind::Edit
    }
}

fn change_title(item: &Value) -> String {
    let changes = list_at(item, &["changes"]);
    let verb = match change_kind(item) {
        ToolKind::Delete => "Delete",
        ToolKind::Move => "Move",
        _ => "Edit",
    };
    match changes {
        [one] => format!("{verb} {}", str_at(one, &["path"]).unwrap_or("a file")),
        many => format!("{verb} {} files", many.len()),
    }
}

fn locations(item: &Value) -> Vec<String> {
    let changed = list_at(item, &["changes"]).iter();
    let read = list_at(item, &["commandActions"]).iter();
    let mut paths: Vec<String> =
        changed.chain(read).filter_map(|one| string_at(one, &["path"])).take(100).collect();
    paths.extend(string_at(item, &["path"]));
    paths
}

fn word<'a>(item: &'a Value, name: &str) -> &'a str {
    str_at(item, &[name]).unwrap_or("unknown")
}
