//! What destroying a session removes, and what it never removes.

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

#[tokio::test]
async fn a_directory_of_the_users_stays() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    std::fs::write(work.join("precious"), "keep me").unwrap();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
    session.run("hello").await;
    let pid = session.pid().await;
    let own = daemon.home().join("sessions").join(&session.id);
    assert!(own.exists());
    let reply = daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    let hit = reply["hit"].as_array().unwrap();
    assert!(hit.contains(&json!(format!("process:{pid}"))), "{reply}");
    assert!(hit.contains(&json!(format!("session:{}", session.id))), "{reply}");
    assert_eq!(std::fs::read_to_string(work.join("precious")).unwrap(), "keep me");
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(!own.exists(), "its own files are gone");
    // A tombstone is left, and everything else says so.
    let view = session.view().await;
    assert_eq!(view["lifecycle"], "destroyed");
    session.post("/inputs", &json!({"input": "hello"})).await.problem(410, "destroyed");
    session.post("/resume", &json!({})).await.problem(410, "destroyed");
    daemon.get(&session.path("/messages")).await.problem(410, "destroyed");
    daemon.request("DELETE", &session.path(""), &Value::Null).await.problem(410, "destroyed");
    daemon.kill_and_restart().await;
    assert_eq!(session.view().await["lifecycle"], "destroyed");
}

#[tokio::test]
async fn a_transcript_is_kept_where_that_is_asked() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    session.run("hello").await;
    let path = session.path("?keep_transcript=true");
    daemon.request("DELETE", &path, &Value::Null).await.ok(200);
    let said = session.get("/messages").await;
    assert_eq!(said["items"][1]["text"], "You said: hello");
    session.post("/inputs", &json!({"input": "hello"})).await.problem(410, "destroyed");
}

#[tokio::test]
async fn a_scratch_directory_goes_with_its_last_session() {
    let daemon = TestDaemon::start().await;
    let request = json!({"agent": "scripted", "workspace": {"scratch": true}, "wait": "live"});
    let first = daemon.create(&request).await;
    let workspace = first.view().await["workspace"].clone();
    assert_eq!(workspace["kind"], "scratch");
    let path = std::path::PathBuf::from(workspace["path"].as_str().unwrap());
    assert!(path.is_dir() && path.starts_with(daemon.home()));
    let second = daemon.create(&json!({"agent": "scripted", "workspace": workspace["id"]})).await;
    daemon.request("DELETE", &first.path(""), &Value::Null).await.ok(200);
    assert!(path.is_dir(), "the second session works in it");
    daemon.request("DELETE", &second.path(""), &Value::Null).await.ok(200);
    assert!(!path.exists(), "nobody works in it any more");
}

#[tokio::test]
async fn a_scratch_directory_is_there_for_whoever_begins_in_it_or_it_is_gone() {
    let daemon = TestDaemon::start().await;
    for _ in 0..8 {
        let request = json!({"agent": "scripted", "workspace": {"scratch": true}, "start": false});
        let first = daemon.create(&request).await;
        let workspace = first.view().await["workspace"].clone();
        let path = std::path::PathBuf::from(workspace["path"].as_str().unwrap());
        let (way, join) =
            (first.path(""), json!({"agent": "scripted", "workspace": workspace["id"], "start": false}));
        let (destroyed, joined) =
            tokio::join!(daemon.request("DELETE", &way, &Value::Null), daemon.post("/v1/sessions", &join));
        destroyed.ok(200);
        if joined.status == 201 {
            assert!(path.is_dir(), "a session works in it");
        } else {
            assert_eq!(joined.problem(404, "not_found")["field"], "workspace");
            assert!(!path.exists());
        }
    }
}

#[tokio::test]
async fn a_kill_leaves_no_scratch_directory_behind_and_takes_none_away() {
    let daemon = TestDaemon::start().await;
    let request = json!({"agent": "scripted", "workspace": {"scratch": true}, "start": false});
    let (kept, gone) = (daemon.create(&request).await, daemon.create(&request).await);
    let path = async |session: &tenure_test::daemon::TestSession| {
        std::path::PathBuf::from(session.view().await["workspace"]["path"].as_str().unwrap())
    };
    let (kept_at, gone_at) = (path(&kept).await, path(&gone).await);
    for dir in [&kept_at, &gone_at] {
        std::fs::create_dir(dir.join("deep")).unwrap();
        std::fs::write(dir.join("deep/file"), "x").unwrap();
    }
    daemon.request("DELETE", &gone.path(""), &Value::Null).await.ok(200);
    let copied_at = a_copy_that_is_not_wanted_any_more(&daemon).await;
    // As if the daemon had died before, and in the middle of, taking it away.
    std::fs::create_dir_all(gone_at.join("deep")).unwrap();
    std::fs::create_dir_all(copied_at.join("deep")).unwrap();
    std::fs::create_dir_all(daemon.home().join("trash").join("left/deep")).unwrap();
    daemon.kill_and_restart().await;
    let clean = async {
        while gone_at.exists() || copied_at.exists() || daemon.home().join("trash/left").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(tenure_test::daemon::PATIENCE, clean).await.expect("what is left is taken away");
    assert!(kept_at.join("deep/file").exists(), "a session has it");
}

/// Where a fork worked that had a copy of its parent's files, and is destroyed.
async fn a_copy_that_is_not_wanted_any_more(daemon: &TestDaemon) -> std::path::PathBuf {
    let work = daemon.workdir();
    std::fs::write(work.join("file"), "x").unwrap();
    let env = json!({"TENURE_SCRIPTED_FORKS": "1"});
    let parent = daemon.create(&json!({"agent": "scripted", "cwd": work, "env": env, "wait": "live"})).await;
    parent.run("hello").await;
    let fork = json!({"id": "child", "files": "copy", "start": false});
    let child = daemon.post(&parent.path("/fork"), &fork).await.ok(201);
    assert_eq!(child["workspace"]["kind"], "copy");
    let copied_at = std::path::PathBuf::from(child["cwd"].as_str().unwrap());
    assert_eq!(std::fs::read_to_string(copied_at.join("file")).unwrap(), "x");
    let listed = daemon.get("/v1/workspaces?kind=copy").await.ok(200);
    assert_eq!(listed["items"][0]["path"], child["cwd"], "{listed}");
    daemon.request("DELETE", "/v1/sessions/child", &Value::Null).await.ok(200);
    assert!(!copied_at.exists());
    copied_at
}
