//! OpenAI Chat Completions.

use serde_json::{Value, json};
use tenure_model::{Model, Script};

use crate::client::{events, joined, whole};

const PATH: &str = "/v1/chat/completions";

fn script() -> Script {
    Script::new()
        .text("Two at once.")
        .with_tool("shell", json!({"command": "a"}))
        .with_tool("shell", json!({"command": "b"}))
        .text("Both done.")
        .with_think("phew")
}

fn body(stream: bool, rest: &[Value]) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": "be good"}),
        json!({"role": "user", "content": script().prompt("go")}),
    ];
    messages.extend_from_slice(rest);
    json!({"model": "m", "stream": stream, "messages": messages})
}

#[tokio::test]
async fn a_stream_gives_text_calls_usage_and_the_end() {
    let model = Model::start().unwrap();
    let events = events(&model, PATH, &body(true, &[])).await;
    assert_eq!(joined(&events, "/choices/0/delta/content"), "Two at once.");
    for (index, command) in ["a", "b"].into_iter().enumerate() {
        let parts: Vec<&Value> =
            events.iter().filter_map(|e| e.pointer("/choices/0/delta/tool_calls/0")).collect();
        let parts = parts.into_iter().filter(|part| part["index"] == index);
        let arguments: String = parts.filter_map(|part| part["function"]["arguments"].as_str()).collect();
        assert_eq!(arguments, json!({"command": command}).to_string());
    }
    assert_eq!(joined(&events, "/choices/0/finish_reason"), "tool_calls");
    assert_eq!(events[events.len() - 2]["usage"]["total_tokens"], 110);
    assert_eq!(events.last(), Some(&json!("[DONE]")));
}

/// Some agents send each call of one answer in front of its own result.
#[tokio::test]
async fn calls_of_one_step_count_as_one_however_they_are_split() {
    let model = Model::start().unwrap();
    let first = whole(&model, PATH, &body(false, &[])).await;
    let calls = first["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    let split: Vec<Value> = calls
        .iter()
        .flat_map(|call| {
            [
                json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                json!({"role": "tool", "tool_call_id": call["id"], "content": "ok"}),
            ]
        })
        .collect();
    let second = whole(&model, PATH, &body(false, &split)).await;
    assert_eq!(second["choices"][0]["message"]["content"], "Both done.");
    assert_eq!(second["choices"][0]["message"]["reasoning_content"], "phew");
    assert_eq!(second["choices"][0]["finish_reason"], "stop");
    assert_eq!(model.requests()[1].tool_results(), ["ok", "ok"]);
    assert_eq!(model.requests()[1].system(), "be good");
}

#[tokio::test]
async fn a_title_asked_on_the_side_plays_no_step() {
    let model = Model::start().unwrap();
    let title = json!({"model": "m", "messages": [
        {"role": "system", "content": "You are a title generator. Be brief."},
        {"role": "user", "content": script().prompt("go")},
    ]});
    let answer = whole(&model, PATH, &title).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Scripted title");
    assert!(model.scripted_calls().is_empty());
}
