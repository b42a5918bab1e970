//! Pages and streams of events, as they come over HTTP.

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tenure_log::{EventLog, PageRequest};
use tenure_server::http::Peer;

use super::app::TestApp;
use super::script;

async fn stored(app: &TestApp, id: &str) -> Vec<(u64, String, String)> {
    let id = tenure_event::SessionId::parse(id).expect("an id");
    let all = PageRequest { after: 0, limit: 1000, max_bytes: usize::MAX, types: Vec::new() };
    let page = app.node.log().read(&id, all).await.expect("read");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    page.events.iter().map(|e| (e.seq.0, e.name.to_string(), text(&e.bytes))).collect()
}

// The first `count` frames of a stream.
async fn frames(
    app: &TestApp,
    path: &str,
    last_id: Option<&str>,
    count: usize,
) -> Vec<(String, String, String)> {
    let mut request = app.request("GET", path);
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let response = app.gate.answer(&Peer::remote(), request.body(Body::empty()).expect("a request")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["tenure-log-generation"], "1");
    let (mut body, mut text) = (response.into_body(), String::new());
    while text.matches("\n\n").count() < count {
        let frame = body.frame().await.expect("goes on").expect("whole");
        text.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
    }
    let field = |frame: &str, name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let frame = |frame: &str| (field(frame, "id: "), field(frame, "event: "), field(frame, "data: "));
    text.split("\n\n").filter(|frame| !frame.is_empty()).map(frame).collect()
}

#[tokio::test]
async fn what_is_stored_is_what_is_sent() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..4).await;
    let stored = stored(&app, "s").await;
    let sent = frames(&app, "/v1/sessions/s/events/stream", None, stored.len()).await;
    let expected: Vec<_> =
        stored.iter().map(|(seq, name, data)| (seq.to_string(), name.clone(), data.clone())).collect();
    assert_eq!(sent, expected);
    let page = app.get("/v1/sessions/s/events?limit=1000").await.is(200);
    let items: Vec<Value> =
        stored.iter().map(|(_, _, data)| serde_json::from_str(data).expect("json")).collect();
    assert_eq!(page.json(), json!({"items": items, "next": null}));
    // The header of a client that reconnects by itself goes before its old address.
    let rest = frames(&app, "/v1/sessions/s/events/stream?after=1", Some("5"), stored.len() - 5).await;
    assert_eq!(rest, expected[5..]);
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..6).await;
    let (mut seen, mut path) =
        (Vec::new(), "/v1/sessions/s/events?limit=7&types=turn.*,message.completed".to_owned());
    loop {
        let page = app.get(&path).await.is(200).json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["seq"].as_u64()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/sessions/s/events?limit=7&types=turn.*,message.completed&after={next}");
    }
    let wanted = |name: &str| name.starts_with("turn.") || name == "message.completed";
    let stored = stored(&app, "s").await;
    let expected: Vec<_> =
        stored.iter().filter(|(_, name, _)| wanted(name)).map(|(seq, _, _)| Some(*seq)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_page_waits_for_an_event() {
    let app = TestApp::new().await;
    app.session("s").await;
    let last = stored(&app, "s").await.len();
    let path = format!("/v1/sessions/s/events?after={last}&wait_ms=60000");
    let (page, _) = tokio::join!(app.get(&path), script::append(&app, "s", vec![(None, script::changed())]));
    assert_eq!(page.is(200).json()["items"][0]["seq"], last as u64 + 1);
}

#[tokio::test]
async fn positions_that_are_void_are_refused() {
    let app = TestApp::new().await;
    app.session("s").await;
    for path in [
        "/v1/sessions/s/events?after=99",
        "/v1/sessions/s/events/stream?after=99",
        "/v1/events/stream?after=99",
    ] {
        app.get(path).await.problem(410, "cursor_expired", None);
    }
    for path in ["/v1/sessions/s/events", "/v1/sessions/s/events/stream", "/v1/events/stream"] {
        let request = app.request("GET", path).header("tenure-log-generation", "7");
        let reply = app.checked(request.body(Body::empty()).expect("a request")).await;
        reply.problem(410, "cursor_expired", None);
    }
    let request = app.request("GET", "/v1/sessions/s/events").header("tenure-log-generation", "1");
    app.checked(request.body(Body::empty()).expect("a request")).await.is(200);
}

#[tokio::test]
async fn streams_over_all_sessions_choose_by_session_tag_and_type() {
    let app = TestApp::new().await;
    app.session("one").await;
    app.session("two").await;
    app.send("PATCH", "/v1/sessions/two", Some(json!({"tags": ["red"]}))).await.is(200);
    script::turns(&app, "one", 1..2).await;
    script::turns(&app, "two", 2..3).await;
    let sessions = |frames: &[(String, String, String)]| -> Vec<String> {
        let id = |data: &str| serde_json::from_str::<Value>(data).expect("json")["session_id"].to_string();
        frames.iter().map(|(_, _, data)| id(data)).collect()
    };
    let all = frames(&app, "/v1/events/stream?types=turn.completed", None, 2).await;
    assert_eq!(sessions(&all), [r#""one""#, r#""two""#]);
    let tagged = frames(&app, "/v1/events/stream?types=turn.completed&tag=red", None, 1).await;
    assert_eq!(sessions(&tagged), [r#""two""#]);
    let one = frames(&app, "/v1/events/stream?types=turn.completed&session=one", None, 1).await;
    assert_eq!(sessions(&one), [r#""one""#]);
    let after = format!("/v1/events/stream?types=turn.completed&after={}", all[0].0);
    assert_eq!(frames(&app, &after, None, 1).await, all[1..]);
}

#[tokio::test]
async fn a_row_of_acp_for_a_program_that_knows_it() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..2).await;
    let page = app.get("/v1/sessions/s/events?format=acp").await.is(200).json();
    let updates: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|row| row["params"]["update"]["sessionUpdate"].as_str().expect("a word").to_owned())
        .collect();
    let expected =
        ["user_message_chunk", "agent_message_chunk", "tool_call", "tool_call_update", "agent_message_chunk"];
    assert_eq!(updates, expected);
    let streamed = frames(&app, "/v1/sessions/s/events/stream?format=acp", None, 5).await;
    let rows: Vec<Value> =
        streamed.iter().map(|(_, _, data)| serde_json::from_str(data).expect("json")).collect();
    assert_eq!(json!(rows), page["items"]);
}

#[tokio::test]
async fn streams_end_when_the_daemon_stops() {
    let app = TestApp::new().await;
    app.session("s").await;
    let request = app.request("GET", "/v1/sessions/s/events/stream").body(Body::empty()).expect("a request");
    let response = app.gate.answer(&Peer::remote(), request).await;
    app.stopping.cancel();
    response.into_body().collect().await.expect("an end");
}
