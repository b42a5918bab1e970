//! Forks: what was said is shared, and then each goes its own way.

use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{PATIENCE, TestSession};

use crate::repository::Repository;

use super::ground::{Ground, Kind, support};
use super::turns::one_end_each;

/// Two turns, each with words of its own.
pub(super) async fn told(ground: &Ground) -> TestSession {
    let session = ground.session().await;
    for (text, prompt) in
        [("It is blue.", "Remember: the sky is blue."), ("It is green.", "And the grass is green.")]
    {
        let result = session.run(&Script::new().text(text).prompt(prompt)).await;
        assert_eq!(result["outcome"], "completed", "{result}");
    }
    session
}

/// A fork whose files are on a branch of their own, of the same repository.
pub(crate) async fn into_a_worktree(kind: Kind) {
    let ground = Ground::new(kind).await;
    let repo = Repository::at(&ground.work);
    repo.write("file", "changed, and not committed\n");
    let before = repo.state();
    let session = ground.trusting().await;
    session.run(&Script::new().text("It is blue.").prompt("Remember: the sky is blue.")).await;
    let request = json!({"files": "worktree"});
    if let Some(lacks) = lacks(&session, "fork_elsewhere").await {
        refuses(&ground, &session, &request, lacks).await;
        return assert_eq!(repo.worktrees(), 1);
    }
    let (child, made) = fork(&ground, &session, request).await;
    assert_eq!(
        (&made["workspace"]["kind"], &made["parent"]["session_id"]),
        (&json!("worktree"), &json!(session.id))
    );
    assert_eq!(made["project"], session.view().await["project"]);
    assert!(heard(&ground).contains("the sky is blue"), "{}", heard(&ground));
    let cwd = PathBuf::from(made["cwd"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(cwd.join("file")).unwrap(), "one\n", "what was committed");
    let result = child.run(&kind.shell_then("echo here > made", "Done.").prompt("Make a file.")).await;
    assert_eq!(result["outcome"], "completed", "{result}");
    assert_eq!(std::fs::read_to_string(cwd.join("made")).unwrap(), "here\n");
    // The other one's files, its branch and its conversation stay as they are.
    assert_eq!((repo.state(), ground.file("made"), repo.worktrees()), (before, None, 2));
    session.run(&Script::new().text("Here too.").prompt("And here?")).await;
    assert!(!heard(&ground).contains("Make a file."), "{}", heard(&ground));
    one_end_each(&child.events().await);
    one_end_each(&session.events().await);
}

/// Forks a session with a first input, and waits for its turn.
async fn fork(ground: &Ground, session: &TestSession, more: Value) -> (TestSession, Value) {
    let input = Script::new().text("As you said.").prompt("Which colours?");
    let mut request = json!({"input": input, "wait": "finished"});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    let made = session.post("/fork", &request).await.ok(201);
    assert_eq!(
        (&made["result"]["outcome"], &made["result"]["text"]),
        (&json!("completed"), &json!("As you said.")),
        "{made}"
    );
    (ground.daemon.session(made["id"].as_str().unwrap()), made)
}

/// What the model was told last.
pub(super) fn heard(ground: &Ground) -> String {
    ground.calls().last().unwrap().user_texts().join("\n")
}

/// The texts of a session's messages.
pub(super) async fn said(session: &TestSession, query: &str) -> Vec<String> {
    let messages = session.get(&format!("/messages{query}")).await;
    let texts = messages["items"].as_array().unwrap().iter();
    texts.map(|m| m["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn end(turn: &Value) -> Value {
    turn["seq"].clone()
}

/// An agent that cannot says so, by name.
async fn refuses(ground: &Ground, session: &TestSession, request: &Value, capability: &str) {
    let problem = session.post("/fork", request).await.problem(422, "unsupported");
    assert_eq!(
        (&problem["agent"], &problem["capability"]),
        (&json!(ground.kind.name()), &json!(capability)),
        "{problem}"
    );
    assert!(session.events_of("session.forked").await.is_empty());
    let all = ground.daemon.get("/v1/sessions").await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

/// What the session's agent says that it lacks of a kind of fork, if anything.
async fn lacks(session: &TestSession, wanted: &'static str) -> Option<&'static str> {
    for verb in ["fork", wanted] {
        if support(session, verb).await.is_err() {
            return Some(verb);
        }
    }
    None
}

pub(crate) async fn at_the_head(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    if let Some(lacks) = lacks(&session, "fork").await {
        return refuses(&ground, &session, &json!({}), lacks).await;
    }
    let before = session.view().await;
    let (child, made) = fork(&ground, &session, json!({"id": "child", "title": "Another way"})).await;
    assert_eq!(made["parent"], json!({"session_id": session.id, "seq": end(&session.turn_end(2).await)}));
    assert_eq!((&made["title"], &made["cwd"]), (&json!("Another way"), &before["cwd"]));
    assert_eq!(made["workspace"], before["workspace"]);
    assert_ne!(made["native_id"], before["native_id"]);
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && told.contains("the grass is green"), "{told}");
    let shown = said(&child, "").await;
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert_eq!(
        (shown[1].as_str(), shown[3].as_str(), shown[5].as_str()),
        ("It is blue.", "It is green.", "As you said.")
    );
    let messages = child.get("/messages").await;
    let origins: Vec<_> = messages["items"].as_array().unwrap().iter().map(|m| m["origin"].clone()).collect();
    assert_eq!(origins[..4], vec![json!("native"); 4], "{messages}");
    assert!(messages["items"][0]["seq"].is_null() && messages["items"][4]["origin"].is_null());
    // The other one goes on, and knows of it, once.
    let result = session.run(&Script::new().text("Here too.").prompt("And here?")).await;
    assert_eq!(result["text"], "Here too.");
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && !told.contains("Which colours?"), "{told}");
    assert_eq!(said(&session, "").await.len(), 6);
    let forked = session.events_of("session.forked").await;
    assert_eq!(forked.len(), 1, "{forked:?}");
    assert_eq!(
        (&forked[0]["data"]["child"], &forked[0]["data"]["seq"]),
        (&json!("child"), &made["parent"]["seq"])
    );
    // It goes on in another process, too.
    child.verb("suspend").await;
    let result = child.run(&Script::new().text("Still.").prompt("Do you remember?")).await;
    assert_eq!(result["text"], "Still.", "{result}");
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && told.contains("Which colours?"), "{told}");
    assert!(!told.contains("And here?"), "{told}");
    assert_eq!(said(&child, "").await.len(), 8);
    one_end_each(&session.events().await);
    one_end_each(&child.events().await);
}

pub(crate) async fn at_a_turn(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    let first = session.turn_end(1).await;
    let at = json!({"turn": first["turn_id"]});
    if let Some(lacks) = lacks(&session, "fork_at").await {
        return refuses(&ground, &session, &json!({"at": at}), lacks).await;
    }
    let (child, made) = fork(&ground, &session, json!({"at": at})).await;
    assert_eq!(made["parent"]["seq"], end(&first));
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && !told.contains("the grass is green"), "{told}");
    let shown = said(&child, "").await;
    assert_eq!(
        (shown.len(), shown[1].as_str(), shown[3].as_str()),
        (4, "It is blue.", "As you said."),
        "{shown:?}"
    );
    // A fork of the fork, at what it was given: named by a message of the first.
    let messages = session.get("/messages").await;
    let at = json!({"message": messages["items"][1]["id"]});
    let (grandchild, _) = fork(&ground, &child, json!({"at": at})).await;
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && told.matches("Which colours?").count() == 1, "{told}");
    assert_eq!(said(&grandchild, "").await.len(), 4);
    // In the middle of a turn there is no cut.
    let at = json!({"at": {"message": messages["items"][0]["id"]}});
    let problem = session.post("/fork", &at).await.says(422, "unsupported", &["in the middle"]);
    assert_eq!(problem["capability"], "fork_at");
}

pub(crate) async fn in_a_turn(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    session.send(&Script::new().gate("half", "First half. Second half.").prompt("Talk for long.")).await;
    ground.model.gate_reached("half", PATIENCE).await.unwrap();
    if let Some(lacks) = lacks(&session, "fork_at").await {
        refuses(&ground, &session, &json!({}), lacks).await;
        return ground.model.open_gate("half");
    }
    let (child, made) = fork(&ground, &session, json!({})).await;
    assert_eq!(made["parent"]["seq"], end(&session.turn_end(2).await));
    let told = heard(&ground);
    assert!(told.contains("the grass is green") && !told.contains("Talk for long."), "{told}");
    assert_eq!(said(&child, "").await.len(), 6);
    // What it was in the middle of goes on.
    assert_eq!(session.view().await["activity"]["state"], "running");
    ground.model.open_gate("half");
    let end = session.turn_end(3).await;
    assert_eq!(end["data"]["outcome"], "completed", "{end}");
    assert_eq!(said(&session, "").await[5], "First half. Second half.");
}

/// The daemon is killed as soon as something of the fork can be seen: asked again, it is one fork.
pub(crate) async fn killed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = told(&ground).await;
    if kind == Kind::Goose {
        return refuses(&ground, &session, &json!({}), "fork").await;
    }
    let apart = kind != Kind::OpenCode;
    let request = if apart { json!({"id": "child", "files": "copy"}) } else { json!({"id": "child"}) };
    let (daemon, path, body) = (ground.daemon.clone(), session.path("/fork"), request.clone());
    let asked = tokio::spawn(async move { daemon.try_request("POST", &path, &body, &[]).await.is_ok() });
    let begun = ground.daemon.home().join("sessions/child");
    while !begun.exists() {
        tokio::task::yield_now().await;
    }
    ground.daemon.kill_and_restart().await;
    let _ = asked.await;
    let again = session.post("/fork", &request).await;
    assert!(matches!(again.status, 200 | 201), "{}", again.text);
    assert_eq!(again.body["cwd"] != session.view().await["cwd"], apart);
    assert_eq!(again.body["workspace"]["kind"] == "copy", apart);
    let child = ground.daemon.session("child");
    let result = child.run(&Script::new().text("As you said.").prompt("Which colours?")).await;
    assert_eq!(result["text"], "As you said.", "{result}");
    let told = heard(&ground);
    assert!(told.contains("the sky is blue") && told.contains("the grass is green"), "{told}");
    assert_eq!(said(&child, "").await.len(), 6);
    session.wait_type("session.forked").await;
    assert_eq!(session.events_of("session.forked").await.len(), 1);
    let made = std::fs::read_dir(ground.daemon.home().join("workspaces")).into_iter().flatten().count();
    assert_eq!(made, usize::from(apart));
}
