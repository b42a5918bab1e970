//! What can be changed while a real agent runs, or is refused by name.

use serde_json::{Value, json};
use tenure_model::{RecordedRequest, Script};
use tenure_test::daemon::{PATIENCE, TestSession};

use super::ground::{Ground, Kind, refused, support};
use super::turns::one_end_each;

/// What there is to choose from; efforts are those of the model in use.
async fn offered(session: &TestSession, list: &str) -> Vec<String> {
    let capabilities = session.get("/capabilities").await;
    if list == "efforts" {
        let models = capabilities["models"].as_array().unwrap();
        let with_efforts = models.iter().find(|model| !model["efforts"].as_array().unwrap().is_empty());
        let efforts = with_efforts.unwrap()["efforts"].as_array().unwrap();
        return efforts.iter().map(|effort| effort.as_str().unwrap().to_owned()).collect();
    }
    let all = capabilities[list].as_array().unwrap();
    all.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

/// Sets each value that the agent offers until one differs from what is in force.
async fn changed(ground: &Ground, session: &TestSession, field: &str, list: &str) {
    let path = session.path("/config");
    if let Err(why) = support(session, &format!("set_{field}")).await {
        let answer = ground.daemon.request("PATCH", &path, &json!({field: "any"})).await;
        refused(ground.kind, answer, &format!("set_{field}"), &why);
        return;
    }
    let offered = offered(session, list).await;
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

pub(crate) async fn effort(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    changed(&ground, &session, "effort", "efforts").await;
}

/// A command of the agent's own, by its name.
pub(crate) async fn commanded(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("Here.").prompt("There?")).await;
    let path = |name: &str| format!("/commands/{name}");
    if let Err(why) = support(&session, "commands").await {
        refused(kind, session.post(&path("any"), &json!({})).await, "commands", &why);
        return;
    }
    session.post(&path("no-such-command"), &json!({})).await.problem(404, "not_found");
    match kind {
        Kind::Claude | Kind::ClaudeAcp => {
            let result = session.post(&path("context"), &json!({"wait": "finished"})).await.ok(200);
            assert!(result["text"].as_str().unwrap().contains("Context"), "{result}");
            assert_eq!(ground.calls().len(), 1, "it needs no model");
        }
        Kind::CodexAcp => {
            let result = session.post(&path("status"), &json!({"wait": "finished"})).await.ok(200);
            assert_eq!(result["outcome"], "completed", "{result}");
            assert!(!result["text"].as_str().unwrap().is_empty(), "{result}");
        }
        Kind::Pi => {
            session.post(&path("quiz"), &json!({"args": "now"})).await.ok(202);
            assert_eq!(session.ask().await["title"], "Which colour?");
            session.verb("interrupt").await;
        }
        _ => {
            // A prompt of the agent's with what was given.
            let args = Script::new().text("Begun.").prompt("all of it");
            let result =
                session.post(&path("init"), &json!({"args": args, "wait": "finished"})).await.ok(200);
            assert_eq!(result["text"], "Begun.", "{result}");
        }
    }
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
    let last = ground.calls().last().unwrap().body.to_string();
    assert!(!last.contains("zanzibar"), "the model was told what was cleared: {last}");
    one_end_each(&session.events().await);
}

pub(crate) async fn compacted(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("I see.").prompt("A long story.")).await;
    match support(&session, "compact").await {
        Err(why) => {
            refused(kind, session.post("/compact", &json!({})).await, "compact", &why);
        }
        Ok(()) => {
            let reply = session.post("/compact", &json!({})).await.ok(200);
            let by_turn = support(&session, "compact_command").await.is_ok();
            assert_eq!(reply["hit"][0].as_str().unwrap().starts_with("input:"), by_turn, "{reply}");
            session.run(&Script::new().text("Still here.").prompt("Go on.")).await;
        }
    }
    one_end_each(&session.events().await);
}

/// Words on what the summary is to keep come to the model that sums up, or are refused by name and nothing is summed up.
pub(crate) async fn compacted_with_words(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("I see.").prompt("A long story.")).await;
    let answer = session.post("/compact", &json!({"instructions": "Keep the word zanzibar."})).await;
    match (support(&session, "compact").await, support(&session, "compact_instructions").await) {
        (Err(why), Err(_)) => refused(kind, answer, "compact", &why),
        (Ok(()), Err(why)) => {
            refused(kind, answer, "compact_instructions", &why);
            assert!(session.events_of("compaction.started").await.is_empty());
        }
        (compacts, Ok(())) => {
            compacts.unwrap();
            answer.ok(200);
            let told =
                |request: &RecordedRequest| request.body.to_string().contains("Keep the word zanzibar.");
            ground.model.request_seen(PATIENCE, told).await.unwrap();
        }
    }
    session.run(&Script::new().text("Still here.").prompt("Go on.")).await;
    one_end_each(&session.events().await);
}

/// The daemon is killed when the agent has begun with it: the same process does it once, and goes on.
pub(crate) async fn compacted_over_a_kill(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.run(&Script::new().text("I see.").prompt("A long story.")).await;
    if support(&session, "compact").await.is_err() {
        return compacted(kind).await;
    }
    let pid = session.pid().await;
    let before = session.view().await["last_seq"].as_u64().unwrap();
    let (daemon, path) = (ground.daemon.clone(), session.path("/compact"));
    let asked = tokio::spawn(async move { daemon.try_request("POST", &path, &json!({}), &[]).await.is_ok() });
    let begun = |event: &Value| event["type"] == "compaction.started" || event["type"] == "turn.started";
    let ends = match session.wait_after(before, "the compaction", begun).await["type"].as_str().unwrap() {
        "turn.started" => "turn.completed",
        _ => "compaction.completed",
    };
    ground.daemon.kill_and_restart().await;
    let _ = asked.await;
    session.wait_after(before, "its end", |event| event["type"] == ends).await;
    session.run(&Script::new().text("Still here.").prompt("Go on.")).await;
    assert_eq!(session.pid().await, pid);
    let (started, completed) =
        (session.events_of("compaction.started").await, session.events_of("compaction.completed").await);
    assert!(started.len() <= 1 && started.len() <= completed.len(), "{started:?} {completed:?}");
    assert!(completed.len() <= 1, "it is told once: {completed:?}");
    one_end_each(&session.events().await);
}
