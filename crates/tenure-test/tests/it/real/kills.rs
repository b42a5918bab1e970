//! The daemon is killed in the middle, and started again: the same process ends the same turn, and a follower
//! that comes back has every event once.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{Follower, Halt, PATIENCE, TestSession};

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

pub(crate) async fn in_a_stream(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let follower = session.follow();
    let pid = session.pid().await;
    session.send(&Script::new().gate("half", "First half. Second half.").prompt("Talk.")).await;
    ground.model.gate_reached("half", PATIENCE).await.unwrap();
    ground.daemon.kill_and_restart().await;
    // Whoever joins now is told what was said before the kill.
    let mut deltas = ground.daemon.follow(&session.path("/events/stream?deltas=true&after=now"));
    let first = |event: &Value| event["type"] == "message.delta" && event["data"]["offset"] == 0;
    let joined = deltas.until(first).await.pop().unwrap();
    assert!(joined.contains("First half. "), "{joined}");
    drop(deltas);
    ground.daemon.kill_9();
    // What the agent says while nobody listens must not be lost.
    ground.model.open_gate("half");
    ground.daemon.restart().await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    let said = session.get("/messages").await;
    assert_eq!(said["items"][1]["text"], "First half. Second half.");
    same_process_and_events(&session, pid, follower, &end).await;
}

pub(crate) async fn in_a_tool(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    let follower = session.follow();
    let pid = session.pid().await;
    let mut halt = Halt::new(&ground.work);
    session.send(&kind.shell_then(Halt::COMMAND, "Made it.").prompt("Wait.")).await;
    halt.began().await;
    ground.daemon.kill_and_restart().await;
    halt.go("well").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(halt.made().as_deref(), Some("well\n"));
    let tools = session.events_of("tool.completed").await;
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["data"]["state"], "completed");
    same_process_and_events(&session, pid, follower, &end).await;
}

pub(crate) async fn while_asked(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let follower = session.follow();
    let pid = session.pid().await;
    session.send(&kind.shell_then("echo hi > hello.txt", "Made it.").prompt("Make a file.")).await;
    let ask = session.ask().await;
    ground.daemon.kill_and_restart().await;
    assert_eq!(session.get("/asks?state=open").await["items"], json!([ask]));
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(std::fs::read_to_string(ground.work.join("hello.txt")).unwrap(), "hi\n");
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    same_process_and_events(&session, pid, follower, &end).await;
}

async fn same_process_and_events(session: &TestSession, pid: i64, mut follower: Follower, end: &Value) {
    assert_eq!(session.pid().await, pid);
    assert_eq!(session.events_of("process.started").await.len(), 1);
    one_end_each(&session.events().await);
    let last = end["seq"].clone();
    let followed = follower.until(|event| event["seq"] == last).await;
    let stored = session.raw_events().await;
    assert_eq!(followed, stored[..followed.len()], "live and stored differ");
    assert_eq!(followed.len() as u64, last.as_u64().unwrap());
}
