//! Turns: a text, a queue, interrupts.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::agents::FAKE_KEY;
use tenure_test::daemon::{Halt, PATIENCE, TestSession};

use super::ground::{Ground, Kind, refused, support};

pub(crate) async fn says(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let result = session.run(&Script::new().text("Hello from the script.").prompt("Say hello.")).await;
    assert_eq!(
        (&result["outcome"], &result["text"]),
        (&json!("completed"), &json!("Hello from the script."))
    );
    let view = session.view().await;
    assert_eq!(view["activity"]["state"], "idle", "{view}");
    assert!(view["native_id"].is_string(), "{view}");
    if !matches!(kind, Kind::Goose | Kind::Pi) {
        // These do not say what they are.
        assert!(view["agent_info"]["version"].is_string(), "{view}");
    }
    let said = session.get("/messages").await;
    let said: Vec<(&Value, &Value)> =
        said["items"].as_array().unwrap().iter().map(|m| (&m["role"], &m["text"])).collect();
    assert_eq!(said[0].0, "user");
    assert_eq!(said[1..], [(&json!("assistant"), &json!("Hello from the script."))]);
    one_end_each(&session.events().await);
}

pub(crate) async fn queues(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&Script::new().gate("first", "One. One.").prompt("First.")).await;
    ground.model.gate_reached("first", PATIENCE).await.unwrap();
    let second = session.send(&Script::new().text("Two.").prompt("Second.")).await;
    let third = session.send(&Script::new().text("Three.").prompt("Third.")).await;
    assert_eq!((&second["position"], &third["position"]), (&json!(0), &json!(1)));
    ground.model.open_gate("first");
    session.turn_end(3).await;
    let events = session.events().await;
    let said: Vec<String> = events
        .iter()
        .filter(|e| e["type"] == "message.completed" && e["data"]["role"] == "assistant")
        .map(|e| e["data"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(said, ["One. One.", "Two.", "Three."]);
    let first = events.iter().position(|e| e["type"] == "turn.started").unwrap();
    let last = events.iter().rposition(|e| e["type"] == "turn.completed").unwrap();
    let states: Vec<&str> =
        events[first..last].iter().filter_map(|e| e["data"]["activity"]["state"].as_str()).collect();
    assert!(states.contains(&"queued"), "{states:?}");
    assert!(!states.contains(&"idle"), "never idle while inputs wait: {states:?}");
    one_end_each(&events);
}

pub(crate) async fn interrupted_in_a_stream(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&Script::new().gate("half", "First half. Second half.").prompt("Talk.")).await;
    ground.model.gate_reached("half", PATIENCE).await.unwrap();
    // Goose hears a cancel only when the model says more.
    let wait = if kind == Kind::Goose { "accepted" } else { "done" };
    let reply = session.post("/interrupt", &json!({"wait": wait})).await;
    let reply = reply.ok(if kind == Kind::Goose { 202 } else { 200 });
    ground.model.open_gate("half");
    let end = session.turn_end(1).await;
    assert_eq!(reply["hit"], json!([format!("turn:{}", end["turn_id"].as_str().unwrap())]));
    assert_eq!(end["data"]["outcome"], "interrupted");
    // The process is the same, and takes the next input.
    let pid = session.pid().await;
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Still here.")));
    assert_eq!(session.pid().await, pid);
    one_end_each(&session.events().await);
}

pub(crate) async fn interrupted_in_a_tool(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    session.send(&kind.shell_then(Halt::COMMAND, "Never said.").prompt("Wait.")).await;
    halt.began().await;
    session.verb("interrupt").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "interrupted");
    let tools = session.events_of("tool.completed").await;
    assert_eq!(tools.len(), 1, "{tools:?}");
    // OpenCode says of a command that was cut off that it is complete.
    let states: &[&str] = if kind == Kind::OpenCode { &["completed"] } else { &["cancelled", "failed"] };
    assert!(states.contains(&tools[0]["data"]["state"].as_str().unwrap()), "{tools:?}");
    assert_eq!(halt.made(), None);
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Still here.")));
    one_end_each(&session.events().await);
}

pub(crate) async fn steered(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    session.send(&kind.shell_then(Halt::COMMAND, "Done.").prompt("Wait.")).await;
    halt.began().await;
    let steer = json!({"input": "Be quick.", "delivery": "steer"});
    let answer = session.post("/inputs", &steer).await;
    let says = support(&session, "steer").await;
    if let Err(why) = says {
        refused(kind, answer, "steer", &why);
        halt.go("on").await;
        session.turn_end(1).await;
    } else {
        let receipt = answer.ok(202);
        assert_eq!(receipt["delivery"], "steer");
        heard(&session, kind).await;
        halt.go("on").await;
        let end = session.turn_end(1).await;
        let taken = session.events_of("input.started").await;
        assert_eq!(taken[1]["data"]["input_id"], receipt["input_id"]);
        assert_eq!((&taken[1]["data"]["how"], &taken[1]["turn_id"]), (&json!("steered"), &end["turn_id"]));
        let told =
            ground.model.requests().iter().any(|request| request.body.to_string().contains("Be quick."));
        assert!(told, "the model was not told of it");
    }
    one_end_each(&session.events().await);
}

/// Waits until the agent has said that it has the steered input: no event tells that.
async fn heard(session: &TestSession, kind: Kind) {
    // Claude Code tells it of the prompt too.
    let wanted = if kind == Kind::Claude { 2 } else { 1 };
    let looking = async {
        loop {
            let raw = session.get("/raw").await;
            let lines = raw["items"].as_array().unwrap().iter().filter_map(|item| item["line"].as_str());
            let parsed = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let queued = |line: &Value| match kind {
                Kind::Codex => line["result"]["turnId"].is_string(),
                Kind::CodexAcp => line["result"]["outcome"] == "injected",
                Kind::Pi => line["type"] == "response" && line["command"] == "steer",
                _ => line["type"] == "command_lifecycle" && line["state"] == "queued",
            };
            if parsed.filter(queued).count() == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap();
}

/// Neither the agent's key nor a value of the session's own environment is in any file of the store.
pub(crate) async fn secret(kind: Kind) {
    let ground = Ground::new(kind).await;
    let canary = format!("canary-{}", uuid::Uuid::new_v4().simple());
    let env = json!({"env": {"CANARY": canary}, "permissions": {"default": "allow"}});
    let session = ground.session_with(env).await;
    // The tool says whether it has the value without saying it.
    let (tool, input) = kind.shell("echo $CANARY | wc -c > size");
    let result = session.run(&Script::new().tool(tool, input).text("Done.").prompt("Look.")).await;
    assert_eq!(result["outcome"], "completed", "{result}");
    assert_eq!(ground.file("size").unwrap().trim(), (canary.len() + 1).to_string());
    ground.daemon.stop().await;
    for entry in std::fs::read_dir(ground.daemon.home()).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("tenure.db") {
            let bytes = std::fs::read(entry.path()).unwrap();
            for word in [canary.as_str(), FAKE_KEY] {
                let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{word} is in {}", entry.path().display());
            }
        }
    }
}

/// Every input and every turn has exactly one end, and numbers have no hole.
pub(crate) fn one_end_each(events: &[Value]) {
    let numbers: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let of = |kind: &str| events.iter().filter(|e| e["type"] == kind).map(|e| &e["data"]).collect::<Vec<_>>();
    let (started, ended) = (of("turn.started"), of("turn.completed"));
    let ids = |turns: &[&Value]| turns.iter().map(|t| t["turn_id"].to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&started), ids(&ended));
    for input in of("input.admitted") {
        let id = &input["input_id"];
        let taken =
            ended.iter().filter(|turn| turn["input_ids"].as_array().is_some_and(|i| i.contains(id))).count();
        let cancelled = of("input.cancelled").iter().filter(|c| c["input_id"] == *id).count();
        assert_eq!(taken + cancelled, 1, "input {id}");
    }
    for ask in of("ask.opened") {
        let id = &ask["id"];
        let ends = ["ask.resolved", "ask.expired", "ask.withdrawn"].map(of).into_iter().flatten();
        assert_eq!(ends.filter(|end| end["ask_id"] == *id).count(), 1, "ask {id}");
    }
}
