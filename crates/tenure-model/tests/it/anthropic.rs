//! Anthropic Messages.

use serde_json::{Value, json};
use tenure_model::{Model, Script};

use crate::client::{events, joined, types, whole};

const PATH: &str = "/v1/messages";

fn script() -> Script {
    Script::new()
        .text("I look.")
        .with_think("where?")
        .with_tool("Bash", json!({"command": "ls"}))
        .text("Found it.")
        .with_usage(json!({"input_tokens": 7}))
}

fn body(stream: bool, rest: &[Value]) -> Value {
    let mut messages = vec![json!({"role": "user", "content": script().prompt("find")})];
    messages.extend_from_slice(rest);
    json!({"model": "m", "stream": stream, "max_tokens": 9, "messages": messages})
}

fn tool_turn(id: &Value) -> [Value; 3] {
    [
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {}}]}),
        json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": "a.txt"}]},
            {"type": "text", "text": "<system-reminder>be brief</system-reminder>"},
        ]}),
        json!({"role": "system", "content": [{"type": "text", "text": "# Environment"}]}),
    ]
}

#[tokio::test]
async fn a_stream_has_the_events_of_a_message_in_order() {
    let model = Model::start().unwrap();
    let events = events(&model, PATH, &body(true, &[])).await;
    let mut expected = vec!["message_start"];
    for deltas in [2, 2, 2] {
        expected.push("content_block_start");
        expected.extend(std::iter::repeat_n("content_block_delta", deltas));
        expected.push("content_block_stop");
    }
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(types(&events), expected);
    assert_eq!(joined(&events, "/delta/thinking"), "where?");
    assert_eq!(joined(&events, "/delta/text"), "I look.");
    assert_eq!(joined(&events, "/delta/partial_json"), r#"{"command":"ls"}"#);
    assert_eq!(joined(&events, "/delta/stop_reason"), "tool_use");
}

#[tokio::test]
async fn the_step_after_the_tool_result_follows_whole() {
    let model = Model::start().unwrap();
    let first = whole(&model, PATH, &body(false, &[])).await;
    assert_eq!(first["stop_reason"], "tool_use");
    assert_eq!(first["content"][1]["text"], "I look.");
    let second = whole(&model, PATH, &body(false, &tool_turn(&first["content"][2]["id"]))).await;
    assert_eq!(second["content"], json!([{"type": "text", "text": "Found it."}]));
    assert_eq!(second["stop_reason"], "end_turn");
    assert_eq!(second["usage"]["input_tokens"], 7);
    assert_eq!(second["usage"]["output_tokens"], 10);
}

#[tokio::test]
async fn what_was_asked_is_recorded() {
    let model = Model::start().unwrap();
    whole(&model, PATH, &body(false, &tool_turn(&json!("toolu_1")))).await;
    let requests = model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].step, Some(1));
    assert_eq!(requests[0].tool_results(), ["a.txt"]);
    assert_eq!(requests[0].system(), "# Environment");
    assert!(requests[0].user_texts()[0].starts_with("find @@"));
}

#[tokio::test]
async fn past_the_script_and_without_one_there_are_words() {
    let model = Model::start().unwrap();
    let say = async |text: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        whole(&model, PATH, &body).await["content"][0]["text"].clone()
    };
    assert_eq!(say("@@[]@@").await, "script exhausted");
    assert_eq!(say("hello you").await, "echo: hello you");
    assert!(model.scripted_calls().is_empty());
}

#[tokio::test]
async fn tokens_are_counted() {
    let model = Model::start().unwrap();
    let counted = whole(&model, "/v1/messages/count_tokens", &body(false, &[])).await;
    assert_eq!(counted, json!({"input_tokens": 42}));
}
