//! What an agent tells of itself, and what is counted of its work.

use serde_json::{Value, json};
use tenure_model::Script;

use super::ground::{Ground, Kind};

/// Nothing before the handshake, the same shapes for all after it, and kept while it rests.
pub(crate) async fn introspected(kind: Kind) {
    let ground = Ground::new(kind).await;
    let waiting = ground.session_with(json!({"start": false, "wait": "created"})).await;
    assert_eq!(waiting.get("/capabilities").await, Value::Null);
    assert_eq!(waiting.view().await["agent_info"], Value::Null);
    let session = ground.session().await;
    session.run(&Script::new().text("Here.").prompt("There?")).await;
    let told = session.get("/capabilities").await;
    let info = session.view().await["agent_info"].clone();
    assert!(info["name"].is_string() && info["protocol"].is_string(), "{info}");
    for (list, key) in [("commands", "name"), ("models", "id"), ("modes", "id"), ("agents", "name")] {
        for entry in told[list].as_array().unwrap() {
            assert!(entry[key].as_str().is_some_and(|name| !name.is_empty()), "{list}: {entry}");
        }
    }
    assert!(!told["models"].as_array().unwrap().is_empty(), "{told}");
    assert!(told["models"].as_array().unwrap().iter().all(|model| model["efforts"].is_array()));
    assert!(told["output_styles"].is_array() && told["handshake"].is_object(), "{told}");
    if kind == Kind::Claude {
        assert_eq!(told["account"]["key_source"], "ANTHROPIC_API_KEY");
        assert_eq!(told["output_style"], "default");
        assert!(told["output_styles"].as_array().unwrap().contains(&json!("default")));
        assert!(told["agents"].as_array().unwrap().iter().any(|agent| agent["name"] == "general-purpose"));
    }
    session.verb("suspend").await;
    assert_eq!(session.get("/capabilities").await, told);
    assert_eq!(session.view().await["agent_info"], info);
}

/// A turn of two calls of the model and one tool: tools, tokens, context and cost with its basis.
pub(crate) async fn counted(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    session.run(&kind.shell_then("echo counted", "Done.").prompt("Run it.")).await;
    let metrics = session.get("/metrics").await;
    let counts = ["turns", "tool_calls", "messages", "steps"].map(|name| metrics[name].as_u64().unwrap());
    assert_eq!(counts[..2], [1, 1], "{metrics}");
    // Claude Code and Pi tell a message for each call of the model, the others none for a call that only ran a tool.
    let steps = if matches!(kind, Kind::Claude | Kind::Pi) { 2 } else { 1 };
    assert!(counts[2] >= 2 && counts[3] == steps, "{metrics}");
    let used: u64 = metrics["tool_usage"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(used, 1, "{metrics}");
    let usage = &metrics["usage"];
    assert!(
        usage["input_tokens"].as_u64() > Some(0) && usage["output_tokens"].as_u64() > Some(0),
        "{metrics}"
    );
    // An unknown price is unknown, and not nothing.
    match usage["cost_basis"].as_str().unwrap() {
        "unknown" => assert_eq!(usage["cost_usd"], Value::Null, "{metrics}"),
        "reported" | "estimated" => assert!(usage["cost_usd"].is_number(), "{metrics}"),
        other => panic!("{other}"),
    }
    let context = &metrics["context"];
    assert!(context["used"].as_u64() > Some(0), "{metrics}");
    assert!(context["max"].as_u64() > context["used"].as_u64(), "{metrics}");
}
