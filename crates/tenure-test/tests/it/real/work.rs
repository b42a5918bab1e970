//! Files that real agents write: recorded after each tool, taken back and brought forth again; and a look at them without
//! the agent.

use serde_json::{Value, json};
use tenure_test::daemon::TestSession;

use super::ground::{Ground, Kind};

async fn writes(ground: &Ground, session: &TestSession, word: &str) {
    let script = ground.kind.shell_then(&format!("echo {word} > word"), "Written.");
    let result = session.run(&script.prompt(&format!("Write {word}."))).await;
    assert_eq!(result["outcome"], "completed", "{result}");
}

pub(crate) async fn taken_back(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground
        .session_with(json!({"permissions": {"default": "allow"}, "checkpoints": {"mode": "tool"}}))
        .await;
    writes(&ground, &session, "one").await;
    writes(&ground, &session, "two").await;
    let after = |e: &Value| e["type"] == "checkpoint.created" && e["data"]["cause"] == "after";
    let first = session.wait_after(0, "the checkpoint after a turn", after).await;
    let seen = first["seq"].as_u64().unwrap();
    session.wait_after(seen, "the checkpoint after the second", after).await;
    let by_tool = session.events_of("checkpoint.created").await;
    let by_tool: Vec<&Value> = by_tool.iter().filter(|e| e["data"]["cause"] == "tool").collect();
    assert!(by_tool.len() >= 2, "one after each tool that may write: {by_tool:?}");
    let listed = session.get("/checkpoints").await;
    let last = &by_tool[by_tool.len() - 1]["data"]["checkpoint_id"];
    assert!(listed["items"].as_array().unwrap().iter().any(|item| item["id"] == *last), "{listed}");
    let path = format!("/checkpoints/{}/diff", last.as_str().unwrap());
    let diff = session.get(&path).await;
    assert_eq!(diff["files"][0]["path"], "word", "{diff}");
    assert!(diff["files"][0]["diff"].as_str().unwrap().contains("+two"), "{diff}");

    let to = json!({"to": {"checkpoint": first["data"]["checkpoint_id"]}, "scope": "files"});
    let done = session.post("/rewind", &to).await.ok(200);
    assert_eq!((&done["files"][0]["path"], &done["conflicts_total"]), (&json!("word"), &json!(0)), "{done}");
    assert_eq!(ground.file("word").as_deref(), Some("one\n"));
    session.post("/rewind/undo", &json!({})).await.ok(200);
    assert_eq!(ground.file("word").as_deref(), Some("two\n"));

    let shown = session.post("/exec", &json!({"command": ["cat", "word"]})).await.ok(200);
    assert_eq!((&shown["exit_code"], &shown["stdout"]), (&json!(0), &json!("two\n")));
    assert_eq!(session.get("/files/stat?path=word").await["bytes"], 4);
}

/// It works in a worktree, and what it wrote there comes into the branch.
pub(crate) async fn in_a_worktree(kind: Kind) {
    let ground = Ground::new(kind).await;
    let repo = crate::repository::Repository::new(&ground.daemon);
    let worktree = json!({"repo": repo.path(), "branch": "topic"});
    let more = json!({
        "cwd": null, "permissions": {"default": "allow"}, "workspace": {"worktree": worktree},
    });
    let session = ground.session_with(more).await;
    writes(&ground, &session, "work").await;
    assert!(!repo.path().join("word").exists(), "it wrote in its own directory");
    let workspace = session.view().await["workspace"]["id"].as_str().unwrap().to_owned();
    let merge = format!("/v1/workspaces/{workspace}/merge");
    ground.daemon.post(&merge, &json!({"commit": "the word"})).await.ok(200);
    assert_eq!(repo.read("word"), "work\n");
}
