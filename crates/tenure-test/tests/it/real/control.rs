//! What can be changed while a real agent runs, or is refused by name.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::TestSession;

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

/// What the agent says of a verb: it can, or why not.
async fn support(session: &TestSession, verb: &str) -> Result<(), String> {
    match &session.view().await["capabilities"]["supports"][verb] {
        Value::Bool(true) => Ok(()),
        Value::String(why) => Err(why.clone()),
        other => panic!("{verb} is not in the table: {other}"),
    }
}

/// Sets each value that the agent offers until one differs from what is in force.
async fn changed(ground: &Ground, session: &TestSession, field: &str, list: &str) {
    let view = session.view().await;
    let offered: Vec<String> = view["capabilities"][list]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect();
    let path = session.path("/config");
    if let Err(why) = support(session, &format!("set_{field}")).await {
        let refused = ground.daemon.request("PATCH", &path, &json!({field: "any"})).await;
        refused.says(422, "unsupported", &[&why]);
        return;
    }
    let before = session.get("/config").await[field].clone();
    let Some(other) = offered.iter().find(|id| json!(id) != before) else {
        panic!("{:?} offers nothing else than {before}: {offered:?}", ground.kind)
    };
    let config = ground.daemon.request("PATCH", &path, &json!({field: other})).await.ok(200);
    assert_eq!(&config[field], &json!(other));
    let told = session
        .wait_for("the change", |e| e["type"] == "config.changed" && e["data"]["by"] == "client")
        .await;
    assert_eq!(told["data"][field], json!(other));
    // The conversation goes on with it.
    session.run(&Script::new().text("Still here.").prompt("Go on.")).await;
    one_end_each(&session.events().await);
}

pub(crate) async fn model(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    changed(&ground, &session, "model", "models").await;
}

pub(crate) async fn mode(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    changed(&ground, &session, "mode", "modes").await;
}

pub(crate) async fn cleared(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("I will keep it.").prompt("The word is zanzibar.")).await;
    let before = session.view().await["native_id"].clone();
    session.post("/clear", &json!({})).await.ok(200);
    session.run(&Script::new().text("I know of none.").prompt("Which word?")).await;
    let after = session.view().await;
    assert!(after["native_id"].is_string() && after["native_id"] != before, "{after}");
    assert_eq!(after["epoch"], 1);
    let last = ground.model.scripted_calls().last().unwrap().body.to_string();
    assert!(!last.contains("zanzibar"), "the model was told what was cleared: {last}");
    one_end_each(&session.events().await);
}

pub(crate) async fn compacted(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("I see.").prompt("A long story.")).await;
    match support(&session, "compact").await {
        Err(why) => {
            session.post("/compact", &json!({})).await.says(422, "unsupported", &[&why]);
        }
        Ok(()) => {
            session.post("/compact", &json!({})).await.ok(200);
            session.run(&Script::new().text("Still here.").prompt("Go on.")).await;
        }
    }
    one_end_each(&session.events().await);
}

pub(crate) async fn counted(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    session.run(&kind.shell_then("echo counted", "Done.").prompt("Run it.")).await;
    let metrics = session.get("/metrics").await;
    assert_eq!((&metrics["turns"], &metrics["tool_calls"]), (&json!(1), &json!(1)), "{metrics}");
    let (tool, _) = kind.shell("");
    assert!(
        metrics["tool_usage"]
            .as_object()
            .unwrap()
            .keys()
            .any(|k| k.to_lowercase().contains(&tool.to_lowercase())),
        "{metrics}"
    );
    assert!(metrics["usage"]["output_tokens"].as_u64() > Some(0), "{metrics}");
}
