//! OpenAI Chat Completions.

use serde_json::{Value, json};

use super::{Beat, Render, Request, Usage, event, fresh_id, halves, text_of};
use crate::history::{Item, call_id, step_of};
use crate::script::{Step, ToolCall};

pub(super) fn read(body: &Value, request: &mut Request) {
    request.wants_json = body["response_format"]["type"].as_str().is_some_and(|kind| kind != "text");
    request.tools = body["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tool| tool["function"]["name"].as_str())
        .map(str::to_owned)
        .collect();
    for message in body["messages"].as_array().into_iter().flatten() {
        let text = text_of(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => request.system.push_str(&text),
            Some("assistant") => {
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                request.items.push(Item::Model(calls.filter_map(|call| step_of(&call["id"])).max()));
            }
            Some("tool") => request.items.push(Item::ToolResult(text)),
            _ => request.items.push(Item::User(text)),
        }
    }
}

/// One answer, with the index of the tool call that comes next.
pub(super) struct Answer {
    id: String,
    model: String,
    finish: &'static str,
    usage: Usage,
    tools: usize,
    played: usize,
}

impl Answer {
    pub(super) fn new(model: String, step: &Step, played: usize, usage: Usage) -> Self {
        let finish = match step.stop.as_deref() {
            Some("max_tokens") => "length",
            Some("refusal") => "content_filter",
            Some("end_turn") => "stop",
            _ if step.tools.is_empty() => "stop",
            _ => "tool_calls",
        };
        Self { id: fresh_id("chatcmpl-"), model, finish, usage, tools: 0, played }
    }

    fn chunk(&self, choices: &Value, usage: Option<&Value>) -> String {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": 1, "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        event(None, &chunk)
    }

    fn delta(&self, delta: &Value) -> String {
        self.chunk(&json!([{"index": 0, "delta": delta, "finish_reason": null}]), None)
    }

    fn tool(&mut self, call: &ToolCall) -> String {
        let arguments = call.input.to_string();
        let (first, second) = halves(&arguments);
        let index = self.tools;
        self.tools += 1;
        let mut head = self.function_call(call, "");
        head["index"] = json!(index);
        let tail = |part: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]});
        [self.delta(&json!({"tool_calls": [head]})), self.delta(&tail(first)), self.delta(&tail(second))]
            .concat()
    }

    fn function_call(&self, call: &ToolCall, arguments: &str) -> Value {
        json!({
            "id": call_id("call_", self.played), "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        })
    }
}

impl Render for Answer {
    fn frames(&mut self, beat: Beat<'_>) -> String {
        match beat {
            Beat::Start => self.delta(&json!({"role": "assistant", "content": ""})),
            Beat::Think(thought) => self.delta(&json!({"reasoning_content": thought})),
            Beat::TextDelta(text) => self.delta(&json!({"content": text})),
            Beat::TextStart | Beat::TextEnd => String::new(),
            Beat::Tool(call) => self.tool(call),
            Beat::Fault(kind) => event(
                None,
                &json!({"error": {"type": kind, "code": kind, "message": "scripted stream error"}}),
            ),
            Beat::End => {
                let last = json!([{"index": 0, "delta": {}, "finish_reason": self.finish}]);
                self.chunk(&last, None)
                    + &self.chunk(&json!([]), Some(&self.usage.chat()))
                    + "data: [DONE]\n\n"
            }
        }
    }

    fn whole(&mut self, step: &Step) -> Value {
        let mut message = json!({"role": "assistant", "content": step.text});
        if let Some(thought) = &step.think {
            message["reasoning_content"] = json!(thought);
        }
        if !step.tools.is_empty() {
            let calls = step.tools.iter().map(|call| self.function_call(call, &call.input.to_string()));
            message["tool_calls"] = calls.collect();
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": 1, "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
            "usage": self.usage.chat(),
        })
    }
}
