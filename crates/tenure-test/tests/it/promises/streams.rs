//! Streams and pages of events: replay equals live, byte for byte.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// Follows both a session and everything, from before the first event.
#[tokio::test]
async fn replay_equals_live() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let (mut live, mut all) = (session.follow(), daemon.follow("/v1/events/stream"));
    let work = session.view().await["cwd"].as_str().unwrap().to_owned();
    std::fs::write(format!("{work}/note"), "words").unwrap();
    let steps = json!([
        {"think": "hm"}, {"text": "one", "chunks": 3}, {"plan": ["look", "act"]}, {"read": "note"},
        {"tool": "broken", "fail": "no"}, {"usage": {"used": 10}}, {"title": "A title"},
        {"text": "x".repeat(100_000)}, "unknown_update", {"text": "wörld 🌍"},
    ]);
    session.run(&script(&steps)).await;
    let end = session.turn_end(1).await["seq"].clone();
    let live = live.until(|event| event["seq"] == end).await;
    let stored = session.raw_events().await;
    assert_eq!(live, stored[..live.len()]);
    let all = all.until(|event| event["seq"] == end).await;
    assert_eq!(all, live, "of all sessions there is only this one");
    let mut replay = session.follow();
    assert_eq!(replay.until(|event| event["seq"] == end).await, live);
    crate::real::one_end_each(&session.events().await);
}

/// A stream that joins while a message is written gets the whole of it so far.
#[tokio::test]
async fn whoever_joins_late_gets_all_of_an_open_message() {
    let daemon = TestDaemon::start().await;
    let (session, work) = half(&daemon).await;
    let path = session.path("/events/stream?deltas=true&after=now");
    let mut first = daemon.follow(&path);
    let whole = |event: &Value| event["type"] == "message.delta" && event["data"]["offset"] == 0;
    let deltas = first.until(whole).await;
    let delta: Value = serde_json::from_str(deltas.last().unwrap()).unwrap();
    assert_eq!(delta["data"]["text"], "wörld one ");
    // The same after the daemon was killed: its memory of the message is read again.
    drop(first);
    daemon.kill_and_restart().await;
    let mut second = daemon.follow(&path);
    let deltas = second.until(whole).await;
    let delta: Value = serde_json::from_str(deltas.last().unwrap()).unwrap();
    assert_eq!(delta["data"]["text"], "wörld one ");
    std::fs::write(format!("{work}/go"), "").unwrap();
    let more = second.until(|event| event["type"] == "message.completed").await;
    let next: Vec<Value> = more.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let next = next.iter().find(|e| e["type"] == "message.delta" && e["data"]["offset"] != 0).unwrap();
    assert_eq!(next["data"]["offset"], 10, "counted in characters");
    session.turn_end(1).await;
    assert_eq!(session.get("/messages").await["items"][1]["text"], "wörld one two");
}

async fn half(daemon: &TestDaemon) -> (TestSession, String) {
    let session = daemon.live("scripted").await;
    let work = session.view().await["cwd"].as_str().unwrap().to_owned();
    let mut deltas = daemon.follow(&session.path("/events/stream?deltas=true"));
    let more = json!({"text": {"text": "two", "same_message": true}});
    session.send(&script(&json!([{"text": "wörld one "}, {"gate": "go"}, more]))).await;
    deltas.until(|event| event["type"] == "message.delta").await;
    (session, work)
}

#[tokio::test]
async fn a_position_beyond_the_end_has_expired() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    daemon.get(&session.path("/events?after=100000")).await.problem(410, "cursor_expired");
    daemon.get(&session.path("/events/stream?after=100000")).await.problem(410, "cursor_expired");
}

#[tokio::test]
async fn types_filter_pages_and_streams() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run("hello").await;
    let page = session.get("/events?types=turn.*,message.completed").await;
    let types: Vec<&str> =
        page["items"].as_array().unwrap().iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(types, ["turn.started", "message.completed", "message.completed", "turn.completed"]);
    let mut stream = daemon.follow(&session.path("/events/stream?types=turn.completed"));
    assert_eq!(stream.until(|_| true).await.len(), 1);
}

#[tokio::test]
async fn transcripts_come_in_three_forms() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run("hello").await;
    let of = |format: &'static str| {
        let (daemon, path) = (daemon.clone(), session.path(&format!("/transcript?format={format}")));
        async move { daemon.get(&path).await.text }
    };
    let jsonl = of("jsonl").await;
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<(&Value, &Value)> = lines.iter().map(|line| (&line["role"], &line["content"])).collect();
    assert_eq!(said, [(&json!("user"), &json!("hello")), (&json!("assistant"), &json!("You said: hello"))]);
    assert!(of("markdown").await.contains("You said: hello"));
    let acp = of("acp").await;
    assert!(acp.contains("agent_message_chunk") && acp.contains("user_message_chunk"), "{acp}");
    daemon.get(&session.path("/transcript?format=pdf")).await.problem(400, "invalid");
}

/// The typed client follows over a kill without noticing more than that.
#[tokio::test]
async fn the_client_follows_over_a_kill() {
    use tenure_client::{FollowOptions, Followed};
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let work = session.view().await["cwd"].as_str().unwrap().to_owned();
    let client = daemon.client().await;
    let id = tenure_event::SessionId::parse(&session.id).unwrap();
    let mut follow = client.follow(&id, FollowOptions::default());
    session.send(&script(&json!([{"tool": "look"}, {"gate": "go"}, {"text": "done"}]))).await;
    session.wait_type("tool.completed").await;
    daemon.kill_and_restart().await;
    std::fs::write(format!("{work}/go"), "").unwrap();
    let (mut events, mut lost) = (Vec::new(), 0);
    loop {
        let next = tokio::time::timeout(tenure_test::daemon::PATIENCE, follow.next()).await.unwrap();
        match next.unwrap().unwrap() {
            Followed::Event(event) => events.push(event.json),
            Followed::Lost { .. } => lost += 1,
            _ => {}
        }
        if events.last().is_some_and(|json: &String| json.contains("\"turn.completed\"")) {
            break;
        }
    }
    assert_eq!(lost, 1);
    assert_eq!(events, session.raw_events().await[..events.len()]);
}
