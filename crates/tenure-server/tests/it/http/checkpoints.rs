//! Checkpoints and ways back over the interface, without an agent.

use std::path::Path;

use serde_json::{Value, json};

use super::app::TestApp;

/// A session that is not started, in a directory with a file.
async fn session(app: &TestApp, checkpoints: Value) -> (String, std::path::PathBuf) {
    let work = app.directory("work");
    std::fs::write(Path::new(&work).join("a"), "one\n").expect("written");
    let mut request = json!({"agent": "scripted", "cwd": work, "start": false});
    if !checkpoints.is_null() {
        request["checkpoints"] = checkpoints;
    }
    let made = app.post("/v1/sessions", request).await.is(201).json();
    (format!("/v1/sessions/{}", made["id"].as_str().expect("an id")), work.into())
}

async fn take(app: &TestApp, session: &str, label: &str) -> Value {
    app.post(&format!("{session}/checkpoints"), json!({"label": label})).await.is(201).json()
}

async fn diff(app: &TestApp, session: &str, of: &Value, query: &str) -> Value {
    let path = format!("{session}/checkpoints/{}/diff{query}", of["id"].as_str().expect("an id"));
    // The document knows paths without what is asked of them.
    app.get(&path).await.is(200).json()
}

fn with(request: &Value, flag: &str) -> Value {
    let mut request = request.clone();
    request[flag] = json!(true);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_taken_listed_and_compared() {
    let app = TestApp::new().await;
    let (session, work) = session(&app, Value::Null).await;
    let first = take(&app, &session, "first").await;
    let told = (&first["cause"], &first["label"], &first["files"]);
    assert_eq!(told, (&json!("manual"), &json!("first"), &json!(1)));
    std::fs::write(work.join("a"), "one\ntwo\n").expect("written");
    std::fs::write(work.join("b"), [0, 1]).expect("written");
    let second = take(&app, &session, "second").await;
    let told = (&second["parent"], &second["added"], &second["modified"]);
    assert_eq!(told, (&first["id"], &json!(1), &json!(1)));
    let listed = app.get(&format!("{session}/checkpoints?limit=1")).await.is(200).json();
    assert_eq!(listed["items"][0]["id"], second["id"]);
    let next = listed["next"].as_str().expect("there are more");
    let rest = app.get(&format!("{session}/checkpoints?cursor={next}")).await.is(200).json();
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&first["id"], &Value::Null));

    let shown = diff(&app, &session, &second, "").await;
    assert_eq!(shown["files"][0]["insertions"], 1);
    assert!(shown["files"][0]["diff"].as_str().expect("text").contains("+two"));
    assert_eq!((&shown["files"][1]["binary"], &shown["files"][1]["new_bytes"]), (&json!(true), &json!(2)));
    assert_eq!(diff(&app, &session, &second, "?against=workspace").await["files_total"], 0);
    assert_eq!(diff(&app, &session, &first, "?against=workspace").await["files_total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_turn_did_is_left_unless_forced_and_that_can_be_undone() {
    let app = TestApp::new().await;
    let (session, work) = session(&app, Value::Null).await;
    let first = take(&app, &session, "first").await;
    std::fs::write(work.join("a"), "one\ntwo\n").expect("written");
    std::fs::write(work.join("b"), [0, 1]).expect("written");
    let (rewind, undo) = (format!("{session}/rewind"), format!("{session}/rewind/undo"));
    let to = json!({"to": {"checkpoint": first["id"]}, "scope": "files"});
    let plan = app.post(&rewind, with(&to, "dry_run")).await.is(200).json();
    let told = (&plan["possible"], &plan["files_total"], &plan["conflicts_total"]);
    assert_eq!(told, (&json!(true), &json!(0), &json!(2)));
    assert_eq!(plan["conflicts"][0]["reason"], "not_ours");
    assert_eq!(app.post(&rewind, to.clone()).await.is(200).json()["files_total"], 0);
    assert!(work.join("b").exists());

    let restore = format!("{session}/checkpoints/{}/restore", first["id"].as_str().expect("an id"));
    let done = app.post(&restore, json!({"force": true})).await.is(200).json();
    assert_eq!((&done["files_total"], &done["deletions"]), (&json!(2), &json!(1)));
    assert_eq!(std::fs::read_to_string(work.join("a")).expect("read"), "one\n");
    assert!(!work.join("b").exists());

    assert_eq!(app.post(&undo, json!({"dry_run": true})).await.is(200).json()["files_total"], 2);
    let undone = app.post(&undo, json!({})).await.is(200).json();
    assert_eq!((&undone["files_total"], &undone["conflicts_total"]), (&json!(2), &json!(0)));
    assert_eq!(std::fs::read(work.join("b")).expect("read"), [0, 1]);
    app.post(&undo, json!({})).await.problem(409, "conflict", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_by_name() {
    let app = TestApp::new().await;
    let (session, _) = session(&app, json!({"mode": "off"})).await;
    let checkpoints = format!("{session}/checkpoints");
    let off = app.post(&checkpoints, json!({})).await.problem(409, "conflict", None);
    assert!(off["detail"].as_str().expect("words").contains("off"), "{off}");
    let long = json!({"label": "x".repeat(201)});
    app.post(&checkpoints, long).await.problem(400, "invalid", Some("label"));
    let rewind = format!("{session}/rewind");
    for scope in ["conversation", "both"] {
        let refused = app.post(&rewind, json!({"to": "x", "scope": scope})).await;
        let refused = refused.problem(422, "unsupported", None);
        let named = (&refused["agent"], &refused["capability"]);
        assert_eq!(named, (&json!("scripted"), &json!("rewind")));
    }
    let files = json!({"to": "nothing", "scope": "files"});
    app.post(&rewind, files.clone()).await.problem(404, "not_found", Some("to"));
    app.post(&rewind, with(&files, "hard")).await.problem(400, "invalid", Some("hard"));
    app.post(&format!("{rewind}/undo"), json!({})).await.problem(409, "conflict", None);
    let restore = format!("{checkpoints}/nothing/restore");
    app.post(&restore, json!({})).await.problem(404, "not_found", Some("to"));
    app.get(&format!("{checkpoints}/nothing/diff")).await.problem(404, "not_found", None);
    app.get(&format!("{checkpoints}?cursor=x")).await.problem(400, "invalid", Some("cursor"));
    app.get("/v1/sessions/nothing/checkpoints").await.problem(404, "not_found", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_has_one_effect() {
    let app = TestApp::new().await;
    let (session, work) = session(&app, Value::Null).await;
    let (checkpoints, rewind) = (format!("{session}/checkpoints"), format!("{session}/rewind"));
    let first = app.keyed(&checkpoints, "k1", &json!({})).await.is(201).json();
    std::fs::write(work.join("a"), "other").expect("written");
    assert_eq!(app.keyed(&checkpoints, "k1", &json!({})).await.is(201).json(), first);
    let to = json!({"to": first["id"], "scope": "files", "force": true});
    let done = app.keyed(&rewind, "k2", &to).await.is(200).json();
    std::fs::write(work.join("a"), "later").expect("written");
    assert_eq!(app.keyed(&rewind, "k2", &to).await.is(200).json(), done);
    assert_eq!(std::fs::read_to_string(work.join("a")).expect("read"), "later");
    let listed = app.get(&checkpoints).await.is(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn they_go_with_their_session() {
    let app = TestApp::new().await;
    let (session, work) = session(&app, Value::Null).await;
    take(&app, &session, "first").await;
    let stores = app.node.home().join("checkpoints");
    assert_eq!(std::fs::read_dir(&stores).expect("there").count(), 1);
    app.send("DELETE", &session, None).await.is(200);
    assert_eq!(std::fs::read_dir(&stores).expect("there").count(), 0);
    assert!(work.join("a").exists(), "and nothing else goes");
    app.get(&format!("{session}/checkpoints")).await.problem(410, "destroyed", None);
}
