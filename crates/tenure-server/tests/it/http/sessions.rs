//! Sessions: created once, seen, changed, destroyed.

use serde_json::json;

use super::app::TestApp;
use super::script;

#[tokio::test]
async fn the_same_id_and_body_is_the_same_session() {
    let app = TestApp::new().await;
    let body =
        json!({"id": "s", "agent": "scripted", "cwd": app.directory("work"), "start": false, "title": "T"});
    let made = app.post("/v1/sessions", body.clone()).await.is(201).json();
    assert_eq!((made["id"].as_str(), made["title"].as_str()), (Some("s"), Some("T")));
    assert_eq!(app.post("/v1/sessions", body.clone()).await.is(200).json()["id"], "s");
    let mut other = body.clone();
    other["title"] = json!("U");
    app.post("/v1/sessions", other).await.problem(409, "conflict", None);
}

#[tokio::test]
async fn a_patch_sets_what_it_gives() {
    let app = TestApp::new().await;
    app.session("s").await;
    let patch = json!({"title": "T", "tags": ["a"], "metadata": {"k": 1}, "draft": "later"});
    let seen = app.send("PATCH", "/v1/sessions/s", Some(patch)).await.is(200).json();
    assert_eq!(
        (&seen["title"], &seen["tags"], &seen["draft"]),
        (&json!("T"), &json!(["a"]), &json!("later"))
    );
    let seen = app.send("PATCH", "/v1/sessions/s", Some(json!({"title": null, "archived": true}))).await;
    let seen = seen.is(200).json();
    assert_eq!(
        (&seen["title"], &seen["archived"], &seen["tags"]),
        (&json!(null), &json!(true), &json!(["a"]))
    );
    assert_eq!(app.get("/v1/sessions/s").await.is(200).json()["archived"], true);
}

#[tokio::test]
async fn what_is_destroyed_leaves_a_tombstone() {
    let app = TestApp::new().await;
    app.session("s").await;
    let reply = app.send("DELETE", "/v1/sessions/s", None).await.is(200).json();
    assert_eq!(reply["session"]["lifecycle"], "destroyed");
    assert_eq!(app.get("/v1/sessions/s").await.is(200).json()["lifecycle"], "destroyed");
    for path in ["events", "messages", "inputs", "asks", "capabilities", "events/stream", "process"] {
        app.get(&format!("/v1/sessions/s/{path}")).await.problem(410, "destroyed", None);
    }
    for verb in ["interrupt", "suspend", "resume", "close", "kill"] {
        app.post(&format!("/v1/sessions/s/{verb}"), json!({})).await.problem(410, "destroyed", None);
    }
    app.post("/v1/sessions/s/inputs", json!({"input": "x"})).await.problem(410, "destroyed", None);
    app.send("DELETE", "/v1/sessions/s", None).await.problem(410, "destroyed", None);
}

#[tokio::test]
async fn a_kept_transcript_stays_readable() {
    let app = TestApp::new().await;
    app.session("s").await;
    app.send("DELETE", "/v1/sessions/s?keep_transcript=true", None).await.is(200);
    let events = app.get("/v1/sessions/s/events").await.is(200).json();
    assert_eq!(events["items"][0]["type"], "session.created");
    app.get("/v1/sessions/s/messages").await.is(200);
    app.post("/v1/sessions/s/inputs", json!({"input": "x"})).await.problem(410, "destroyed", None);
}

#[tokio::test]
async fn an_agent_that_cannot_be_started_is_told_to_who_waits() {
    let app = TestApp::new().await;
    let body = json!({"id": "s", "agent": "scripted", "cwd": app.directory("work"), "wait": "live"});
    let problem = app.post("/v1/sessions", body).await.json();
    assert!(problem["status"].as_u64().is_some_and(|status| status >= 400), "{problem}");
    assert_eq!(problem["session_id"], "s", "{problem}");
    app.post("/v1/sessions", json!({"agent": "nobody", "cwd": app.directory("work")})).await.is(400);
}

#[tokio::test]
async fn a_close_of_what_does_not_run_hits_nothing_twice() {
    let app = TestApp::new().await;
    app.session("s").await;
    app.post("/v1/sessions/s/close", json!({})).await.is(200);
    let again = app.post("/v1/sessions/s/close", json!({})).await.is(200).json();
    assert_eq!(again["hit"], json!([]));
    app.post("/v1/sessions/s/inputs", json!({"input": "x"})).await.problem(409, "closed", None);
    script::append(&app, "nobody", vec![(None, script::changed())]).await;
}
