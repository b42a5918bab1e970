//! A provider's rate limit that tells when it is reset: the turn waits and goes on once, over a kill of the daemon or
//! of the agent, and every verb that ends something works meanwhile.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// A turn that says a half and is then refused for so long.
fn refused(time: &str) -> String {
    let message = format!("Rate limit reached. Please try again in {time}.");
    script(&json!([{"text": "half"}, {"error": {"code": 429, "message": message}}]))
}

async fn waiting(session: &TestSession) -> Value {
    let waits = |e: &Value| e["data"]["activity"]["reason"] == "rate_limit";
    let event = session.wait_for("the wait", waits).await;
    let activity = event["data"]["activity"].clone();
    assert_eq!(activity["state"], "waiting", "{event}");
    assert!(activity["until"].is_string(), "{event}");
    activity
}

#[tokio::test]
async fn a_turn_that_waits_for_a_reset_goes_on_once_over_a_kill() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&refused("2s")).await;
    session.send("behind it").await;
    waiting(&session).await;
    daemon.kill_and_restart().await;
    assert_eq!(session.view().await["health"]["why"], "rate_limited");
    let first = session.turn_end(1).await;
    assert_eq!(first["data"]["outcome"], "completed", "{first}");
    daemon.kill_and_restart().await;
    session.turn_end(2).await;
    let messages = session.get("/messages").await;
    let said: Vec<&str> =
        messages["items"].as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    let again = said.iter().filter(|text| text.contains("has been reset")).count();
    assert_eq!(again, 1, "it was asked once more: {said:?}");
    assert_eq!(said.last(), Some(&"You said: behind it"));
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_agent_that_ends_while_its_turn_waits_is_replaced() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&refused("3s")).await;
    waiting(&session).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(session.pid().await).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    session.wait_type("process.exited").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed", "{end}");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn what_ends_a_turn_ends_one_that_waits() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&refused("3 hours")).await;
    session.send("behind it").await;
    waiting(&session).await;
    let hit = session.verb("interrupt").await["hit"].clone();
    assert!(hit[0].as_str().unwrap().starts_with("turn:"), "{hit}");
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
    session.send(&refused("3 hours")).await;
    let waits = |e: &Value| e["data"]["activity"]["reason"] == "rate_limit";
    let after = session.turn_end(2).await["seq"].as_u64().unwrap();
    session.wait_after(after, "another wait", waits).await;
    session.verb("close").await;
    assert_eq!(session.turn_end(3).await["data"]["outcome"], "interrupted");
    crate::real::one_end_each(&session.events().await);

    // Nobody said when: it fails, and says of what.
    let session = daemon.live("scripted").await;
    let result =
        session.run(&script(&json!([{"error": {"code": 429, "message": "Rate limit reached."}}]))).await;
    assert_eq!((&result["outcome"], &result["error"]["code"]), (&json!("failed"), &json!("rate_limited")));
}
