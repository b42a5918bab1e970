//! A conversation goes on in another process.

use serde_json::json;
use tenure_model::Script;
use tenure_test::daemon::TestSession;

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

pub(crate) async fn suspended(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    first(&session).await;
    let pid = session.pid().await;
    let reply = session.verb("suspend").await;
    assert_eq!(reply["hit"], json!([format!("process:{pid}")]));
    assert_eq!(reply["session"]["lifecycle"], "suspended");
    assert_eq!(reply["session"]["suspended_by"], "request");
    assert!(!alive(pid), "{pid} is still there");
    second(&ground, &session).await;
    assert_ne!(session.pid().await, pid);
    one_end_each(&session.events().await);
}

pub(crate) async fn closed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    first(&session).await;
    let pid = session.pid().await;
    session.verb("close").await;
    assert!(!alive(pid), "{pid} is still there");
    session.post("/inputs", &json!({"input": "hello"})).await.says(409, "closed", &["resume"]);
    session.verb("resume").await;
    second(&ground, &session).await;
    one_end_each(&session.events().await);
}

async fn first(session: &TestSession) {
    let result = session.run(&Script::new().text("It is blue.").prompt("Remember: the sky is blue.")).await;
    assert_eq!(result["outcome"], "completed", "{result}");
}

/// The model is told what was said before, and nothing of it is in the log twice.
async fn second(ground: &Ground, session: &TestSession) {
    let result = session.run(&Script::new().text("Blue, as you said.").prompt("Which colour?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Blue, as you said.")));
    let calls = ground.calls();
    let told = calls.last().unwrap().user_texts().join("\n");
    assert!(told.contains("Remember: the sky is blue."), "{told}");
    let said = session.get("/messages").await;
    let said: Vec<&str> =
        said["items"].as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!((said[1], said[3]), ("It is blue.", "Blue, as you said."));
}

fn alive(pid: i64) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}
