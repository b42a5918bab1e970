//! The tool by which an agent keeps a file, called by real agents.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::TestSession;

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

/// What the model calls the tool, by agent.
fn tool(kind: Kind) -> &'static str {
    match kind {
        Kind::Claude | Kind::ClaudeAcp => "mcp__tenure__declare_artifact",
        Kind::Goose => "tenure__declare_artifact",
        Kind::OpenCode => "tenure_declare_artifact",
        Kind::Codex | Kind::CodexAcp => "mcp__tenure::declare_artifact",
        Kind::Pi => panic!("it takes no servers"),
    }
}

pub(crate) async fn declared(kind: Kind) {
    let ground = Ground::new(kind).await;
    std::fs::write(ground.work.join("report.md"), "all is well\n").unwrap();
    let more = json!({"artifact_tool": true, "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    if kind == Kind::Claude {
        // The others have it from the first turn on.
        connected(&session).await;
    }
    let script = Script::new()
        .tool(tool(kind), json!({"key": "report", "path": "report.md"}))
        .tool(tool(kind), json!({"key": "other", "path": "../outside"}))
        .text("Kept.");
    let result = session.run(&script.prompt("Keep it.")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Kept.")), "{result}");
    let listed = session.get("/artifacts").await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    assert_eq!((&items[0]["key"], &items[0]["source"]), (&json!("report"), &json!("tool")), "{listed}");
    let kept = ground.daemon.get(&session.path("/artifacts/report")).await;
    assert_eq!(kept.text, "all is well\n");
    let told = ground.calls().last().unwrap().tool_results().join("\n");
    assert!(told.contains("version 1 of `report`") && told.contains("outside"), "{told}");
    let stored = session.events().await;
    one_end_each(&stored);
    assert!(!stored.iter().any(|event| event.to_string().contains("tns_")), "its token is in no event");
}

/// The tool of a fork keeps files for the fork, not for the session that it was forked from.
pub(crate) async fn forked(kind: Kind) {
    let ground = Ground::new(kind).await;
    std::fs::write(ground.work.join("report.md"), "all is well\n").unwrap();
    let more = json!({"artifact_tool": true, "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    session.run(&Script::new().text("Hello.").prompt("Say hello.")).await;
    let made = session.post("/fork", &json!({"wait": "live"})).await.ok(201);
    let child = ground.daemon.session(made["id"].as_str().unwrap());
    if kind == Kind::Claude {
        connected(&child).await;
    }
    let script = Script::new().tool(tool(kind), json!({"key": "report", "path": "report.md"})).text("Kept.");
    child.run(&script.prompt("Keep it.")).await;
    let keys = |listed: Value| {
        listed["items"].as_array().unwrap().iter().map(|i| i["key"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(child.get("/artifacts").await), [json!("report")]);
    assert_eq!(keys(session.get("/artifacts").await), Vec::<Value>::new());
}

/// Waits for the tool's server.
async fn connected(session: &TestSession) {
    let connected = |event: &Value| {
        let servers = event["data"]["servers"].as_array().cloned().unwrap_or_default();
        servers.iter().any(|server| server["name"] == "tenure" && server["status"] == "connected")
    };
    session.wait_for("its server", |event| event["type"] == "mcp.changed" && connected(event)).await;
}

pub(crate) async fn refused(kind: Kind) {
    let ground = Ground::new(kind).await;
    let request = json!({"agent": kind.name(), "cwd": ground.work, "artifact_tool": true});
    let problem = ground.daemon.post("/v1/sessions", &request).await.problem(422, "unsupported");
    assert_eq!((&problem["field"], &problem["capability"]), (&json!("artifact_tool"), &json!("mcp_stdio")));
}
