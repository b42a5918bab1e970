//! Shim, agent or daemon are killed; nothing is left over, and every turn has its end.

use rustix::process::Signal;
use serde_json::json;
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

async fn busy(daemon: &TestDaemon, first: serde_json::Value) -> TestSession {
    let session = daemon.live("scripted").await;
    session.send(&script(&json!([first, {"tool": "look"}, {"gate": "go"}, {"text": "done"}]))).await;
    session.wait_type("tool.completed").await;
    session
}

async fn crashed(session: &TestSession) {
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "crashed");
    let view = session.view().await;
    assert_eq!((&view["lifecycle"], &view["suspended_by"]), (&json!("suspended"), &json!("crash")));
    assert!(view["process"].is_null());
    assert_eq!(session.run("hello").await["text"], "You said: hello");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_agent_is_killed() {
    let daemon = TestDaemon::start().await;
    // It has a child in a session of its own, which must go too.
    let session = busy(&daemon, json!({"fork": {"setsid": true}})).await;
    let shim = daemon.shims().pop().unwrap();
    let tree = tenure_host::process::tree(shim.agent.pid);
    assert!(tree.len() >= 2, "{tree:?}");
    shim.agent.signal(Signal::KILL).unwrap();
    crashed(&session).await;
    let left: Vec<_> = tree.into_iter().filter(tenure_host::PidRef::is_alive).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

#[tokio::test]
async fn a_shim_is_killed() {
    let daemon = TestDaemon::start().await;
    let session = busy(&daemon, json!({"fork": {"setsid": true}})).await;
    let shim = daemon.shims().pop().unwrap();
    let tree = tenure_host::process::tree(shim.shim.pid);
    assert!(tree.len() >= 3, "{tree:?}");
    shim.shim.signal(Signal::KILL).unwrap();
    crashed(&session).await;
    let left: Vec<_> = tree.into_iter().filter(tenure_host::PidRef::is_alive).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

#[tokio::test]
async fn shim_and_agent_are_killed_while_the_daemon_is_down() {
    let daemon = TestDaemon::start().await;
    let session = busy(&daemon, json!({"fork": {"setsid": true}})).await;
    let shim = daemon.shims().pop().unwrap();
    let tree = tenure_host::process::tree(shim.shim.pid);
    daemon.kill_9();
    shim.shim.signal(Signal::KILL).unwrap();
    daemon.restart().await;
    crashed(&session).await;
    let left: Vec<_> = tree.into_iter().filter(tenure_host::PidRef::is_alive).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

/// As the end of the machine may leave it: the file has its name, and nothing in it reached the disk. What the agent said did.
#[tokio::test]
async fn an_agent_whose_shim_left_no_readable_file_is_known_to_be_gone() {
    let daemon = TestDaemon::start().await;
    let session = busy(&daemon, json!({"text": "heard"})).await;
    let shim = daemon.shims().pop().unwrap();
    daemon.kill_9();
    shim.shim.signal(Signal::KILL).unwrap();
    let file = daemon.home().join("sessions").join(&session.id).join("g1/shim.json");
    std::fs::write(file, "").unwrap();
    daemon.restart().await;
    crashed(&session).await;
    assert!(!shim.agent.is_alive());
    // It is ended as any other, too.
    session.verb("close").await;
    daemon.request("DELETE", &session.path(""), &serde_json::Value::Null).await.ok(200);
}

/// Whoever is first, the next daemon or a caller of it: nothing is begun on a process that is gone.
#[tokio::test]
async fn an_input_that_comes_before_a_dead_process_is_missed_is_served_by_the_next_one() {
    let daemon = TestDaemon::start().await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(daemon.live("scripted").await);
    }
    daemon.kill_9();
    for shim in daemon.shims() {
        shim.shim.signal(Signal::KILL).unwrap();
    }
    daemon.restart().await;
    for session in &sessions {
        session.send("hello").await;
    }
    for session in &sessions {
        let end = session.turn_end(1).await;
        assert_eq!(end["data"]["outcome"], "completed", "{end}");
        assert_eq!(session.events_of("turn.started").await.len(), 1);
        assert_eq!(session.events_of("process.started").await.len(), 2);
    }
}

#[tokio::test]
async fn an_agent_ends_its_turn_while_the_daemon_is_down() {
    let daemon = TestDaemon::start().await;
    let session = busy(&daemon, json!({"text": "begun"})).await;
    let pid = session.pid().await;
    let mut follower = session.follow();
    daemon.kill_9();
    let cwd = daemon.shims().pop().unwrap().agent.pid;
    let cwd = std::fs::read_link(format!("/proc/{cwd}/cwd")).unwrap();
    std::fs::write(cwd.join("go"), "").unwrap();
    daemon.restart().await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(session.pid().await, pid);
    let last = end["seq"].clone();
    let followed = follower.until(|event| event["seq"] == last).await;
    assert_eq!(followed, session.raw_events().await[..followed.len()]);
}

#[tokio::test]
async fn a_flood_over_ten_kills_is_stored_once() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let mut follower = session.follow();
    let steps = json!([{"repeat": 200, "steps": [{"tool": "look"}, {"sleep_ms": 5}]}, {"text": "done"}]);
    session.send(&script(&steps)).await;
    let mut seen = 0;
    for _ in 0..10 {
        // Somewhere in the middle, wherever that is.
        let tool = session.wait_after(seen, "a tool", |event| event["type"] == "tool.started").await;
        seen = tool["seq"].as_u64().unwrap();
        daemon.kill_and_restart().await;
    }
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(session.events_of("tool.completed").await.len(), 200);
    assert_eq!(session.events_of("process.started").await.len(), 1);
    crate::real::one_end_each(&session.events().await);
    let last = end["seq"].clone();
    let followed = follower.until(|event| event["seq"] == last).await;
    assert_eq!(followed, session.raw_events().await[..followed.len()]);
}

#[tokio::test]
async fn a_stop_leaves_agents_working_and_a_close_does_not() {
    let daemon = TestDaemon::start().await;
    let session = busy(&daemon, json!({"text": "begun"})).await;
    let shim = daemon.shims().pop().unwrap();
    daemon.stop().await;
    assert!(shim.agent.is_alive() && shim.shim.is_alive());
    daemon.restart().await;
    assert_eq!(session.pid().await, i64::from(shim.agent.pid));
    session.verb("close").await;
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    assert!(!shim.agent.is_alive());
}

#[tokio::test]
async fn ended_processes_are_listed_until_they_are_reaped() {
    let daemon = TestDaemon::start().await;
    let (one, two) = (daemon.live("scripted").await, daemon.live("scripted").await);
    let (pid, living) = (one.pid().await, two.pid().await);
    one.verb("close").await;
    let list = daemon.get("/v1/processes").await.ok(200);
    let of = |list: &serde_json::Value, pid: i64| {
        list["items"].as_array().unwrap().iter().find(|p| p["pid"] == pid).map(|p| p["state"].clone())
    };
    assert_eq!((of(&list, pid), of(&list, living)), (Some(json!("exited")), Some(json!("running"))));
    let reaped = daemon.post("/v1/processes/reap", &json!({})).await.ok(200);
    assert_eq!((of(&reaped, pid), of(&reaped, living)), (Some(json!("exited")), None));
    assert_eq!(daemon.post("/v1/processes/reap", &json!({})).await.ok(200)["items"], json!([]));
    assert_eq!(two.run("hello").await["text"], "You said: hello");
}

/// Sessions know nothing of each other, also when all of them lose their daemon at once.
#[tokio::test]
async fn many_sessions_live_through_a_kill() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let mut all = daemon.follow("/v1/events/stream");
    let mut sessions = Vec::new();
    for n in 0..20 {
        let request = json!({"agent": "scripted", "cwd": work, "id": format!("s{n}")});
        let session = daemon.create(&request).await;
        session
            .send(&script(&json!([{"tool": "look"}, {"gate": "go"}, {"text": format!("done {n}")}])))
            .await;
        sessions.push(session);
    }
    let mut pids = Vec::new();
    for session in &sessions {
        session.wait_type("tool.completed").await;
        pids.push(session.pid().await);
    }
    daemon.kill_and_restart().await;
    std::fs::write(work.join("go"), "").unwrap();
    for (n, session) in sessions.iter().enumerate() {
        assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
        let said = session.get("/messages").await;
        assert_eq!(said["items"].as_array().unwrap().last().unwrap()["text"], format!("done {n}"));
        assert_eq!(session.pid().await, pids[n]);
        crate::real::one_end_each(&session.events().await);
    } // Whoever follows all of them has each event of each once, in an order that only rises.
    let ends = std::cell::Cell::new(0);
    let count = |event: &serde_json::Value| {
        ends.set(ends.get() + u32::from(event["type"] == "turn.completed"));
        ends.get() == 20
    };
    let followed = all.until(count).await;
    let heads: Vec<tenure_event::EventHead> =
        followed.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert!(heads.is_sorted_by(|a, b| a.gseq < b.gseq));
    for session in &sessions {
        let own = followed.iter().zip(&heads).filter(|(_, head)| head.session_id.as_str() == session.id);
        let own: Vec<&String> = own.map(|(text, _)| text).collect();
        let stored = session.raw_events().await;
        assert_eq!(own, stored.iter().take(own.len()).collect::<Vec<_>>());
    }
}
