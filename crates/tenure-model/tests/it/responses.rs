//! OpenAI Responses.

use serde_json::{Value, json};
use tenure_model::{Model, Script};

use crate::client::{events, joined, types, whole};

const PATH: &str = "/v1/responses";

fn script() -> Script {
    Script::new()
        .tool("shell", json!({"command": "ls"}))
        .with_think("hm")
        .tool("apply_patch", json!({"input": "*** Begin"}))
        .text("Done.")
}

fn body(stream: bool, rest: &[Value]) -> Value {
    let mut input = vec![
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": script().prompt("go")}]}),
    ];
    input.extend_from_slice(rest);
    let tools = json!([{"type": "function", "name": "shell"}, {"type": "custom", "name": "apply_patch"}]);
    json!({"model": "m", "stream": stream, "instructions": "be good", "input": input, "tools": tools})
}

/// The output of an answer as the next request carries it, with a result for the call in it.
fn answered(answer: &Value, result_type: &str) -> Vec<Value> {
    let mut items = answer["output"].as_array().unwrap().clone();
    let id = items.last().unwrap()["call_id"].clone();
    items.push(json!({"type": result_type, "call_id": id, "output": "fine"}));
    items
}

#[tokio::test]
async fn a_stream_numbers_its_events_and_ends_with_the_whole_response() {
    let model = Model::start().unwrap();
    let events = events(&model, PATH, &body(true, &[])).await;
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let types = types(&events);
    assert_eq!(types[..2], ["response.created", "response.in_progress"]);
    assert_eq!(types.last(), Some(&"response.completed"));
    assert_eq!(types.iter().filter(|kind| **kind == "response.output_item.done").count(), 2);
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["output"][0]["summary"][0]["text"], "hm");
    assert_eq!(response["output"][1]["name"], "shell");
    assert_eq!(response["usage"]["total_tokens"], 110);
}

#[tokio::test]
async fn reasoning_and_call_are_one_answer() {
    let model = Model::start().unwrap();
    let mut rest = Vec::new();
    let first = whole(&model, PATH, &body(false, &rest)).await;
    rest.extend(answered(&first, "function_call_output"));
    let second = whole(&model, PATH, &body(false, &rest)).await;
    assert_eq!(second["output"][0]["type"], "custom_tool_call");
    assert_eq!(second["output"][0]["input"], "*** Begin");
    rest.extend(answered(&second, "custom_tool_call_output"));
    let events = events(&model, PATH, &body(true, &rest)).await;
    assert_eq!(joined(&events, "/delta"), "Done.");
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["output"][0]["content"][0]["text"], "Done.");
    assert_eq!(model.requests()[2].tool_results(), ["fine", "fine"]);
    assert_eq!(model.requests()[2].tools(), ["shell", "apply_patch"]);
}
