//! A process that cannot be reached when the daemon comes back: its shim is stopped. What is asked of the session
//! meanwhile is answered at once, stored, and reaches the process when it answers again; once.

use rustix::process::Signal;
use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// A session whose agent asks, the shim of which is stopped, on a new daemon.
async fn out_of_reach(daemon: &TestDaemon) -> (TestSession, Value) {
    let session = daemon.live("scripted").await;
    let steps = json!([{"tool": "look"}, {"ask": "rm -rf /", "name": "shell", "input": {"command": "rm"}}]);
    session.send(&script(&steps)).await;
    let ask = session.ask().await;
    daemon.kill_9();
    shim(daemon).signal(Signal::STOP).unwrap();
    daemon.restart().await;
    (session, ask)
}

fn shim(daemon: &TestDaemon) -> tenure_host::PidRef {
    daemon.shims().pop().unwrap().shim
}

#[tokio::test]
async fn an_answer_that_was_given_meanwhile_arrives() {
    let daemon = TestDaemon::start().await;
    let (session, ask) = out_of_reach(&daemon).await;
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    // A change of the session, and a second kill: how far the output was taken in is not forgotten.
    daemon.request("PATCH", &session.path(""), &json!({"title": "meanwhile"})).await.ok(200);
    daemon.kill_and_restart().await;
    session.send("hello").await;
    shim(&daemon).signal(Signal::CONT).unwrap();
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
    // The look, and what was asked for.
    assert_eq!(session.events_of("tool.started").await.len(), 2);
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    assert_eq!(session.events_of("ask.resolved").await.len(), 1);
    assert_eq!(session.events_of("process.started").await.len(), 1);
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_interrupt_that_was_given_meanwhile_arrives() {
    let daemon = TestDaemon::start().await;
    let (session, _) = out_of_reach(&daemon).await;
    session.post("/interrupt", &json!({"wait": "accepted"})).await.ok(202);
    shim(&daemon).signal(Signal::CONT).unwrap();
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    assert_eq!(session.run("hello").await["text"], "You said: hello");
    crate::real::one_end_each(&session.events().await);
}

/// And it ends this process only: the next one is not the one that was meant.
#[tokio::test]
async fn a_kill_that_was_given_meanwhile_ends_the_process_and_not_the_next() {
    let daemon = TestDaemon::start().await;
    let (session, _) = out_of_reach(&daemon).await;
    let pid = session.pid().await;
    session.post("/kill", &json!({"wait": "accepted"})).await.ok(202);
    shim(&daemon).signal(Signal::CONT).unwrap();
    session.wait_type("session.closed").await;
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    session.verb("resume").await;
    assert_eq!(session.run("hello").await["text"], "You said: hello");
    assert_ne!(session.pid().await, pid);
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn a_kill_reaches_a_process_whose_shim_never_answers_again() {
    let daemon = TestDaemon::start().await;
    let (session, _) = out_of_reach(&daemon).await;
    let shim = daemon.shims().pop().unwrap();
    session.verb("kill").await;
    assert!(!shim.shim.is_alive() && !shim.agent.is_alive());
    assert_eq!(session.view().await["lifecycle"], "closed");
    crate::real::one_end_each(&session.events().await);
}
