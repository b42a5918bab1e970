//! Conversations that are taken back: what went is in no request to the model any more, and stays in the log.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::TestSession;

use super::forks::{heard, said, told};
use super::ground::{self, Ground, Kind, support};
use super::turns::one_end_each;

/// What the agents without a way for it say.
async fn refused(ground: &Ground, session: &TestSession, request: &Value) -> bool {
    let Err(why) = support(session, "rewind").await else { return false };
    ground::refused(ground.kind, session.post("/rewind", request).await, "rewind", &why);
    true
}

async fn ask(ground: &Ground, session: &TestSession) -> String {
    let result = session.run(&Script::new().text("As you said.").prompt("Which colours?")).await;
    assert_eq!(
        (&result["outcome"], &result["text"]),
        (&json!("completed"), &json!("As you said.")),
        "{result}"
    );
    heard(ground)
}

pub(crate) async fn conversation(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    let first = session.turn_end(1).await;
    let to = json!({"to": {"turn": first["turn_id"]}, "scope": "conversation"});
    if refused(&ground, &session, &to).await {
        return;
    }
    let before = session.get("/messages").await;
    let ids = |messages: &Value| -> Vec<Value> {
        messages["items"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect()
    };
    let going = ids(&before)[2..].to_vec();
    let mut dry = to.clone();
    dry["dry_run"] = json!(true);
    let plan = session.post("/rewind", &dry).await.ok(200);
    assert_eq!((&plan["possible"], &plan["messages_removed"]), (&json!(true), &json!(going)), "{plan}");
    assert_eq!(ids(&session.get("/messages").await).len(), 4);
    let done = session.post("/rewind", &to).await.ok(200);
    assert_eq!((&done["dry_run"], &done["messages_removed"]), (&json!(false), &json!(going)), "{done}");
    assert_eq!(said(&session, "").await, said(&session, "?branch=all").await[..2]);
    let told = ask(&ground, &session).await;
    assert!(told.contains("the sky is blue") && !told.contains("the grass is green"), "{told}");
    assert_eq!(said(&session, "").await[3], "As you said.");
    assert_eq!(said(&session, "?branch=all").await.len(), 6);
    // It stays so in another process.
    session.verb("suspend").await;
    let told = ask(&ground, &session).await;
    assert!(told.contains("the sky is blue") && !told.contains("the grass is green"), "{told}");
    assert_eq!(told.matches("Which colours?").count(), 2, "{told}");
    let completed = session.events_of("rewind.completed").await;
    assert_eq!((completed.len(), &completed[0]["data"]["scope"]), (1, &json!("conversation")));
    // What went cannot be named any more, and nobody claims to bring it back.
    let gone = json!({"to": going[1], "scope": "conversation"});
    session.post("/rewind", &gone).await.says(409, "conflict", &["taken back"]);
    let undo = session.post("/rewind/undo", &json!({})).await.problem(422, "unsupported");
    assert_eq!(undo["capability"], "rewind_undo");
    one_end_each(&session.events().await);
}

pub(crate) async fn to_the_beginning(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    let input = session.events_of("input.started").await[0]["data"]["input_id"].clone();
    let to = json!({"to": {"input": input}, "scope": "conversation"});
    if refused(&ground, &session, &to).await {
        return;
    }
    // Also one that rests.
    session.verb("suspend").await;
    let done = session.post("/rewind", &to).await.ok(200);
    assert_eq!(done["messages_removed_total"], 4, "{done}");
    let told = ask(&ground, &session).await;
    assert!(!told.contains("the sky is blue") && !told.contains("the grass is green"), "{told}");
    assert_eq!(said(&session, "").await.len(), 2);
}

pub(crate) async fn both(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    for word in ["one", "two"] {
        let script = ground.kind.shell_then(&format!("echo {word} > word"), "Written.");
        let result = session.run(&script.prompt(&format!("Write {word}."))).await;
        assert_eq!(result["outcome"], "completed", "{result}");
    }
    assert_eq!(ground.file("word").as_deref(), Some("two\n"));
    let first = session.turn_end(1).await;
    let to = json!({"to": {"turn": first["turn_id"]}, "scope": "both"});
    if refused(&ground, &session, &to).await {
        return;
    }
    let done = session.post("/rewind", &to).await.ok(200);
    assert_eq!(done["files"][0]["path"], "word", "{done}");
    assert_eq!(ground.file("word").as_deref(), Some("one\n"));
    let told = ask(&ground, &session).await;
    assert!(told.contains("Write one.") && !told.contains("Write two."), "{told}");
    let completed = session.events_of("rewind.completed").await;
    assert_eq!((completed.len(), &completed[0]["data"]["scope"]), (1, &json!("both")));
    assert!(completed[0]["data"]["guard"].is_string(), "{completed:?}");
}

/// The daemon is killed when the old process is gone: the next one goes on where it was.
pub(crate) async fn killed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    let first = session.turn_end(1).await;
    let to = json!({"to": {"turn": first["turn_id"]}, "scope": "conversation"});
    if refused(&ground, &session, &to).await {
        return;
    }
    let pid = session.pid().await;
    let (daemon, path) = (ground.daemon.clone(), session.path("/rewind"));
    let asked = tokio::spawn(async move { daemon.try_request("POST", &path, &to, &[]).await.is_ok() });
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        tokio::task::yield_now().await;
    }
    ground.daemon.kill_and_restart().await;
    let _ = asked.await;
    session.wait_type("rewind.completed").await;
    let told = ask(&ground, &session).await;
    assert!(told.contains("the sky is blue") && !told.contains("the grass is green"), "{told}");
    assert_eq!(said(&session, "").await.len(), 4);
    assert_eq!(session.events_of("rewind.completed").await.len(), 1);
    one_end_each(&session.events().await);
}
