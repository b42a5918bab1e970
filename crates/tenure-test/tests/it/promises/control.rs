//! Settings, counts and verbs of a running session, over HTTP, with the scripted agent.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

async fn patch(daemon: &TestDaemon, session: &TestSession, body: Value) -> tenure_test::daemon::Answer {
    daemon.request("PATCH", &session.path("/config"), &body).await
}

#[tokio::test]
async fn settings_change_while_it_runs_and_stay() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let modes = session.view().await["capabilities"]["modes"].clone();
    let mode = modes[1]["id"].as_str().unwrap().to_owned();
    let config = patch(&daemon, &session, json!({"mode": mode})).await.ok(200);
    assert_eq!(config["mode"], json!(mode));
    let by_client = |e: &Value| e["type"] == "config.changed" && e["data"]["by"] == "client";
    let told = session.wait_for("the change", by_client).await;
    assert_eq!((&told["data"]["mode"], &told["data"]["by"]), (&json!(mode), &json!("client")));
    daemon.kill_and_restart().await;
    assert_eq!(session.get("/config").await["mode"], json!(mode));
    // What the agent does not know it refuses, and nothing has changed.
    let refused = patch(&daemon, &session, json!({"mode": "no-such-mode"})).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(session.get("/config").await["mode"], json!(mode));
    // What nobody knows is refused by its name.
    patch(&daemon, &session, json!({"colour": "red"})).await.says(400, "invalid", &["colour"]);
}

#[tokio::test]
async fn rules_answer_asks_and_can_be_changed() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let asks = json!([{"ask": {"title": "first"}}, {"text": "done"}]);
    let rules = json!({"permissions": {"rules": [{"decision": "deny", "tool": "*"}]}});
    let config = patch(&daemon, &session, rules).await.ok(200);
    assert_eq!(config["permissions"]["rules"][0]["decision"], "deny");
    session.send(&script(&asks)).await;
    session.turn_end(1).await;
    let resolved = session.events_of("ask.resolved").await;
    assert_eq!(
        (&resolved[0]["data"]["by"], &resolved[0]["data"]["decision"]),
        (&json!("policy"), &json!("deny"))
    );
    patch(&daemon, &session, json!({"permissions": {"rules": []}})).await.ok(200);
    session.send(&script(&asks)).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    session.turn_end(2).await;
    let everything = json!({"permissions": {"rules": [{"decision": "allow"}]}});
    patch(&daemon, &session, everything).await.says(400, "invalid", &["default"]);
}

#[tokio::test]
async fn a_cleared_session_forgets_and_its_log_does_not() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run("remember me").await;
    let native = session.view().await["native_id"].clone();
    let reply = session.post("/clear", &json!({})).await.ok(200);
    assert_eq!(reply["session"]["epoch"], 1);
    session.run("who am I?").await;
    let view = session.view().await;
    assert!(view["native_id"].is_string() && view["native_id"] != native, "{view}");
    let texts = |page: Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!texts(session.get("/messages").await).iter().any(|text| text.contains("remember me")));
    assert!(texts(session.get("/messages?epoch=all").await).iter().any(|text| text.contains("remember me")));
    // Not in the middle of a turn.
    session.send(&script(&json!([{"tool": "look"}, {"gate": "go"}]))).await;
    session
        .wait_for("a running turn", |e| {
            e["type"] == "turn.started" && e["seq"].as_u64() > view["last_seq"].as_u64()
        })
        .await;
    session.post("/clear", &json!({})).await.says(409, "busy", &["interrupt"]);
    session.verb("interrupt").await;
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run(&script(&json!([{"tool": "look"}, {"tool": "look"}, {"text": "done"}]))).await;
    let metrics = session.get("/metrics").await;
    assert_eq!((&metrics["turns"], &metrics["tool_calls"]), (&json!(1), &json!(2)), "{metrics}");
    assert_eq!(metrics["tool_usage"].as_object().unwrap().values().next(), Some(&json!(2)), "{metrics}");
    assert!(metrics["messages"].as_u64() >= Some(2), "{metrics}");
    daemon.kill_and_restart().await;
    assert_eq!(session.get("/metrics").await, metrics, "counts are not lost");
    assert_eq!(session.get("/tasks").await["items"], json!([]));
    session.post("/tasks/nope/stop", &json!({})).await.says(422, "unsupported", &["scripted", "stop_task"]);
}

#[tokio::test]
async fn commands_are_found_by_name_or_refused() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.post("/commands/no-such-command", &json!({})).await.says(404, "not_found", &["no-such-command"]);
    let commands = session.view().await["capabilities"]["commands"].clone();
    let name = commands[0]["name"].as_str().unwrap().to_owned();
    let result =
        session.post(&format!("/commands/{name}"), &json!({"args": "a b", "wait": "finished"})).await.ok(200);
    assert_eq!(result["outcome"], "completed");
    let said = &session.events_of("input.admitted").await[0]["data"]["parts"][0]["text"];
    assert_eq!(said, &json!(format!("/{name} a b")));
    session.post(&format!("/commands/{name}"), &json!({"args": {"unknown": 1}})).await.says(
        400,
        "invalid",
        &["unknown"],
    );
}
