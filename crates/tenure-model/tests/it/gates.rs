//! Answers that wait for the test, and scripted pace.

use std::time::Duration;

use serde_json::{Value, json};
use tenure_model::{Model, Script, WaitError};

use crate::client::{DEADLINE, events, joined, parse, post, whole};

fn body(script: &Script, stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": script.prompt("go")}]})
}

#[tokio::test]
async fn a_gate_holds_the_second_half_of_the_text() {
    let model = Model::start().unwrap();
    let body = body(&Script::new().gate("g", "abcdef"), true);
    let mut response = post(&model, "/v1/messages", &body).await;
    model.gate_reached("g", DEADLINE).await.unwrap();
    let mut seen = String::new();
    while joined(&parse(&seen), "/delta/text") != "abc" {
        let chunk = tokio::time::timeout(DEADLINE, response.chunk()).await.unwrap().unwrap();
        seen.push_str(std::str::from_utf8(&chunk.expect("the stream goes on")).unwrap());
    }
    model.open_gate("g");
    let rest = tokio::time::timeout(DEADLINE, response.text()).await.unwrap().unwrap();
    assert_eq!(joined(&parse(&rest), "/delta/text"), "def");
}

#[tokio::test]
async fn an_open_gate_lets_everything_through() {
    let model = Model::start().unwrap();
    model.open_gate("g");
    let script = Script::new().gate("g", "abcdef");
    assert_eq!(joined(&events(&model, "/v1/messages", &body(&script, true)).await, "/delta/text"), "abcdef");
    assert_eq!(whole(&model, "/v1/messages", &body(&script, false)).await["content"][0]["text"], "abcdef");
}

#[tokio::test]
async fn a_gate_in_front_of_tools_holds_the_call() {
    let model = Model::start().unwrap();
    let script = Script::new().step(tenure_model::Step { gate: Some("g".to_owned()), ..Default::default() });
    let body = body(&script.with_tool("Bash", json!({})), true);
    let answer = events(&model, "/v1/messages", &body);
    let opened = async {
        model.gate_reached("g", DEADLINE).await.unwrap();
        model.open_gate("g");
    };
    let (events, ()) = tokio::join!(answer, opened);
    assert_eq!(joined(&events, "/content_block/name"), "Bash");
}

#[tokio::test]
async fn waiting_in_vain_says_what_was_asked() {
    let model = Model::start().unwrap();
    let error = model.gate_reached("nowhere", Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, WaitError::Gate { gate, requests: 0, .. } if gate == "nowhere"), "{error}");
    let error = model.request_seen(Duration::ZERO, |_| true).await.unwrap_err();
    assert!(matches!(error, WaitError::Request { requests: 0, .. }), "{error}");
}

#[tokio::test]
async fn a_paced_text_comes_in_as_many_deltas_after_its_silence() {
    let model = Model::start().unwrap();
    let script = Script::new().hang(Duration::from_millis(1), "abcdef").paced(3, Duration::from_millis(1));
    let events = events(&model, "/v1/messages", &body(&script, true)).await;
    let deltas: Vec<&str> = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(deltas, ["ab", "cd", "ef"]);
}
