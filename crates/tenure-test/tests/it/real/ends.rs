//! Processes that end in the middle, by our hand or by another: nothing is left over, and the conversation
//! goes on.

use rustix::process::Signal;
use serde_json::{Value, json};
use tenure_host::{PidRef, process};
use tenure_model::Script;
use tenure_test::daemon::{Halt, TestSession};

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

/// In the middle of a tool: its session, the agent's process and all below it. (The shim itself ends a moment
/// after it has told how its agent ended.)
async fn in_a_tool(ground: &Ground) -> (TestSession, Halt, Vec<PidRef>) {
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    session.send(&ground.kind.shell_then(Halt::COMMAND, "Never said.").prompt("Wait.")).await;
    halt.began().await;
    let tree = process::tree(ground.daemon.shims().pop().unwrap().agent.pid);
    assert!(tree.len() >= 2, "agent and command: {tree:?}");
    (session, halt, tree)
}

fn nothing_left(tree: Vec<PidRef>) {
    let left: Vec<PidRef> = tree.into_iter().filter(PidRef::is_alive).collect();
    assert!(left.is_empty(), "{left:?} are left");
}

async fn goes_on(ground: &Ground, session: &TestSession) {
    let result = session.run(&Script::new().text("Back.").prompt("And now?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Back.")));
    let told = ground.calls().last().unwrap().user_texts().join("\n");
    assert!(told.contains("Wait."), "{told}");
    one_end_each(&session.events().await);
}

pub(crate) async fn killed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let (session, halt, tree) = in_a_tool(&ground).await;
    ground.daemon.shims().pop().unwrap().agent.signal(Signal::KILL).unwrap();
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "crashed");
    let view = session.view().await;
    assert_eq!((&view["lifecycle"], &view["suspended_by"]), (&json!("suspended"), &json!("crash")));
    nothing_left(tree);
    assert_eq!(halt.made(), None);
    goes_on(&ground, &session).await;
}

pub(crate) async fn closed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let (session, halt, tree) = in_a_tool(&ground).await;
    let pid = session.pid().await;
    let reply = session.verb("close").await;
    assert!(reply["hit"].as_array().unwrap().contains(&json!(format!("process:{pid}"))), "{reply}");
    assert_eq!(reply["remained"], json!([]));
    nothing_left(tree);
    assert_eq!(halt.made(), None);
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    session.verb("resume").await;
    goes_on(&ground, &session).await;
}

pub(crate) async fn interrupted_while_asked(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&kind.shell_then("echo hi > hello.txt", "Never said.").prompt("Make a file.")).await;
    let ask = session.ask().await;
    session.verb("interrupt").await;
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "interrupted");
    assert_eq!(session.wait_type("ask.withdrawn").await["data"]["ask_id"], ask["id"]);
    session.answer(&ask, &json!({"decision": "allow"})).await.problem(409, "conflict");
    assert_eq!(ground.file("hello.txt"), None);
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Still here.")));
    one_end_each(&session.events().await);
}

pub(crate) async fn listed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let agents = ground.daemon.get("/v1/agents").await.ok(200);
    let entry = agents["items"].as_array().unwrap().iter().find(|agent| agent["name"] == kind.name());
    let entry = entry.unwrap();
    assert_eq!((&entry["installed"], &entry["configured"]), (&Value::Bool(true), &Value::Bool(true)));
    let version = entry["version"].as_str().unwrap();
    assert!(version.contains('.') && version.chars().any(|c| c.is_ascii_digit()), "{entry}");
}
