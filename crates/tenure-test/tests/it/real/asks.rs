//! Asks that every agent has: a tool call allowed, denied, allowed with another input.

use serde_json::json;

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

const COMMAND: &str = "echo hi > hello.txt";

pub(crate) async fn allowed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&kind.shell_then(COMMAND, "Made it.").prompt("Make a file.")).await;
    let ask = session.ask().await;
    assert_eq!((&ask["kind"], &ask["state"]), (&json!("permission"), &json!("open")));
    let view = session.view().await;
    assert_eq!(view["activity"]["state"], "waiting");
    assert_eq!(view["activity"]["reason"], "permission");
    assert_eq!(view["pending_asks"][0]["id"], ask["id"]);
    assert_eq!(ground.file("hello.txt"), None, "it was run before it was allowed");
    let answered = session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    assert_eq!((&answered["state"], &answered["decision"]), (&json!("resolved"), &json!("allow")));
    // A second answer is told of the first.
    let second = session.answer(&ask, &json!({"decision": "deny"})).await.problem(409, "conflict");
    assert_eq!(second["data"]["decision"], "allow");
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    let tools = session.events_of("tool.completed").await;
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["data"]["state"], "completed");
    one_end_each(&session.events().await);
}

pub(crate) async fn denied(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&kind.shell_then(COMMAND, "Left it.").prompt("Make a file.")).await;
    let ask = session.ask().await;
    let mut answer = json!({"decision": "deny"});
    if kind == Kind::Claude {
        answer["message"] = json!("Use another name.");
    }
    session.answer(&ask, &answer).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(ground.file("hello.txt"), None);
    let tools = session.events_of("tool.completed").await;
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["data"]["state"], "denied");
    if kind == Kind::Claude {
        let results = ground.model.scripted_calls()[1].tool_results();
        assert!(results[0].contains("Use another name."), "{results:?}");
    }
    one_end_each(&session.events().await);
}

pub(crate) async fn edited(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    session.send(&kind.shell_then(COMMAND, "Made it.").prompt("Make a file.")).await;
    let ask = session.ask().await;
    let mut input = ask["input"].clone();
    input["command"] = json!("echo other > other.txt");
    let answer = session.answer(&ask, &json!({"decision": "allow", "updated_input": input})).await;
    if kind == Kind::Claude {
        answer.ok(200);
        session.turn_end(1).await;
        assert_eq!(ground.file("hello.txt"), None);
        assert_eq!(ground.file("other.txt").as_deref(), Some("other\n"));
    } else {
        let problem = answer.says(422, "unsupported", &[kind.name(), "updated_input"]);
        assert_eq!(
            (&problem["capability"], &problem["agent"]),
            (&json!("updated_input"), &json!(kind.name()))
        );
        // The ask is as open as before.
        session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
        session.turn_end(1).await;
        assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    }
}

/// `always` is the agent's own: it asks no more for the like.
pub(crate) async fn always(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session_with(json!({"trust_project": true})).await;
    session.send(&kind.shell_then("touch one.txt", "Made it.").prompt("Make it.")).await;
    let ask = session.ask().await;
    let kinds: Vec<&str> =
        ask["options"].as_array().unwrap().iter().filter_map(|option| option["kind"].as_str()).collect();
    assert!(kinds.contains(&"allow_always"), "{ask}");
    let answered = session.answer(&ask, &json!({"decision": "always"})).await.ok(200);
    assert_eq!((&answered["decision"], &answered["scope"]), (&json!("allow"), &json!("always")));
    session.turn_end(1).await;
    let again = session.run(&kind.shell_then("touch one.txt", "Again.").prompt("Again.")).await;
    assert_eq!((&again["outcome"], &again["text"]), (&json!("completed"), &json!("Again.")));
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    one_end_each(&session.events().await);
}
