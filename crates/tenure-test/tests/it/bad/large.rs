//! Tool calls and asks with more in them than an event may hold: events stay small, what is asked for is whole.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

/// No event is longer, in bytes.
const MOST: usize = 70 * 1024;

#[tokio::test]
async fn what_a_tool_is_called_with_may_be_large() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let (content, old, new) = ("i".repeat(200_000), "o".repeat(150_000), "n".repeat(150_000));
    let input = json!({"path": "a.txt", "content": content});
    let diff = json!({"path": "a.txt", "old": old, "new": new});
    let prompt = script(&json!([
        {"tool": "write a.txt", "kind": "edit", "input": input, "diff": diff},
        {"ask": "may I", "input": input},
    ]));
    session.send(&prompt).await;
    let ask = session.ask().await;
    assert_eq!(ask["input"], input, "who answers sees all of it");
    session.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
    session.turn_end(1).await;
    for line in session.raw_events().await {
        assert!(line.len() < MOST, "an event of {} bytes: {}", line.len(), &line[..200]);
    }
    for kind in ["tool.started", "ask.opened"] {
        let event = session.wait_type(kind).await;
        let shown = &event["data"]["input"];
        assert_eq!((&shown["path"], shown["content"].as_str().map(str::len)), (&json!("a.txt"), Some(4096)));
        let hash = event["data"]["whole"]["blob"].as_str().expect("it says where the whole is");
        let told = daemon.get(&session.path(&format!("/blobs/{hash}"))).await;
        let whole: Value = serde_json::from_str(&told.text).unwrap();
        assert_eq!(whole["input"], input, "{kind}");
    }
    let messages = session.get("/messages").await;
    let parts = messages["items"].as_array().unwrap().iter().flat_map(|m| m["parts"].as_array().unwrap());
    let tools: Vec<_> = parts.filter(|part| part["type"] == "tool").collect();
    assert!(!tools.is_empty() && tools.iter().all(|tool| tool["input"] == input), "messages are whole");
}
