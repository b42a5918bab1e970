//! Anthropic Messages.

use serde_json::{Value, json};

use super::{Beat, Render, Request, Usage, event, fresh_id, halves, text_of};
use crate::history::{Item, call_id, step_of};
use crate::script::{Step, ToolCall};

pub(super) fn read(body: &Value, request: &mut Request) {
    request.system = text_of(&body["system"]);
    request.wants_json = body["output_config"]["format"].is_object() || body["output_format"].is_object();
    request.tools = names(&body["tools"]);
    for message in body["messages"].as_array().into_iter().flatten() {
        let content = &message["content"];
        match (message["role"].as_str(), content) {
            (Some("assistant"), _) => {
                let blocks = content.as_array().into_iter().flatten();
                request.items.push(Item::Model(blocks.filter_map(|block| step_of(&block["id"])).max()));
            }
            // Claude Code sends such in the middle of a conversation.
            (Some("system"), _) => request.system.push_str(&text_of(content)),
            (_, Value::Array(blocks)) => request.items.extend(blocks.iter().filter_map(block_item)),
            _ => request.items.push(Item::User(text_of(content))),
        }
    }
}

fn names(tools: &Value) -> Vec<String> {
    tools
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tool| tool["name"].as_str())
        .map(str::to_owned)
        .collect()
}

fn block_item(block: &Value) -> Option<Item> {
    match block["type"].as_str() {
        Some("text") => Some(Item::User(block["text"].as_str().unwrap_or_default().to_owned())),
        Some("tool_result") => Some(Item::ToolResult(text_of(&block["content"]))),
        _ => None,
    }
}

/// One answer, with the index of the content block that comes next.
pub(super) struct Answer {
    id: String,
    model: String,
    stop: String,
    usage: Usage,
    index: usize,
    played: usize,
}

impl Answer {
    pub(super) fn new(model: String, step: &Step, played: usize, usage: Usage) -> Self {
        let by_content = if step.tools.is_empty() { "end_turn" } else { "tool_use" };
        let stop = step.stop.clone().unwrap_or_else(|| by_content.to_owned());
        Self { id: fresh_id("msg_"), model, stop, usage, index: 0, played }
    }

    fn message(&self, content: &Value, stop: Option<&str>, usage: &Value) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop, "stop_sequence": null, "usage": usage,
        })
    }

    fn open(&self, block: &Value) -> String {
        named(&json!({"type": "content_block_start", "index": self.index, "content_block": block}))
    }

    fn delta(&self, delta: &Value) -> String {
        named(&json!({"type": "content_block_delta", "index": self.index, "delta": delta}))
    }

    fn close(&mut self) -> String {
        let stop = named(&json!({"type": "content_block_stop", "index": self.index}));
        self.index += 1;
        stop
    }

    fn tool(&mut self, call: &ToolCall) -> String {
        let input = call.input.to_string();
        let (first, second) = halves(&input);
        let id = call_id("toolu_", self.played);
        [
            self.open(&json!({"type": "tool_use", "id": id, "name": call.name, "input": {}})),
            self.delta(&json!({"type": "input_json_delta", "partial_json": first})),
            self.delta(&json!({"type": "input_json_delta", "partial_json": second})),
            self.close(),
        ]
        .concat()
    }

    fn think(&mut self, thought: &str) -> String {
        [
            self.open(&json!({"type": "thinking", "thinking": "", "signature": ""})),
            self.delta(&json!({"type": "thinking_delta", "thinking": thought})),
            self.delta(&json!({"type": "signature_delta", "signature": SIGNATURE})),
            self.close(),
        ]
        .concat()
    }
}

/// Stands for the vendor's proof of a thought; any base64 will do.
const SIGNATURE: &str = "c2ln";

/// An event whose name is the document's own type.
fn named(data: &Value) -> String {
    event(data["type"].as_str(), data)
}

impl Render for Answer {
    fn frames(&mut self, beat: Beat<'_>) -> String {
        match beat {
            Beat::Start => {
                let message = self.message(&json!([]), None, &self.usage.anthropic_start());
                named(&json!({"type": "message_start", "message": message}))
            }
            Beat::Think(thought) => self.think(thought),
            Beat::TextStart => self.open(&json!({"type": "text", "text": ""})),
            Beat::TextDelta(text) => self.delta(&json!({"type": "text_delta", "text": text})),
            Beat::TextEnd => self.close(),
            Beat::Tool(call) => self.tool(call),
            Beat::Fault(kind) => {
                named(&json!({"type": "error", "error": {"type": kind, "message": "scripted stream error"}}))
            }
            Beat::End => {
                let delta = json!({"stop_reason": self.stop, "stop_sequence": null});
                let usage = self.usage.anthropic();
                named(&json!({"type": "message_delta", "delta": delta, "usage": usage}))
                    + &named(&json!({"type": "message_stop"}))
            }
        }
    }

    fn whole(&mut self, step: &Step) -> Value {
        let think = step
            .think
            .iter()
            .map(|thought| json!({"type": "thinking", "thinking": thought, "signature": SIGNATURE}));
        let text = step.text.iter().map(|text| json!({"type": "text", "text": text}));
        let tools = step.tools.iter().map(
            |call| json!({"type": "tool_use", "id": call_id("toolu_", self.played), "name": call.name, "input": call.input}),
        );
        let content = think.chain(text).chain(tools).collect();
        self.message(&content, Some(&self.stop), &self.usage.anthropic())
    }
}
