//! Damage inside the log's file: it harms whose data it is, is told by name, and never passes for an empty store.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

const PAGE: usize = 4096;

/// A stopped daemon whose sessions each have said some pages of text; and their events.
async fn spoken(sessions: usize) -> (TestDaemon, Vec<(TestSession, Vec<String>)>) {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let mut all = Vec::new();
    for n in 0..sessions {
        let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "id": format!("s{n}")})).await;
        for turn in 0..3 {
            let from = number(n, turn);
            session.run(&script(&json!([{"numbered": {"from": from, "to": from + 3000}}]))).await;
        }
        session.verb("close").await;
        let events = session.raw_events().await;
        all.push((session, events));
    }
    daemon.stop().await;
    (daemon, all)
}

/// The first number that a session's agent says in a turn; it stands nowhere else.
fn number(session: usize, turn: usize) -> usize {
    10_000_000 + session * 1_000_000 + turn * 100_000
}

fn store(daemon: &TestDaemon) -> PathBuf {
    daemon.home().join("tenure.db")
}

/// Writes something else over a page.
fn scribble(file: &Path, page: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[page * PAGE..(page + 1) * PAGE].fill(0x5a);
    std::fs::write(file, bytes).unwrap();
}

/// The session serves an input to a good end.
async fn works(session: &TestSession) -> Result<(), Value> {
    let resumed = session.post("/resume", &json!({})).await;
    if resumed.status != 200 {
        return Err(resumed.problem(507, "storage"));
    }
    let answer = session.post("/inputs", &json!({"input": "hello", "wait": "finished"})).await;
    match answer.status {
        200 => assert_eq!(answer.body["outcome"], "completed", "{}", answer.text),
        _ => return Err(answer.problem(507, "storage")),
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_page_harms_its_session_alone_and_is_told_by_name() {
    let (daemon, all) = spoken(4).await;
    let bytes = std::fs::read(store(&daemon)).unwrap();
    let needle = (number(2, 1) + 1500).to_string();
    let at = bytes.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap();
    scribble(&store(&daemon), at / PAGE);
    let found = tenure_log::examine(daemon.home()).unwrap();
    let of: Vec<_> = found.iter().map(|damage| damage.session.as_ref().map(ToString::to_string)).collect();
    assert!(of.contains(&Some("s2".to_owned())), "{found:?}");
    assert!(of.iter().all(|of| of.as_ref().is_none_or(|id| id == "s2")), "{found:?}");

    daemon.restart().await;
    for (session, before) in &all {
        if session.id == "s2" {
            let refused = daemon.get(&session.path("/events?limit=1000")).await;
            refused.says(507, "storage", &["s2", "tenure doctor", "tenure.db"]);
            let view = session.view().await;
            assert_eq!(view["health"], json!({"state": "unhealthy", "why": "storage"}));
        } else {
            assert_eq!(session.raw_events().await, *before, "{}", session.id);
            works(session).await.unwrap();
        }
    }
    let list = daemon.get("/v1/sessions").await.ok(200);
    let health = |id: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == id).unwrap()["health"]["state"].clone()
    };
    assert_eq!((health("s2"), health("s1")), (json!("unhealthy"), json!("healthy")));
}
