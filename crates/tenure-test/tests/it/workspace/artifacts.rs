//! Artifacts: named outputs with versions, from clients and by rule.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

async fn put(daemon: &TestDaemon, session: &TestSession, key: &str, kind: &str, body: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{}", daemon.url(), session.path(&format!("/artifacts/{key}")));
    let request =
        client.put(url).bearer_auth(daemon.token()).header("content-type", kind).body(body.to_owned());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

#[tokio::test]
async fn a_client_keeps_versions_of_bytes_and_files() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "start": false})).await;
    assert_eq!(session.get("/artifacts").await["items"], json!([]));
    let (status, first) = put(&daemon, &session, "report", BYTES, "one").await;
    assert_eq!((status, &first["version"], &first["source"]), (201, &json!(1), &json!("client")));
    // The same again is no new one; other bytes are.
    assert_eq!(put(&daemon, &session, "report", BYTES, "one").await, (200, first.clone()));
    std::fs::write(work.join("out.txt"), "two").unwrap();
    let (status, second) = put(&daemon, &session, "report", JSON, "{\"path\": \"out.txt\"}").await;
    assert_eq!((status, &second["version"], &second["path"]), (201, &json!(2), &json!("out.txt")));
    std::fs::write(work.join("out.txt"), "changed after").unwrap();
    for (query, text) in [("", "two"), ("?version=1", "one"), ("?version=2", "two")] {
        assert_eq!(daemon.get(&session.path(&format!("/artifacts/report{query}"))).await.text, text);
    }
    daemon.get(&session.path("/artifacts/report?version=3")).await.problem(404, "not_found");
    daemon.get(&session.path("/artifacts/other")).await.problem(404, "not_found");
    let part = daemon
        .request_with("GET", &session.path("/artifacts/report"), &Value::Null, &[("range", "bytes=1-")])
        .await;
    assert_eq!((part.status, part.text.as_str()), (206, "wo"));
    let listed = session.get("/artifacts").await;
    let (versions, latest) = (&listed["items"][0]["versions"], &listed["items"][0]["version"]);
    assert_eq!((versions.as_array().map(Vec::len), latest), (Some(2), &json!(2)));
    let events = session.events_of("artifact.created").await;
    assert_eq!(events.len(), 2);
    assert_eq!((&events[1]["data"]["key"], &events[1]["data"]["version"]), (&json!("report"), &json!(2)));
    // They are there after a restart, and go on counting.
    daemon.kill_and_restart().await;
    assert_eq!(daemon.get(&session.path("/artifacts/report")).await.text, "two");
    assert_eq!(put(&daemon, &session, "report", BYTES, "three").await.1["version"], 3);
    let kept = daemon.home().join("sessions").join(&session.id).join("artifacts");
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 3);
    daemon.request("DELETE", &session.path("?keep_transcript=true"), &Value::Null).await.ok(200);
    assert!(!kept.exists(), "artifacts go with their session");
    daemon.get(&session.path("/artifacts")).await.problem(410, "destroyed");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    std::fs::write(outside.join("file"), "secret").unwrap();
    symlink(outside.join("file"), work.join("link")).unwrap();
    std::fs::create_dir(work.join("dir")).unwrap();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "start": false})).await;
    for (key, kind, body, status, field) in [
        ("a", JSON, "{\"path\": \"link\"}", 403, "path"),
        ("a", JSON, "{\"path\": \"../x\"}", 403, "path"),
        ("a", JSON, "{\"path\": \"none\"}", 404, "path"),
        ("a", JSON, "{\"path\": \"dir\"}", 400, "path"),
        ("a", JSON, "{\"file\": \"x\"}", 400, "file"),
        ("a", "text/plain", "x", 400, "Content-Type"),
        ("a%20b", BYTES, "x", 400, "key"),
    ] {
        let (was, problem) = put(&daemon, &session, key, kind, body).await;
        assert_eq!((was, &problem["field"]), (status, &json!(field)), "{key} {body}: {problem}");
    }
    assert_eq!(session.get("/artifacts").await["items"], json!([]));
    for (rules, field) in [
        (json!([{"key": "a/b", "path": "x"}]), "artifacts[0].key"),
        (json!([{"key": "a", "path": "x"}, {"key": "a", "path": "y"}]), "artifacts[1].key"),
        (json!([{"key": "a", "path": ""}]), "artifacts[0].path"),
        (json!([{"key": "a"}]), "artifacts[0].path"),
    ] {
        let request = json!({"agent": "scripted", "cwd": work, "start": false, "artifacts": rules});
        let problem = daemon.post("/v1/sessions", &request).await.problem(400, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
}

#[tokio::test]
async fn a_rule_keeps_what_a_turn_made() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    std::fs::write(outside.join("file"), "secret").unwrap();
    symlink(outside.join("file"), work.join("link")).unwrap();
    let rules = json!([{"key": "plan", "path": "docs/plan.md"}, {"key": "out", "path": "link"}]);
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "artifacts": rules})).await;
    session.run("nothing is made").await;
    session.run(&script(&json!([{"fs_write": "docs/plan.md", "text": "first"}]))).await;
    let event = session.wait_type("artifact.created").await;
    assert_eq!((&event["data"]["key"], &event["data"]["source"]), (&json!("plan"), &json!("rule")));
    session.run("nothing changes").await;
    session.run(&script(&json!([{"fs_write": "docs/plan.md", "text": "second"}]))).await;
    session.wait_for("a second version", |e| e["data"]["version"] == 2).await;
    let events = session.events_of("artifact.created").await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(daemon.get(&session.path("/artifacts/plan?version=1")).await.text, "first");
    assert_eq!(daemon.get(&session.path("/artifacts/plan")).await.text, "second");
}
