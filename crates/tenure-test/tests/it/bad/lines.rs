//! What an agent should never write. The line is kept and skipped; the turn goes on.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// Plays a step and then says something, which must come through; the session.
async fn survives(step: Value) -> (TestDaemon, TestSession) {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let result = session.run(&script(&json!([step, {"text": "still here"}]))).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("still here")));
    // And the next turn is as good as any.
    let result = session.run(&script(&json!([{"text": "fine"}]))).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("fine")));
    assert_eq!(session.view().await["health"]["state"], "healthy");
    crate::real::one_end_each(&session.events().await);
    (daemon, session)
}

async fn kept(session: &TestSession) -> Vec<(String, u64)> {
    let kept = session.events_of("native.received").await;
    let data = kept.iter().map(|event| &event["data"]);
    data.map(|d| (d["kind"].as_str().unwrap().to_owned(), d["bytes"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn a_line_that_is_no_json_is_kept() {
    let (_daemon, session) = survives(json!({"raw": "this is no JSON"})).await;
    assert_eq!(kept(&session).await, [("malformed".to_owned(), 16)]);
    let event = session.wait_type("native.received").await;
    assert_eq!(event["data"]["text"], "this is no JSON");
}

#[tokio::test]
async fn a_line_that_is_no_text_is_kept() {
    let (_daemon, session) = survives(json!({"raw_hex": "fffe00ff7b7d"})).await;
    assert_eq!(kept(&session).await, [("malformed".to_owned(), 7)]);
    let raw = session.get("/raw").await;
    let raw = raw["items"].as_array().unwrap().iter().filter(|item| item["base64"].is_string()).count();
    assert_eq!(raw, 1, "its bytes are there, whole");
}

#[tokio::test]
async fn a_line_of_100_mb_is_skipped() {
    let (daemon, session) = survives(json!({"huge": 100_000_000})).await;
    let kept = kept(&session).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].0, "oversized");
    // It was never in memory as a whole.
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 90_000, "the daemon took {peak} kB");
}

#[tokio::test]
async fn a_message_of_20_mb_arrives_whole() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let result = session.run(&script(&json!([{"huge": 20_000_000, "valid_json": true}]))).await;
    assert_eq!(result["outcome"], "completed");
    let text = result["text"].as_str().unwrap();
    assert!(text.len() > 19_000_000, "{} bytes", text.len());
    let said = session.events_of("message.completed").await;
    let part = &said.last().unwrap()["data"]["parts"][0];
    assert!(part["text"].as_str().unwrap().len() <= 4096, "an event is small");
    let blob = session.get(&format!("/blobs/{}", part["blob"].as_str().unwrap())).await;
    assert!(blob.is_null(), "a blob is bytes");
}

#[tokio::test]
async fn a_line_nested_without_end_is_kept() {
    let (_daemon, session) = survives(json!({"deep": 100_000})).await;
    assert_eq!(kept(&session).await.len(), 1);
}

#[tokio::test]
async fn odd_ids_harm_nobody() {
    survives(json!("odd_ids")).await;
}

#[tokio::test]
async fn unknown_updates_and_requests_are_kept_and_answered() {
    let (_daemon, session) = survives(json!("unknown_update")).await;
    assert_eq!(kept(&session).await.len(), 1);
    let (_daemon, session) = survives(json!("unknown_request")).await;
    let said = session.events_of("message.completed").await;
    let said: Vec<String> = said.iter().map(|event| event["data"]["parts"].to_string()).collect();
    assert!(said.iter().any(|parts| parts.contains("-32601")), "{said:?}");
}

/// An answer that comes twice, or after its turn, ends no other turn.
#[tokio::test]
async fn answers_that_come_twice_or_late_end_nothing() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let steps = [
        json!("duplicate_response"),
        json!({"late_response_ms": 50}),
        json!({"late_response_ms": 1, "id": "nobody"}),
    ];
    let path = session.view().await["cwd"].as_str().unwrap().to_owned();
    for (n, step) in steps.into_iter().enumerate() {
        let first = session.run(&script(&json!([step, {"text": "first"}]))).await;
        // The late answer falls into this turn, which waits for it.
        let gate = format!("gate-{n}");
        session.send(&script(&json!([{"text": "second"}, {"gate": gate}, {"text": "third"}]))).await;
        let late = |event: &Value| event["type"] == "native.received";
        let after = first["turn_id"].clone();
        let end = session
            .wait_for("the first end", |e| e["type"] == "turn.completed" && e["turn_id"] == after)
            .await;
        let late = session.wait_after(end["seq"].as_u64().unwrap(), "the late answer", late).await;
        std::fs::write(format!("{path}/{gate}"), "").unwrap();
        let ended = |event: &Value| event["type"] == "turn.completed" && event["turn_id"] != after;
        let end = session.wait_after(late["seq"].as_u64().unwrap(), "the second end", ended).await;
        assert_eq!(end["data"]["outcome"], "completed");
    }
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn noise_before_the_handshake_is_skipped() {
    let daemon = TestDaemon::start().await;
    let env = json!({"TENURE_SCRIPTED_GARBAGE_START": "1"});
    let session = daemon
        .create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "env": env}))
        .await;
    assert_eq!(session.run("hello").await["text"], "You said: hello");
    assert_eq!(session.events_of("native.received").await.len(), 4, "five lines, one of them empty");
}

/// Some agents echo the number that they are asked for, whatever they speak.
#[tokio::test]
async fn the_number_of_a_protocol_is_not_trusted() {
    let daemon = TestDaemon::start().await;
    let env = json!({"TENURE_SCRIPTED_PROTOCOL": "7"});
    let session = daemon
        .create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "env": env}))
        .await;
    assert_eq!(session.run("hello").await["text"], "You said: hello");
}
