//! Requests that are wrong in form, and what they are told.

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::json;
use tenure_server::http::HttpLimits;

use super::app::TestApp;

#[tokio::test]
async fn unknown_fields_are_refused_by_name() {
    let app = TestApp::new().await;
    app.session("s").await;
    let cwd = app.directory("work");
    let cases = [
        ("POST", "/v1/sessions", json!({"agent": "scripted", "cwd": cwd, "color": 1}), "color"),
        (
            "POST",
            "/v1/sessions",
            json!({"agent": "scripted", "cwd": cwd, "limits": {"turn_second": 1}}),
            "limits.turn_second",
        ),
        (
            "POST",
            "/v1/sessions",
            json!({"agent": "scripted", "cwd": cwd, "input": {"text": "x", "tone": "y"}}),
            "input.tone",
        ),
        ("POST", "/v1/sessions", json!({"cwd": cwd}), "agent"),
        ("POST", "/v1/sessions", json!({"agent": 5, "cwd": cwd}), "agent"),
        ("POST", "/v1/sessions", json!({"agent": "scripted"}), "cwd"),
        ("POST", "/v1/sessions", json!({"agent": "scripted", "cwd": cwd, "id": "a/b"}), "id"),
        ("POST", "/v1/sessions", json!({"agent": "scripted", "cwd": cwd, "input": " "}), "input"),
        (
            "POST",
            "/v1/sessions",
            json!({"agent": "scripted", "cwd": cwd, "start": false, "wait": "live"}),
            "wait",
        ),
        ("PATCH", "/v1/sessions/s", json!({"name": "x"}), "name"),
        ("PATCH", "/v1/sessions/s", json!([null, null]), "body"),
        ("POST", "/v1/sessions/s/inputs", json!({"input": "x", "wate": "finished"}), "wate"),
        (
            "POST",
            "/v1/sessions/s/inputs",
            json!({"input": {"parts": [{"type": "text"}]}}),
            "input.parts[0].text",
        ),
        ("POST", "/v1/sessions/s/inputs", json!({"input": "x", "id": "no spaces"}), "id"),
        ("POST", "/v1/sessions/s/interrupt", json!({"que": "keep"}), "que"),
        ("POST", "/v1/sessions/s/close", json!({"force": true}), "force"),
        ("POST", "/v1/projects", json!({"path": cwd, "name": "x"}), "name"),
        ("POST", "/v1/projects", json!({"path": "/nonexistent/directory"}), "path"),
        ("POST", "/v1/processes/reap", json!({"all": true}), "all"),
        ("GET", "/v1/sessions?colour=red", json!(null), "colour"),
        ("GET", "/v1/sessions?limit=many", json!(null), "limit"),
        ("GET", "/v1/sessions?limit=0", json!(null), "limit"),
        ("GET", "/v1/sessions?cursor=xx", json!(null), "cursor"),
        ("GET", "/v1/sessions?lifecycle=alive", json!(null), "lifecycle"),
        ("GET", "/v1/sessions/s/events?after=-1", json!(null), "after"),
        ("GET", "/v1/sessions/s/events?after=9223372036854775808", json!(null), "after"),
        ("GET", "/v1/sessions/s/raw?after=18446744073709551615", json!(null), "after"),
        ("GET", "/v1/sessions/s/events?format=xml", json!(null), "format"),
        ("GET", "/v1/sessions/s/events/stream?since=1", json!(null), "since"),
        ("GET", "/v1/sessions/s/events/stream?after=x", json!(null), "after"),
        ("GET", "/v1/sessions/s/messages?epoch=x", json!(null), "epoch"),
        ("GET", "/v1/sessions/s/transcript?format=pdf", json!(null), "format"),
        ("GET", "/v1/asks?state=shut", json!(null), "state"),
        ("DELETE", "/v1/sessions/s?keep=true", json!(null), "keep"),
    ];
    for (method, path, body, field) in cases {
        let body = (!body.is_null()).then_some(body);
        let reply = app.send(method, path, body.clone()).await;
        assert_eq!(reply.status, 400, "{method} {path} {body:?}: {}", String::from_utf8_lossy(&reply.body));
        reply.problem(400, "invalid", Some(field));
    }
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let app = TestApp::new().await;
    let deep = "[".repeat(100_000);
    for body in ["{", "{} x", "\u{0}", "[1,2]", deep.as_str(), "{\"agent\": \"a\", \"agent\": \"b\"}"] {
        let request =
            app.request("POST", "/v1/sessions").body(Body::from(body.to_owned())).expect("a request");
        let problem = app.checked(request).await.is(400).json();
        assert_eq!(problem["code"], "invalid", "{problem}");
    }
    let request =
        app.request("POST", "/v1/sessions").body(Body::from(vec![b'"', 0xff, b'"'])).expect("a request");
    app.checked(request).await.problem(400, "invalid", Some("body"));
}

#[tokio::test]
async fn unknown_paths_methods_and_ids() {
    let app = TestApp::new().await;
    app.get("/v1/nothing").await.problem(404, "not_found", None);
    app.get("/").await.problem(404, "not_found", None);
    let reply = app.send("PUT", "/v1/sessions", None).await;
    assert!(reply.header("allow").is_some_and(|allow| allow.contains("GET") && allow.contains("POST")));
    reply.problem(405, "invalid", None);
    for id in ["nothing", "a%20b", "%FF", "..", "%2e%2e", &"x".repeat(65)] {
        for path in [
            "",
            "/events",
            "/messages",
            "/inputs",
            "/asks",
            "/transcript",
            "/raw",
            "/process",
            "/capabilities",
        ] {
            app.get(&format!("/v1/sessions/{id}{path}")).await.problem(404, "not_found", None);
        }
        for verb in ["interrupt", "suspend", "resume", "close", "kill"] {
            app.post(&format!("/v1/sessions/{id}/{verb}"), json!({})).await.problem(404, "not_found", None);
        }
        app.send("DELETE", &format!("/v1/sessions/{id}"), None).await.problem(404, "not_found", None);
        app.post(&format!("/v1/asks/{id}"), json!({"decision": "allow"})).await.problem(
            404,
            "not_found",
            None,
        );
        app.get(&format!("/v1/workspaces/{id}")).await.problem(404, "not_found", None);
    }
}

#[tokio::test]
async fn bodies_have_a_largest_size() {
    let limits = HttpLimits { input_bytes: 4096, body_bytes: 1024, ..HttpLimits::default() };
    let app = TestApp::with("", limits).await;
    app.session("s").await;
    let words = |bytes: usize| json!({"title": "x".repeat(bytes)});
    app.send("PATCH", "/v1/sessions/s", Some(words(900))).await.is(200);
    app.send("PATCH", "/v1/sessions/s", Some(words(1024))).await.problem(413, "too_large", None);
    let input = json!({"input": "x".repeat(4096)});
    app.post("/v1/sessions/s/inputs", input.clone()).await.problem(413, "too_large", None);
    // Also when it is not told beforehand how much comes.
    let pieces = futures_util::stream::iter(input.to_string().into_bytes())
        .map(|byte| Ok::<_, std::io::Error>(vec![byte]));
    let request =
        app.request("POST", "/v1/sessions/s/inputs").body(Body::from_stream(pieces)).expect("a request");
    app.checked(request).await.problem(413, "too_large", None);
}
