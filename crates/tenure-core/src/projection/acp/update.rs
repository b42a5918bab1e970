//! Events other than messages as ACP updates.

use serde_json::{Value, json};
use tenure_event::{
    Kind, Todo, TodoStatus, ToolCompleted, ToolKind, ToolPart, ToolProgressed, ToolStarted, ToolState,
    UsageUpdated,
};

/// The update that an event makes, if ACP has a word for it.
pub(super) fn of(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::ToolStarted(data) => Some(tool_started(data)),
        Kind::ToolCompleted(data) => Some(tool_completed(data)),
        Kind::TodosUpdated(data) => {
            let entries: Vec<Value> = data.todos.iter().filter_map(entry).collect();
            Some(json!({"sessionUpdate": "plan", "entries": entries}))
        }
        Kind::ConfigChanged(data) => {
            let mode = data.mode.as_ref()?;
            Some(json!({"sessionUpdate": "current_mode_update", "currentModeId": mode}))
        }
        Kind::SessionUpdated(data) => {
            let title = data.title.as_ref()?;
            Some(json!({"sessionUpdate": "session_info_update", "title": title}))
        }
        Kind::UsageUpdated(data) => usage(data),
        Kind::WarningRaised(data) => {
            Some(json!({"sessionUpdate": "notice", "severity": "warning", "title": data.message}))
        }
        _ => None,
    }
}

/// A running tool tells more.
pub(super) fn tool_progressed(data: &ToolProgressed) -> Value {
    let mut update = json!({
        "sessionUpdate": "tool_call_update", "toolCallId": data.tool_id, "status": "in_progress",
    });
    if let Some(title) = &data.title {
        update["title"] = json!(title);
    }
    if let Some(output) = &data.output {
        update["content"] = json!([block(output)]);
    }
    update
}

/// Marks an update of a subagent with the tool call that it works for.
pub(super) fn under(update: &mut Value, parent_tool_id: Option<&str>) {
    if let Some(parent) = parent_tool_id {
        update["_meta"]["tenure"]["parentToolCallId"] = json!(parent);
    }
}

fn tool_started(data: &ToolStarted) -> Value {
    let locations: Vec<Value> = data.locations.iter().map(|path| json!({"path": path})).collect();
    let mut update = json!({
        "sessionUpdate": "tool_call",
        "toolCallId": data.tool_id,
        "title": data.title,
        "name": data.tool,
        "kind": word(data.kind),
        "status": status(data.state),
        "content": [],
        "locations": locations,
        "rawInput": data.input,
    });
    under(&mut update, data.parent_tool_id.as_deref());
    update
}

/// A tool of a message that was said before, with what it gave.
pub(super) fn tool_as_it_ended(tool: &ToolPart) -> Value {
    let texts = [tool.output.as_ref().and_then(Value::as_str), tool.error.as_deref()];
    let mut update = json!({
        "sessionUpdate": "tool_call",
        "toolCallId": tool.tool_id,
        "title": tool.title,
        "name": tool.tool,
        "kind": word(tool.kind),
        "status": status(tool.state),
        "content": texts.into_iter().flatten().map(block).collect::<Vec<_>>(),
        "rawInput": tool.input,
    });
    if let Some(output) = &tool.output {
        update["rawOutput"] = output.clone();
    }
    how_it_failed(&mut update, tool.state);
    update
}

/// ACP knows one way to fail; which of ours it was stands beside it.
fn how_it_failed(update: &mut Value, state: ToolState) {
    if matches!(state, ToolState::Denied | ToolState::Cancelled) {
        update["_meta"]["tenure"]["state"] = json!(state);
    }
}

fn tool_completed(data: &ToolCompleted) -> Value {
    let mut content = Vec::new();
    for diff in &data.diffs {
        let mut block = json!({"type": "diff", "path": diff.path, "newText": diff.new_text});
        if let Some(old) = &diff.old_text {
            block["oldText"] = json!(old);
        }
        content.push(block);
    }
    if let Some(Value::String(text)) = &data.output {
        content.push(block(text));
    }
    if let Some(error) = &data.error {
        content.push(block(error));
    }
    let mut update = json!({
        "sessionUpdate": "tool_call_update",
        "toolCallId": data.tool_id,
        "title": data.title,
        "kind": word(data.kind),
        "status": status(data.state),
        "content": content,
    });
    if let Some(input) = &data.input {
        update["rawInput"] = input.clone();
    }
    if let Some(output) = &data.output {
        update["rawOutput"] = output.clone();
    }
    how_it_failed(&mut update, data.state);
    update
}

fn block(text: &str) -> Value {
    json!({"type": "content", "content": super::content::text(text)})
}

fn status(state: ToolState) -> &'static str {
    match state {
        ToolState::Pending => "pending",
        ToolState::Running => "in_progress",
        ToolState::Completed => "completed",
        ToolState::Failed | ToolState::Denied | ToolState::Cancelled => "failed",
    }
}

fn word(kind: ToolKind) -> Value {
    serde_json::to_value(kind).unwrap_or_else(|_| json!("other"))
}

// ACP's plan has no word for what was given up; such entries leave it.
fn entry(todo: &Todo) -> Option<Value> {
    let status = match todo.status {
        TodoStatus::Pending => "pending",
        TodoStatus::InProgress => "in_progress",
        TodoStatus::Completed => "completed",
        TodoStatus::Cancelled => return None,
    };
    let known = todo.priority.as_deref().filter(|word| matches!(*word, "high" | "low"));
    let priority = known.unwrap_or("medium");
    Some(json!({"content": todo.content, "priority": priority, "status": status}))
}

fn usage(data: &UsageUpdated) -> Option<Value> {
    let context = data.context?;
    let mut update = json!({
        "sessionUpdate": "usage_update", "used": context.used, "size": context.max.unwrap_or(context.used),
    });
    if let Some(cost) = data.cost_usd {
        update["cost"] = json!({"amount": cost, "currency": "USD"});
    }
    Some(update)
}
