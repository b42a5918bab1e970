//! OpenAI Responses. Stateless use only: the conversation comes whole in `input`, `previous_response_id` is
//! not followed.

use serde_json::{Value, json};

use super::{Beat, Render, Request, Usage, event, fresh_id, text_of};
use crate::history::{Item, call_id, step_of};
use crate::script::{Step, ToolCall};

pub(super) fn read(body: &Value, request: &mut Request) {
    request.system = body["instructions"].as_str().unwrap_or_default().to_owned();
    request.wants_json = body["text"]["format"]["type"].as_str().is_some_and(|kind| kind != "text");
    for tool in body["tools"].as_array().into_iter().flatten() {
        let Some(name) = tool["name"].as_str() else { continue };
        request.tools.push(name.to_owned());
        if tool["type"] == "custom" {
            request.custom_tools.push(name.to_owned());
        }
    }
    match &body["input"] {
        Value::Array(items) => request.items.extend(items.iter().filter_map(input_item)),
        input => request.items.push(Item::User(text_of(input))),
    }
}

fn input_item(item: &Value) -> Option<Item> {
    match (item["type"].as_str(), item["role"].as_str()) {
        (Some("function_call_output" | "custom_tool_call_output"), _) => {
            Some(Item::ToolResult(text_of(&item["output"])))
        }
        (Some("reasoning" | "function_call" | "custom_tool_call"), _) | (_, Some("assistant")) => {
            Some(Item::Model(step_of(&item["call_id"])))
        }
        (_, Some("user")) => Some(Item::User(text_of(&item["content"]))),
        _ => None,
    }
}

/// One answer: its finished output items and the text that is under way.
pub(super) struct Answer {
    id: String,
    model: String,
    status: &'static str,
    usage: Usage,
    played: usize,
    custom: Vec<String>,
    sequence: u64,
    output: Vec<Value>,
    text: String,
    text_id: String,
}

impl Answer {
    pub(super) fn new(model: String, step: &Step, played: usize, usage: Usage, custom: Vec<String>) -> Self {
        let cut_off = step.stop.as_deref() == Some("max_tokens");
        Self {
            id: fresh_id("resp_"),
            model,
            status: if cut_off { "incomplete" } else { "completed" },
            usage,
            played,
            custom,
            sequence: 0,
            output: Vec::new(),
            text: String::new(),
            text_id: fresh_id("msg_"),
        }
    }

    fn emit(&mut self, kind: &str, mut data: Value) -> String {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        event(Some(kind), &data)
    }

    fn document(&self, status: &str, output: &[Value]) -> Value {
        let incomplete = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
        let usage = (status != "in_progress").then(|| self.usage.responses());
        json!({
            "id": self.id, "object": "response", "created_at": 1, "status": status, "model": self.model,
            "output": output, "usage": usage, "error": null, "incomplete_details": incomplete,
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1, "top_p": 1,
        })
    }

    fn message(&self, status: &str, content: &Value) -> Value {
        json!({"id": self.text_id, "type": "message", "role": "assistant", "status": status, "content": content})
    }

    fn call(&self, call: &ToolCall) -> Value {
        let id = call_id("call_", self.played);
        if self.custom.contains(&call.name) {
            let input = call.input["input"].as_str().unwrap_or_default();
            return json!({
                "id": fresh_id("ctc_"), "type": "custom_tool_call", "status": "completed", "call_id": id,
                "name": call.name, "input": input,
            });
        }
        let mut item = json!({
            "id": fresh_id("fc_"), "type": "function_call", "status": "completed", "call_id": id,
            "name": call.name, "arguments": call.input.to_string(),
        });
        if let Some((namespace, name)) = call.name.split_once("::") {
            (item["namespace"], item["name"]) = (json!(namespace), json!(name));
        }
        item
    }

    fn added(&mut self, item: &Value) -> String {
        let index = self.output.len();
        self.emit("response.output_item.added", json!({"output_index": index, "item": item}))
    }

    fn done(&mut self, item: Value) -> String {
        let index = self.output.len();
        let frame = self.emit("response.output_item.done", json!({"output_index": index, "item": item}));
        self.output.push(item);
        frame
    }

    fn think(&mut self, thought: &str) -> String {
        let item = reasoning(thought);
        let at = json!({"item_id": item["id"], "output_index": self.output.len(), "summary_index": 0});
        let mut empty = item.clone();
        empty["summary"] = json!([]);
        [
            self.added(&empty),
            self.emit("response.reasoning_summary_part.added", with(&at, "part", summary_text(""))),
            self.emit("response.reasoning_summary_text.delta", with(&at, "delta", json!(thought))),
            self.emit("response.reasoning_summary_text.done", with(&at, "text", json!(thought))),
            self.emit("response.reasoning_summary_part.done", with(&at, "part", summary_text(thought))),
            self.done(item),
        ]
        .concat()
    }

    fn text_start(&mut self) -> String {
        let item = self.message("in_progress", &json!([]));
        let at = self.text_at();
        self.added(&item) + &self.emit("response.content_part.added", with(&at, "part", output_text("")))
    }

    fn text_end(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let item = self.message("completed", &json!([output_text(&text)]));
        let at = self.text_at();
        [
            self.emit("response.output_text.done", with(&at, "text", json!(text))),
            self.emit("response.content_part.done", with(&at, "part", output_text(&text))),
            self.done(item),
        ]
        .concat()
    }

    fn text_at(&self) -> Value {
        json!({"item_id": self.text_id, "output_index": self.output.len(), "content_index": 0})
    }

    fn tool(&mut self, call: &ToolCall) -> String {
        let item = self.call(call);
        let (field, kind) = match item["type"].as_str() {
            Some("custom_tool_call") => ("input", "response.custom_tool_call_input"),
            _ => ("arguments", "response.function_call_arguments"),
        };
        let at = json!({"item_id": item["id"], "output_index": self.output.len()});
        let whole = item[field].clone();
        let mut begun = item.clone();
        begun["status"] = json!("in_progress");
        begun[field] = json!("");
        [
            self.added(&begun),
            self.emit(&format!("{kind}.delta"), with(&at, "delta", whole.clone())),
            self.emit(&format!("{kind}.done"), with(&at, field, whole)),
            self.done(item),
        ]
        .concat()
    }
}

fn with(at: &Value, name: &str, value: Value) -> Value {
    let mut data = at.clone();
    data[name] = value;
    data
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn summary_text(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn reasoning(thought: &str) -> Value {
    json!({"id": fresh_id("rs_"), "type": "reasoning", "summary": [summary_text(thought)]})
}

impl Render for Answer {
    fn frames(&mut self, beat: Beat<'_>) -> String {
        match beat {
            Beat::Start => {
                let begun = json!({"response": self.document("in_progress", &[])});
                self.emit("response.created", begun.clone()) + &self.emit("response.in_progress", begun)
            }
            Beat::Think(thought) => self.think(thought),
            Beat::TextStart => self.text_start(),
            Beat::TextDelta(text) => {
                self.text.push_str(text);
                let at = self.text_at();
                self.emit("response.output_text.delta", with(&at, "delta", json!(text)))
            }
            Beat::TextEnd => self.text_end(),
            Beat::Tool(call) => self.tool(call),
            Beat::Fault(kind) => {
                self.emit("error", json!({"code": kind, "message": "scripted stream error", "param": null}))
            }
            Beat::End => {
                let response = self.document(self.status, &self.output);
                self.emit(&format!("response.{}", self.status), json!({"response": response}))
            }
        }
    }

    fn whole(&mut self, step: &Step) -> Value {
        let think = step.think.iter().map(|thought| reasoning(thought));
        let text = step.text.iter().map(|text| self.message("completed", &json!([output_text(text)])));
        let calls = step.tools.iter().map(|call| self.call(call));
        let output: Vec<Value> = think.chain(text).chain(calls).collect();
        self.document(self.status, &output)
    }
}
