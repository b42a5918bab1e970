//! What a session is created with, as the agent and its model see it.

use serde_json::json;
use tenure_model::Script;
use tenure_test::agents::AgentSetup;

use super::ground::{Ground, Kind, support};

const WORDS: &str = "Always answer in the manner of a lighthouse keeper.";

pub(crate) async fn appended(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session_with(json!({"instructions": {"append": WORDS}})).await;
    assert_eq!(support(&session, "instructions_append").await, Ok(()), "every agent has it");
    session.run(&Script::new().text("Aye.").prompt("Talk.")).await;
    let told = ground.calls().pop().unwrap().body.to_string();
    assert!(told.contains(WORDS), "{told}");
    // Also after its process was another one's turn.
    session.verb("suspend").await;
    session.run(&Script::new().text("Aye, aye.").prompt("Talk on.")).await;
    let told = ground.calls().pop().unwrap().body.to_string();
    assert!(told.contains(WORDS), "{told}");
}

pub(crate) async fn replaced(kind: Kind) {
    let ground = Ground::new(kind).await;
    let plain = ground.session().await;
    let says = support(&plain, "instructions_replace").await;
    if let Err(why) = says {
        let mut request = json!({"agent": kind.name(), "cwd": ground.work, "wait": "live"});
        request["instructions"] = json!({"replace": WORDS});
        let answer = ground.daemon.post("/v1/sessions", &request).await;
        let problem = answer.says(422, "unsupported", &["replace"]);
        assert_eq!(problem["capability"], "instructions_replace", "{problem} {why}");
        assert_eq!(problem["agent"], kind.name());
        return;
    }
    plain.run(&Script::new().text("Yes.").prompt("Talk.")).await;
    let own = system(&ground);
    let session = ground.session_with(json!({"instructions": {"replace": WORDS}})).await;
    session.run(&Script::new().text("Aye.").prompt("Talk.")).await;
    let told = system(&ground);
    assert!(told.contains(WORDS), "{told}");
    // Its own words, of which it has many, are gone.
    assert!(own.len() > 2000 && told.len() < own.len() / 2, "{} of {} bytes: {told}", told.len(), own.len());
}

/// Tenure adds no text of its own, whether it is asked to leave that out or not; its tools are offered as ever.
pub(crate) async fn bare(kind: Kind) {
    let ground = Ground::new(kind).await;
    let tools = support(&ground.session().await, "mcp_stdio").await.is_ok();
    let session =
        ground.session_with(json!({"skip_default_instructions": true, "artifact_tool": tools})).await;
    if kind == Kind::Claude {
        session.wait_for("its server", |event| event.to_string().contains("connected")).await;
    }
    session.run(&Script::new().text("Yes.").prompt("Talk.")).await;
    let told = system(&ground);
    assert!(!told.contains("Tenure"), "{told}");
    let offered = ground.calls().pop().unwrap().body.to_string();
    // Codex has its model search for the tools of servers.
    if !matches!(kind, Kind::Codex | Kind::CodexAcp) {
        assert_eq!(offered.contains("declare_artifact"), tools, "{offered}");
    }
}

/// What the session's `env` says holds over the agent's configuration, and null takes a name away.
pub(crate) async fn environment(kind: Kind) {
    let set =
        |agent: AgentSetup| agent.with_var("KEPT", "kept").with_var("OVER", "own").with_var("GONE", "own");
    let ground = Ground::with(kind, set).await;
    let env = json!({"GIVEN": "given", "OVER": "over", "GONE": null});
    let session = ground.session_with(json!({"env": env, "permissions": {"default": "allow"}})).await;
    let command = "echo $KEPT $GIVEN $OVER ${GONE-gone} > env";
    session.run(&kind.shell_then(command, "Done.").prompt("Look.")).await;
    assert_eq!(ground.file("env").as_deref(), Some("kept given over gone\n"));
}

/// The instructions in the last call of the model, whatever its protocol calls them.
fn system(ground: &Ground) -> String {
    let body = ground.calls().pop().unwrap().body;
    for name in ["system", "instructions"] {
        if !body[name].is_null() {
            return body[name].to_string();
        }
    }
    let messages = if body["messages"].is_array() { &body["messages"] } else { &body["input"] };
    let messages = messages.as_array().unwrap();
    let of_system = |m: &&serde_json::Value| m["role"] == "system" || m["role"] == "developer";
    messages.iter().filter(of_system).map(|m| m["content"].to_string()).collect()
}
