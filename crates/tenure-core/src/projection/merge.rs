//! Tool calls inside messages: how the events of a call and the message that made it
//! become one part.

use std::collections::HashMap;

use tenure_event::{
    Event, Kind, Message, MessageCompleted, Part, PartBody, Role, ToolCompleted, ToolPart, ToolStarted,
    ToolState,
};

use super::text_of;

/// Whether nothing more happens to the call.
pub(super) fn is_final(state: ToolState) -> bool {
    !matches!(state, ToolState::Pending | ToolState::Running)
}

/// Whether a tool call of the message may still change.
pub(super) fn has_open_tool(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(&part.body, PartBody::Tool(tool) if !is_final(tool.state)))
}

/// A message from the event that completed it.
pub(super) fn from_completed(event: &Event, data: &MessageCompleted) -> Message {
    Message {
        id: data.message_id.clone(),
        native_ids: data.native_ids.clone(),
        role: data.role,
        parts: data.parts.clone(),
        text: text_of(&data.parts),
        turn_id: event.turn_id.clone(),
        seq: data.origin.is_none().then_some(event.seq),
        ts: data.said_at.unwrap_or(event.ts),
        model: data.model.clone(),
        usage: data.usage,
        partial: data.partial,
        origin: data.origin,
        parent_tool_id: data.parent_tool_id.clone(),
        epoch: data.epoch,
    }
}

/// A message that is known by its first tool call only.
pub(super) fn from_tool(event: &Event, data: &ToolStarted, epoch: u32) -> Message {
    Message {
        id: data.message_id.clone(),
        native_ids: Vec::new(),
        role: Role::Assistant,
        parts: Vec::new(),
        text: String::new(),
        turn_id: event.turn_id.clone(),
        seq: Some(event.seq),
        ts: event.ts,
        model: None,
        usage: None,
        partial: false,
        origin: None,
        parent_tool_id: data.parent_tool_id.clone(),
        epoch,
    }
}

/// A message that was known by its tools is whole now. Its tools keep what their own
/// events told; tools that it does not list stand first, because they began before it ended.
pub(super) fn complete(message: &mut Message, event: &Event, data: &MessageCompleted) {
    let mut known = std::mem::take(&mut message.parts);
    *message = from_completed(event, data);
    for part in &mut message.parts {
        let PartBody::Tool(listed) = &part.body else { continue };
        let same = |old: &Part| matches!(&old.body, PartBody::Tool(tool) if tool.tool_id == listed.tool_id);
        let Some(at) = known.iter().position(same) else { continue };
        let old = known.remove(at);
        let further = matches!(&old.body, PartBody::Tool(tool) if is_final(tool.state));
        if further && !is_final(listed.state) {
            *part = Part { id: std::mem::take(&mut part.id), ..old };
        }
    }
    known.retain(|part| matches!(part.body, PartBody::Tool(_)));
    message.parts.splice(0..0, known);
}

/// Where each tool call stands among a message's parts. A turn may make very many.
pub(super) type Places = HashMap<String, usize>;

/// The places of a message's calls.
pub(super) fn places(message: &Message) -> Places {
    let tool = |(at, part): (usize, &Part)| match &part.body {
        PartBody::Tool(tool) => Some((tool.tool_id.clone(), at)),
        _ => None,
    };
    message.parts.iter().enumerate().filter_map(tool).collect()
}

/// Applies a tool's event to the message that it belongs to.
pub(super) fn apply_tool(message: &mut Message, places: &mut Places, kind: &Kind) {
    match kind {
        Kind::ToolStarted(data) => started(part_of(message, places, &data.tool_id), data),
        Kind::ToolCompleted(data) => completed(part_of(message, places, &data.tool_id), data),
        _ => {}
    }
}

fn part_of<'a>(message: &'a mut Message, places: &mut Places, tool_id: &str) -> &'a mut Part {
    let at = *places.entry(tool_id.to_owned()).or_insert_with(|| {
        let tool = ToolPart { tool_id: tool_id.to_owned(), ..ToolPart::default() };
        let id = format!("{}.{tool_id}", message.id);
        message.parts.push(Part { id, body: PartBody::Tool(tool), bytes: None, blob: None });
        message.parts.len() - 1
    });
    &mut message.parts[at]
}

fn started(part: &mut Part, data: &ToolStarted) {
    let PartBody::Tool(tool) = &mut part.body else { return };
    if is_final(tool.state) {
        return;
    }
    tool.tool.clone_from(&data.tool);
    tool.kind = data.kind;
    tool.title.clone_from(&data.title);
    tool.state = data.state;
    tool.input = data.input.clone();
}

fn completed(part: &mut Part, data: &ToolCompleted) {
    let PartBody::Tool(tool) = &mut part.body else { return };
    tool.tool.clone_from(&data.tool);
    tool.kind = data.kind;
    tool.title.clone_from(&data.title);
    tool.state = data.state;
    if let Some(input) = &data.input {
        tool.input = input.clone();
    }
    tool.output.clone_from(&data.output);
    tool.error.clone_from(&data.error);
    part.blob.clone_from(&data.blob);
    part.bytes = data.bytes;
}
