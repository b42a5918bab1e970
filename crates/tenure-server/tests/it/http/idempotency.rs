//! `Idempotency-Key`.

use serde_json::json;

use super::app::TestApp;

#[tokio::test]
async fn a_repeated_create_has_one_effect() {
    let app = TestApp::new().await;
    let body = json!({"agent": "scripted", "cwd": app.directory("work"), "start": false});
    let first = app.keyed("/v1/sessions", "k", &body).await.is(201).json();
    let again = app.keyed("/v1/sessions", "k", &body).await.json();
    assert_eq!(first["id"], again["id"]);
    let mut other = body.clone();
    other["title"] = json!("other");
    app.keyed("/v1/sessions", "k", &other).await.problem(409, "conflict", None);
    let fresh = app.keyed("/v1/sessions", "k2", &body).await.is(201).json();
    assert_ne!(first["id"], fresh["id"]);
    let listed = app.get("/v1/sessions").await.json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn other_posts_keep_their_answer_too() {
    let app = TestApp::new().await;
    let project = json!({"path": app.directory("one")});
    let first = app.keyed("/v1/projects", "k", &project).await.is(201).json();
    assert_eq!(app.keyed("/v1/projects", "k", &project).await.is(201).json(), first);
    let other = json!({"path": app.directory("two")});
    app.keyed("/v1/projects", "k", &other).await.problem(409, "conflict", None);
    let token = json!({"name": "ci", "scope": "read"});
    let first = app.keyed("/v1/tokens", "k", &token).await.is(201).json();
    assert_eq!(app.keyed("/v1/tokens", "k", &token).await.is(200).json(), first);
    app.keyed("/v1/processes/reap", "k", &json!({})).await.is(200);
    app.keyed("/v1/processes/reap", "k", &json!({})).await.is(200);
    app.session("s").await;
    let closed = app.keyed("/v1/sessions/s/close", "k", &json!({})).await.is(200).json();
    assert_eq!(app.keyed("/v1/sessions/s/close", "k", &json!({})).await.is(200).json()["hit"], closed["hit"]);
}

#[tokio::test]
async fn a_key_has_a_form() {
    let app = TestApp::new().await;
    for key in ["", " ", &"x".repeat(256)] {
        let reply = app.keyed("/v1/processes/reap", key, &json!({})).await;
        reply.problem(400, "invalid", Some("Idempotency-Key"));
    }
}
