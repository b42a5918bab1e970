//! One table per rule, for what the recordings do not show. This file holds what they share.

mod ask;
mod conversation;
mod tool;
mod turn;

use serde_json::{Value, json};
use tenure_core::agent::{Signal, TurnEnd};

fn end_of(signals: &[Signal]) -> TurnEnd {
    let mut ends = signals.iter().filter_map(|signal| match signal {
        Signal::TurnEnded(end) => Some(end.clone()),
        _ => None,
    });
    let end = ends.next().expect("a turn ended");
    assert!(ends.next().is_none(), "one turn ended");
    end
}

fn init(inputs: Option<&[&str]>) -> Value {
    let mut frame = json!({"type": "system", "subtype": "init", "model": "m", "permissionMode": "default"});
    if let Some(inputs) = inputs {
        frame["user_message_uuids"] = json!(inputs);
    }
    frame
}

fn lifecycle(input: &str, state: &str) -> Value {
    json!({"type": "command_lifecycle", "command_uuid": input, "state": state})
}

fn result(fields: Value) -> Value {
    let mut frame = json!({"type": "result", "subtype": "success", "is_error": false});
    for (key, value) in fields.as_object().unwrap() {
        frame[key] = value.clone();
    }
    frame
}

fn call(message: &str, tool_id: &str, tool: &str, input: &Value) -> Value {
    json!({"type": "assistant", "uuid": format!("u-{tool_id}"), "message": {"id": message, "model": "m",
        "content": [{"type": "tool_use", "id": tool_id, "name": tool, "input": input}]}})
}

fn returned(tool_id: &str, content: &Value, is_error: bool) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": tool_id, "content": content, "is_error": is_error}]}})
}
