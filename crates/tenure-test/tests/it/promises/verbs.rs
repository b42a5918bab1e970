//! Verbs: each tells what it hit, does nothing twice, and keeps what it says it keeps.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// A session in the middle of a turn that waits for the file `go`; its turn and the directory.
async fn busy(daemon: &TestDaemon) -> (TestSession, String, String) {
    let session = daemon.live("scripted").await;
    session.send(&script(&json!([{"tool": "look"}, {"gate": "go"}, {"text": "done"}]))).await;
    let tool = session.wait_type("tool.completed").await;
    let cwd = session.view().await["cwd"].as_str().unwrap().to_owned();
    (session, format!("turn:{}", tool["turn_id"].as_str().unwrap()), cwd)
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_keeps_the_queue_or_not() {
    let daemon = TestDaemon::start().await;
    let (session, turn, _) = busy(&daemon).await;
    let queued = session.send("next").await["input_id"].as_str().unwrap().to_owned();
    assert_eq!(session.verb("interrupt").await["hit"], json!([turn]));
    let ends = [session.turn_end(1).await, session.turn_end(2).await];
    assert_eq!(ends.map(|end| end["data"]["outcome"].clone()), [json!("interrupted"), json!("completed")]);
    assert!(session.events_of("input.started").await.iter().any(|e| e["data"]["input_id"] == queued));
    assert_eq!(session.verb("interrupt").await["hit"], json!([]), "nothing runs");

    let (session, turn, _) = busy(&daemon).await;
    let queued = session.send("next").await["input_id"].as_str().unwrap().to_owned();
    let reply = session.post("/interrupt", &json!({"queue": "discard"})).await.ok(200);
    assert_eq!(reply["hit"], json!([turn, format!("input:{queued}")]));
    let cancelled = session.wait_type("input.cancelled").await;
    assert_eq!(cancelled["data"], json!({"input_id": queued, "reason": "discarded"}));
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_agent_that_is_deaf_is_named_with_what_ends_it() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.send(&script(&json!(["ignore_cancel", {"tool": "look"}, {"gate": "go"}]))).await;
    session.wait_type("tool.completed").await;
    session.post("/interrupt", &json!({})).await.says(504, "timeout", &["kill"]);
    assert_eq!(session.view().await["activity"]["state"], "interrupting");
    let pid = session.pid().await;
    let reply = session.verb("kill").await;
    assert!(reply["hit"].as_array().unwrap().contains(&json!(format!("process:{pid}"))), "{reply}");
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn a_queued_input_is_changed_and_cancelled() {
    let daemon = TestDaemon::start().await;
    let (session, _, cwd) = busy(&daemon).await;
    let first = session.send("first").await["input_id"].as_str().unwrap().to_owned();
    let second = session.send("second").await["input_id"].as_str().unwrap().to_owned();
    let path = session.path(&format!("/inputs/{second}"));
    daemon.request("PATCH", &path, &json!({"input": "changed"})).await.ok(200);
    let reply =
        daemon.request("DELETE", &session.path(&format!("/inputs/{first}")), &Value::Null).await.ok(200);
    assert_eq!(reply["hit"], json!([format!("input:{first}")]));
    daemon.kill_and_restart().await;
    let queue = session.view().await["queue"].clone();
    assert_eq!((queue.as_array().unwrap().len(), &queue[0]["text"]), (1, &json!("changed")));
    std::fs::write(format!("{cwd}/go"), "").unwrap();
    session.turn_end(2).await;
    let said = session.get("/messages").await;
    assert_eq!(said["items"].as_array().unwrap().last().unwrap()["text"], "You said: changed");
    // What has started is not taken back.
    daemon.request("DELETE", &path, &Value::Null).await.problem(409, "conflict");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_interrupting_input_goes_first() {
    let daemon = TestDaemon::start().await;
    let (session, _, _) = busy(&daemon).await;
    session.send("waits").await;
    session.post("/inputs", &json!({"input": "goes first", "delivery": "interrupt"})).await.ok(202);
    session.turn_end(3).await;
    let said = session.get("/messages").await;
    let said: Vec<&str> =
        said["items"].as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    let said: Vec<&&str> = said.iter().filter(|text| text.starts_with("You said")).collect();
    assert_eq!(said, [&"You said: goes first", &"You said: waits"]);
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn a_steer_goes_into_the_turn() {
    let daemon = TestDaemon::start().await;
    let (session, turn, cwd) = busy(&daemon).await;
    session.post("/inputs", &json!({"input": "faster", "delivery": "steer"})).await.ok(202);
    let how = |event: &Value| event["type"] == "input.started" && event["data"]["how"] == "steered";
    let taken = session.wait_for("the steer", how).await;
    std::fs::write(format!("{cwd}/go"), "").unwrap();
    assert_eq!(format!("turn:{}", taken["turn_id"].as_str().unwrap()), turn);
    session.turn_end(1).await;
    assert_eq!(session.events_of("turn.started").await.len(), 1);
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn suspend_and_resume_keep_everything() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run("hello").await;
    let (pid, native) = (session.pid().await, session.view().await["native_id"].clone());
    assert_eq!(session.verb("suspend").await["hit"], json!([format!("process:{pid}")]));
    assert_eq!(session.verb("suspend").await["hit"], json!([]));
    assert!(session.view().await["process"].is_null());
    daemon.kill_and_restart().await;
    let reply = session.verb("resume").await;
    assert_eq!(reply["hit"], json!([format!("session:{}", session.id)]));
    assert_eq!(reply["session"]["lifecycle"], "live");
    assert_eq!(session.verb("resume").await["hit"], json!([]));
    assert_eq!(session.view().await["native_id"], native);
    session.run("again").await;
    let said = session.get("/messages").await;
    assert_eq!(said["items"].as_array().unwrap().len(), 4, "{said}");
}

#[tokio::test]
async fn a_session_without_work_is_suspended_and_an_input_wakes_it() {
    let daemon = TestDaemon::start().await;
    let request =
        json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "limits": {"idle_seconds": 1}});
    let session = daemon.create(&request).await;
    let suspended = session.wait_type("session.suspended").await;
    assert_eq!(suspended["data"]["by"], "idle");
    assert_eq!(session.view().await["suspended_by"], "idle");
    assert_eq!(session.run("hello").await["text"], "You said: hello");
}

#[tokio::test]
async fn a_turn_has_its_limit_of_time() {
    let daemon = TestDaemon::start().await;
    let request =
        json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "limits": {"turn_seconds": 1}});
    let session = daemon.create(&request).await;
    let result = session.run(&script(&json!([{"gate": "never"}]))).await;
    assert_eq!((&result["outcome"], &result["limit"]), (&json!("limit"), &json!("time")), "{result}");
}

#[tokio::test]
async fn a_draft_starts_nothing() {
    let daemon = TestDaemon::start().await;
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "draft": "not yet"});
    let session = daemon.create(&request).await;
    let view = session.view().await;
    assert_eq!((&view["draft"], &view["lifecycle"]), (&json!("not yet"), &json!("creating")));
    assert!(view["process"].is_null());
    assert_eq!(session.run("now").await["text"], "You said: now");
}
