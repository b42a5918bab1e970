//! Asks: deadlines, policies, the first answer wins, and what happens to those that nobody needs any more.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

fn asking() -> String {
    script(&json!([{"ask": "rm -rf /", "name": "shell", "input": {"command": "rm"}}]))
}

async fn with_permissions(daemon: &TestDaemon, permissions: Value) -> TestSession {
    let request =
        json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "permissions": permissions});
    daemon.create(&request).await
}

async fn last_words(session: &TestSession) -> Value {
    session.get("/messages").await["items"].as_array().unwrap().last().unwrap()["text"].clone()
}

#[tokio::test]
async fn a_deadline_of_zero_denies_at_once() {
    let daemon = TestDaemon::start().await;
    let session = with_permissions(&daemon, json!({"ask_timeout_seconds": 0})).await;
    let result = session.run(&asking()).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("denied (reject_once)")));
    let opened = session.wait_type("ask.opened").await;
    let expired = session.wait_type("ask.expired").await;
    assert_eq!(opened["data"]["id"], expired["data"]["ask_id"]);
    let ask = json!({"id": opened["data"]["id"]});
    let late = session.answer(&ask, &json!({"decision": "allow"})).await.problem(409, "conflict");
    assert_eq!(late["data"]["decision"], "deny");
    crate::real::one_end_each(&session.events().await);
}

/// It is wall clock, and runs while the daemon is down.
#[tokio::test]
async fn a_deadline_that_passed_while_the_daemon_was_down_denies_at_the_start() {
    let daemon = TestDaemon::start().await;
    let session = with_permissions(&daemon, json!({"ask_timeout_seconds": 1})).await;
    session.send(&asking()).await;
    let ask = session.wait_type("ask.opened").await;
    daemon.kill_9();
    let expires: tenure_event::Timestamp = ask["data"]["expires_at"].as_str().unwrap().parse().unwrap();
    while now() <= expires {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    daemon.restart().await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(session.events_of("ask.expired").await.len(), 1);
    assert_eq!(last_words(&session).await, "denied (reject_once)");
    crate::real::one_end_each(&session.events().await);
}

#[expect(clippy::disallowed_methods, reason = "the deadline is told in wall clock")]
fn now() -> tenure_event::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    tenure_event::Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn a_policy_answers_with_a_record() {
    let daemon = TestDaemon::start().await;
    for (policy, text) in [("allow", "allowed (allow_once)"), ("deny", "denied (reject_once)")] {
        let session = with_permissions(&daemon, json!({"default": policy})).await;
        assert_eq!(session.run(&asking()).await["text"], text);
        assert_eq!(session.events_of("ask.opened").await.len(), 1);
        let resolved = session.wait_type("ask.resolved").await;
        assert_eq!(
            (&resolved["data"]["by"], &resolved["data"]["decision"]),
            (&json!("policy"), &json!(policy))
        );
        crate::real::one_end_each(&session.events().await);
    }
}

#[tokio::test]
async fn an_answer_for_the_session_answers_the_like() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&asking()).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "allow", "scope": "session"})).await.ok(200);
    session.turn_end(1).await;
    // Our own rule holds over a restart.
    daemon.kill_and_restart().await;
    assert_eq!(session.run(&asking()).await["text"], "allowed (allow_once)");
    let by: Vec<Value> =
        session.events_of("ask.resolved").await.iter().map(|e| e["data"]["by"].clone()).collect();
    assert_eq!(by, ["client", "policy"]);
    // Another tool is asked about.
    session.send(&script(&json!([{"ask": "write", "kind": "edit", "name": "write"}]))).await;
    let other = session.ask().await;
    session.answer(&other, &json!({"decision": "reject"})).await.ok(200);
    session.turn_end(3).await;
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn the_first_answer_wins() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&asking()).await;
    let ask = session.ask().await;
    let list = daemon.get("/v1/asks?state=open").await.ok(200);
    assert_eq!(list["items"], json!([ask]));
    let (allow, deny) = (json!({"decision": "allow"}), json!({"decision": "deny"}));
    let (one, two) = tokio::join!(session.answer(&ask, &allow), session.answer(&ask, &deny));
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    let won = won.ok(200);
    let lost = lost.problem(409, "conflict");
    assert_eq!(lost["data"]["decision"], won["decision"]);
    session.turn_end(1).await;
    let said = last_words(&session).await;
    assert_eq!(
        said,
        if won["decision"] == "allow" { "allowed (allow_once)" } else { "denied (reject_once)" }
    );
    assert_eq!(daemon.get("/v1/asks?state=open").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn an_interrupt_withdraws_what_is_asked() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&asking()).await;
    let ask = session.ask().await;
    session.verb("interrupt").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "interrupted");
    let gone = session.wait_type("ask.withdrawn").await;
    assert_eq!(gone["data"]["ask_id"], ask["id"]);
    session.answer(&ask, &json!({"decision": "allow"})).await.problem(409, "conflict");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_ask_dies_with_its_process() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&asking()).await;
    let ask = session.ask().await;
    daemon.kill_9();
    kill(session_agent(&daemon));
    daemon.restart().await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "crashed");
    assert_eq!(session.wait_type("ask.withdrawn").await["data"]["ask_id"], ask["id"]);
    session.answer(&ask, &json!({"decision": "allow"})).await.problem(409, "conflict");
    crate::real::one_end_each(&session.events().await);
}

fn session_agent(daemon: &TestDaemon) -> tenure_host::PidRef {
    daemon.shims().pop().unwrap().agent
}

fn kill(process: tenure_host::PidRef) {
    process.signal(rustix::process::Signal::KILL).unwrap();
}
