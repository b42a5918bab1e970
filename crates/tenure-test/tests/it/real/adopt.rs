//! A conversation that another program began goes on in a session here. The other program is another daemon's agent: ours
//! knows nothing of it but what lies on the disk.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::TestDaemon;

use super::forks::{heard, said, told};
use super::ground::{Ground, Kind};
use super::turns::one_end_each;

/// Everything that is there has been read.
async fn settle(daemon: &TestDaemon) {
    daemon.get("/v1/index?wait_ms=60000").await.ok(200);
}

/// Entries of this conversation in the list of the past.
async fn listed(daemon: &TestDaemon, native_id: &Value) -> Vec<Value> {
    settle(daemon).await;
    let list = daemon.get("/v1/history?limit=1000").await.ok(200);
    let items = list["items"].as_array().unwrap().iter();
    items.filter(|entry| entry["native_id"] == *native_id || entry["session_id"] == "mine").cloned().collect()
}

pub(crate) async fn goes_on(kind: Kind) {
    let ground = Ground::new(kind).await;
    let theirs = told(&ground).await;
    let native_id = theirs.view().await["native_id"].clone();
    let ours = TestDaemon::setup().agent(kind.name(), &ground.agent).start().await;
    let before = listed(&ours, &native_id).await;
    assert_eq!(before.len(), 1, "{before:?}");
    assert!(before[0]["session_id"].is_null(), "{before:?}");
    let path = format!("/v1/history/{}/{}/adopt", kind.name(), native_id.as_str().unwrap());
    let pid = theirs.pid().await;
    if matches!(kind, Kind::Claude | Kind::Codex) {
        let problem = ours.post(&path, &json!({})).await.says(409, "busy", &[&format!("process {pid}")]);
        assert_eq!(problem["data"]["pid"], pid);
    }
    theirs.verb("close").await;

    let input = Script::new().text("As you said.").prompt("Which colours?");
    let request = json!({"id": "mine", "input": input, "wait": "finished", "tags": ["kept"]});
    let made = ours.post(&path, &request).await.ok(201);
    assert_eq!(
        (&made["result"]["outcome"], &made["result"]["text"]),
        (&json!("completed"), &json!("As you said.")),
        "{made}"
    );
    assert_eq!((&made["cwd"], &made["tags"]), (&json!(ground.work), &json!(["kept"])));
    let heard_then = heard(&ground);
    assert!(
        heard_then.contains("the sky is blue") && heard_then.contains("the grass is green"),
        "{heard_then}"
    );
    let session = ours.session("mine");
    let shown = said(&session, "").await;
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert_eq!((shown[1].as_str(), shown[5].as_str()), ("It is blue.", "As you said."));
    let messages = session.get("/messages").await;
    let items = messages["items"].as_array().unwrap();
    assert!(items[..4].iter().all(|m| m["origin"] == "native" && m["seq"].is_null()), "{messages}");
    assert!(items[4]["origin"].is_null(), "{messages}");
    let created = session.view().await["created_at"].clone();
    assert!(items[0]["ts"].as_str() < created.as_str(), "it was said before: {messages}");

    // The same request again is the same session; another one finds it held.
    assert_eq!(ours.post(&path, &request).await.ok(200)["id"], "mine");
    let problem = ours.post(&path, &json!({})).await.problem(409, "conflict");
    assert_eq!(problem["session_id"], "mine");
    let after = listed(&ours, &native_id).await;
    assert_eq!(after.len(), 1, "{after:?}");
    assert_eq!(after[0]["session_id"], "mine");

    // It goes on in another process, and what was said stays said once.
    session.verb("suspend").await;
    let result = session.run(&Script::new().text("Still.").prompt("Do you remember?")).await;
    assert_eq!(result["text"], "Still.", "{result}");
    assert!(heard(&ground).contains("the sky is blue"));
    assert_eq!(said(&session, "").await.len(), 8);
    one_end_each(&session.events().await);
}

/// A create that takes up what was said last in the directory, or a conversation by its id, shows what was said in it, too.
pub(crate) async fn resumed_by_a_create(kind: Kind) {
    let ground = Ground::new(kind).await;
    let theirs = told(&ground).await;
    let native_id = theirs.view().await["native_id"].clone();
    theirs.verb("close").await;
    let ours = TestDaemon::setup().agent(kind.name(), &ground.agent).start().await;
    let input = Script::new().text("As you said.").prompt("Which colours?");
    let request = |resume| {
        let agent = kind.name();
        json!({"agent": agent, "cwd": ground.work, "resume": resume, "input": input, "wait": "finished"})
    };
    let made = ours.post("/v1/sessions", &request(json!({"latest": true}))).await.ok(201);
    assert_eq!((&made["result"]["text"], &made["native_id"]), (&json!("As you said."), &native_id), "{made}");
    assert!(heard(&ground).contains("the sky is blue"), "{}", heard(&ground));
    let session = ours.session(made["id"].as_str().unwrap());
    let shown = said(&session, "").await;
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert_eq!((shown[1].as_str(), shown[5].as_str()), ("It is blue.", "As you said."));
    for resume in [json!({"latest": true}), json!({"native_id": native_id})] {
        let problem = ours.post("/v1/sessions", &request(resume)).await.problem(409, "conflict");
        assert_eq!(problem["session_id"], made["id"]);
    }
}
