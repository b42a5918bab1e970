//! Messages, transcripts and blobs.

use serde_json::{Value, json};
use tenure_event::{Part, PartBody, SessionId};
use tenure_log::EventLog;

use super::app::TestApp;
use super::script;

fn ids(items: &Value) -> Vec<String> {
    items.as_array().expect("items").iter().map(|m| m["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn messages_come_whole_with_their_tools() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..2).await;
    let page = app.get("/v1/sessions/s/messages").await.is(200).json();
    assert_eq!(ids(&page["items"]), ["u1", "a1", "b1"]);
    let tool = &page["items"][1]["parts"][1];
    assert_eq!(
        (&tool["type"], &tool["state"], &tool["output"]),
        (&json!("tool"), &json!("completed"), &json!("a.txt"))
    );
}

#[tokio::test]
async fn pages_of_any_size_show_each_message_once() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..6).await;
    let all = app.get("/v1/sessions/s/messages").await.is(200).json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(15));
    for limit in [1, 2, 4, 7, 15] {
        let (mut seen, mut path) = (Vec::new(), format!("/v1/sessions/s/messages?limit={limit}"));
        loop {
            let page = app.get(&path).await.is(200).json();
            seen.extend(page["items"].as_array().expect("items").clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/sessions/s/messages?limit={limit}&cursor={next}");
        }
        assert_eq!(json!(seen), all["items"], "limit {limit}");
    }
    let part = app.get("/v1/sessions/s/messages?offset=13&limit=1").await.is(200).json();
    assert_eq!(ids(&part["items"]), ["a5"]);
    let none = app.get("/v1/sessions/s/messages?epoch=9").await.is(200).json();
    assert_eq!(none, json!({"items": [], "next": null}));
    let every = app.get("/v1/sessions/s/messages?epoch=all").await.is(200).json();
    assert_eq!(every["items"], all["items"]);
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_session() {
    let app = TestApp::new().await;
    for id in ["s", "t"] {
        app.session(id).await;
        script::turns(&app, id, 1..2).await;
    }
    let next =
        app.get("/v1/sessions/s/messages?limit=1").await.json()["next"].as_str().expect("more").to_owned();
    app.get(&format!("/v1/sessions/s/messages?cursor={next}")).await.is(200);
    app.get(&format!("/v1/sessions/t/messages?cursor={next}")).await.problem(400, "invalid", Some("cursor"));
}

#[tokio::test]
async fn what_stands_in_a_blob_is_given_whole() {
    let app = TestApp::new().await;
    app.session("s").await;
    let whole = "long ".repeat(40_000);
    let id = SessionId::parse("s").expect("an id");
    let blob = app.node.log().put_blob(&id, whole.clone().into()).await.expect("stored");
    let body = PartBody::Text { text: whole[..4096].to_owned() };
    let part = Part { id: "m.0".into(), body, bytes: Some(whole.len() as u64), blob: Some(blob.clone()) };
    let message = script::message("m", tenure_event::Role::Assistant, vec![part]);
    script::append(&app, "s", vec![(Some("t"), message)]).await;
    let messages = app.get("/v1/sessions/s/messages").await.is(200).json();
    assert_eq!(messages["items"][0]["text"].as_str(), Some(whole.as_str()));
    assert_eq!(messages["items"][0]["parts"][0]["blob"], json!(null));
    let transcript = app.get("/v1/sessions/s/transcript?format=markdown").await.is(200);
    assert!(String::from_utf8_lossy(&transcript.body).contains(whole.trim_end()));
    assert_eq!(app.get(&format!("/v1/sessions/s/blobs/{blob}")).await.is(200).body, whole.as_bytes());
    app.session("t").await;
    app.get(&format!("/v1/sessions/t/blobs/{blob}")).await.problem(404, "not_found", None);
    for hash in ["x", "..", "%2e%2e%2ftoken", &"0".repeat(64)] {
        app.get(&format!("/v1/sessions/s/blobs/{hash}")).await.problem(404, "not_found", None);
    }
}

#[tokio::test]
async fn transcripts_in_three_forms() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..60).await;
    let jsonl = String::from_utf8(app.get("/v1/sessions/s/transcript").await.is(200).body).expect("text");
    let rows: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).expect("json")).collect();
    assert_eq!(rows.len(), 59 * 3);
    assert_eq!((&rows[2]["role"], &rows[2]["content"]), (&json!("assistant"), &json!("done 1")));
    assert!(rows.iter().all(|row| row["content"].is_string() && row["message_id"].is_string()));
    let acp =
        String::from_utf8(app.get("/v1/sessions/s/transcript?format=acp").await.is(200).body).expect("text");
    assert_eq!(acp.lines().count(), 59 * 5);
    let markdown = app.get("/v1/sessions/s/transcript?format=markdown").await.is(200);
    let markdown = String::from_utf8(markdown.body).expect("text");
    assert!(markdown.starts_with("# Session s\n") && markdown.ends_with("\ndone 59\n"), "{markdown}");
    assert_eq!(markdown.matches("**ls** (completed)").count(), 59);
}
