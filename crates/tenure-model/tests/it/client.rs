//! A client as plain as can be: posts JSON, reads a document or the events of a stream.

use std::time::Duration;

use serde_json::Value;
use tenure_model::Model;

/// The longest that any test here waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn post(model: &Model, path: &str, body: &Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{}{path}", model.url())).json(body);
    tokio::time::timeout(DEADLINE, request.send()).await.unwrap().unwrap()
}

/// A whole answer, which has to be a success.
pub(crate) async fn whole(model: &Model, path: &str, body: &Value) -> Value {
    let response = post(model, path, body).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// All events of a streamed answer; `[DONE]` comes as a string.
pub(crate) async fn events(model: &Model, path: &str, body: &Value) -> Vec<Value> {
    let response = post(model, path, body).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = tokio::time::timeout(DEADLINE, response.text()).await.unwrap().unwrap();
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

/// The strings at `path` in all events, joined.
pub(crate) fn joined(events: &[Value], path: &str) -> String {
    events.iter().filter_map(|event| event.pointer(path)?.as_str()).collect()
}

/// The `type` of every event.
pub(crate) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}
