//! Narrower tokens and what they reach.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tenure_server::http::{Peer, openapi};

use super::app::TestApp;

async fn made(app: &TestApp, name: &str, scope: &str) -> String {
    let reply = app.post("/v1/tokens", json!({"name": name, "scope": scope})).await.is(201).json();
    reply["token"].as_str().expect("a secret").to_owned()
}

async fn status(app: &TestApp, token: &str, method: &str, path: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:7420")
        .header("authorization", format!("Bearer {token}"));
    let reply = app.raw(&Peer::remote(), request.body(Body::empty()).expect("a request")).await;
    (reply.status.as_u16(), reply.json())
}

#[tokio::test]
async fn a_token_reaches_what_its_scope_says_on_every_path() {
    let app = TestApp::new().await;
    const LADDER: [&str; 4] = ["read", "sessions", "workspace", "admin"];
    let mut tokens = Vec::new();
    for scope in LADDER {
        tokens.push(made(&app, scope, scope).await);
    }
    let document: Value = serde_json::from_str(&openapi()).expect("a document");
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Some(needed) = operation["security"][0]["bearer"][0].as_str() else { continue };
            let needed = LADDER.iter().position(|scope| *scope == needed).expect("a scope");
            let path = path.replace("{id}", "nothing").replace("{ask_id}", "nothing");
            let path =
                path.replace("{input_id}", "nothing").replace("{hash}", "x").replace("{name}", "nothing");
            for (at, token) in tokens.iter().enumerate() {
                if method == "get" && path == "/v1/events/stream" && at >= needed {
                    continue; // never ends
                }
                let (status, problem) = status(&app, token, &method.to_uppercase(), &path).await;
                assert_eq!(status == 403, at < needed, "{method} {path} with {}: {status}", LADDER[at]);
                if status == 403 {
                    refused += 1;
                    assert_eq!(
                        (&problem["code"], &problem["data"]["scope"]),
                        (&json!("forbidden"), &json!(LADDER[needed]))
                    );
                }
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn tokens_are_made_listed_and_removed() {
    let app = TestApp::new().await;
    let secret = made(&app, "ci", "read").await;
    let listed = app.get("/v1/tokens").await.is(200);
    assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));
    assert_eq!(listed.json()["items"][0]["name"], "ci");
    app.post("/v1/tokens", json!({"name": "ci", "scope": "admin"})).await.problem(409, "conflict", None);
    app.post("/v1/tokens", json!({"name": "a b", "scope": "admin"})).await.problem(
        400,
        "invalid",
        Some("name"),
    );
    app.post("/v1/tokens", json!({"name": "x", "scope": "root"})).await.problem(
        400,
        "invalid",
        Some("scope"),
    );
    assert_eq!(status(&app, &secret, "GET", "/v1/info").await.0, 200);
    app.send("DELETE", "/v1/tokens/ci", None).await.is(200);
    assert_eq!(status(&app, &secret, "GET", "/v1/info").await.0, 401);
    app.send("DELETE", "/v1/tokens/ci", None).await.problem(404, "not_found", None);
}
