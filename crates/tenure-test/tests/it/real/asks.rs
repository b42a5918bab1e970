//! Asks that every agent has: a tool call allowed, denied, allowed with another input.

use serde_json::{Value, json};
use tenure_model::{RecordedRequest, Script};
use tenure_test::daemon::{PATIENCE, TestSession};

use super::ground::{Ground, Kind, refused, support};
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
    let why = json!({"decision": "deny", "message": "Use another name."});
    let says = support(&session, "deny_message").await;
    match &says {
        Ok(()) => drop(session.answer(&ask, &why).await.ok(200)),
        Err(lacks) => {
            refused(kind, session.answer(&ask, &why).await, "deny_message", lacks);
            session.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
        }
    }
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(ground.file("hello.txt"), None);
    let tools = session.events_of("tool.completed").await;
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["data"]["state"], "denied");
    if says.is_ok() {
        let results = ground.calls()[1].tool_results();
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
    if support(&session, "updated_input").await.is_ok() {
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

/// Who asks a person can be answered by a policy.
pub(crate) async fn by_policy(kind: Kind) {
    let ground = Ground::new(kind).await;
    let denying = json!({"permissions": {"default": "deny"}});
    let says = support(&ground.session().await, "permissions").await;
    if let Err(why) = says {
        let mut request = json!({"agent": kind.name(), "cwd": ground.work});
        request["permissions"] = denying["permissions"].clone();
        refused(kind, ground.daemon.post("/v1/sessions", &request).await, "permissions", &why);
        return;
    }
    let session = ground.session_with(denying).await;
    session.run(&kind.shell_then(COMMAND, "Left it.").prompt("Make a file.")).await;
    assert_eq!(ground.file("hello.txt"), None);
    let resolved = session.wait_type("ask.resolved").await;
    assert_eq!((&resolved["data"]["by"], &resolved["data"]["decision"]), (&json!("policy"), &json!("deny")));
}

/// Rules answer first: one that allows a command, one that denies another also behind a harmless one.
pub(crate) async fn by_rules(kind: Kind) {
    let ground = Ground::new(kind).await;
    if support(&ground.session().await, "permissions").await.is_err() {
        return;
    }
    let rules = json!([
        {"decision": "deny", "input": "touch secret*"},
        {"decision": "allow", "input": "echo hi > hello.*"},
    ]);
    let session = ground.session_with(json!({"permissions": {"rules": rules}})).await;
    session.run(&kind.shell_then(COMMAND, "Made it.").prompt("Make a file.")).await;
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    session.run(&kind.shell_then("true && touch secret.txt", "Left it.").prompt("Make another.")).await;
    assert_eq!(ground.file("secret.txt"), None);
    let resolved = session.events_of("ask.resolved").await;
    let told: Vec<_> = resolved.iter().map(|e| (&e["data"]["by"], &e["data"]["decision"])).collect();
    assert_eq!(told, [(&json!("policy"), &json!("allow")), (&json!("policy"), &json!("deny"))]);
}

/// A question that the agent asks by its own tool or command.
pub(crate) async fn questioned(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let options = ["red", "green"].map(|label| json!({"label": label, "description": label}));
    let mut question =
        json!({"id": "colour", "header": "Colour", "question": "Which colour?", "options": options});
    if support(&session, "questions").await.is_err() {
        // There is nothing to be asked for; what can be asked comes as a form.
        session.run(&Script::new().text("None.").prompt("Ask me.")).await;
        assert_eq!(session.events_of("ask.opened").await.len(), 0);
        return;
    }
    let input = match kind {
        Kind::Claude => {
            question["multiSelect"] = json!(false);
            Script::new()
                .tool("AskUserQuestion", json!({"questions": [question]}))
                .text("Noted.")
                .prompt("Ask.")
        }
        Kind::Codex => Script::new()
            .tool("request_user_input", json!({"questions": [question]}))
            .text("Noted.")
            .prompt("Ask."),
        _ => "/quiz now".to_owned(),
    };
    session.send(&input).await;
    let ask = session.ask().await;
    assert_eq!(
        (&ask["kind"], &ask["questions"][0]["question"]),
        (&json!("question"), &json!("Which colour?"))
    );
    session.answer(&ask, &json!({"decision": "allow", "answers": {"Which colour?": "green"}})).await.ok(200);
}

/// A plan that waits for a person.
pub(crate) async fn planned(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    if support(&session, "plan").await.is_err() {
        assert!(kind != Kind::Claude, "Claude Code asks for the approval of its plans");
        return;
    }
    ground.daemon.request("PATCH", &session.path("/config"), &json!({"mode": "plan"})).await.ok(200);
    let script = Script::new().tool("ExitPlanMode", json!({"plan": "1. Look. 2. Act."})).text("Understood.");
    session.send(&script.prompt("Plan it.")).await;
    let ask = session.ask().await;
    assert_eq!((&ask["kind"], &ask["input"]["plan"]), (&json!("plan"), &json!("1. Look. 2. Act.")), "{ask}");
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    session.turn_end(1).await;
    // The agent has left the mode by itself, and that is told.
    assert_eq!(session.view().await["mode"], "default");
    let left = |e: &Value| e["type"] == "config.changed" && e["data"]["mode"] == "default";
    assert_eq!(session.wait_for("the mode", left).await["data"]["by"], "agent");
}

/// `always` is the agent's own: it asks no more for the like.
pub(crate) async fn always(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session_with(json!({"trust_project": true})).await;
    let write = |text: &str| match kind {
        // For a shell command it offers none.
        Kind::ClaudeAcp => {
            let path = ground.work.join(format!("{text}txt"));
            Script::new().tool("Write", json!({"file_path": path, "content": "x"})).text(text)
        }
        _ => kind.shell_then("touch one.txt", text),
    };
    session.send(&write("Made it.").prompt("Make it.")).await;
    let ask = session.ask().await;
    if let Err(why) = support(&session, "always").await {
        let answer = session.answer(&ask, &json!({"decision": "always"})).await;
        refused(kind, answer, "always", &why);
        session.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
        return;
    }
    let kinds: Vec<&str> =
        ask["options"].as_array().unwrap().iter().filter_map(|option| option["kind"].as_str()).collect();
    assert!(kinds.contains(&"allow_always"), "{ask}");
    let answered = session.answer(&ask, &json!({"decision": "always"})).await.ok(200);
    assert_eq!((&answered["decision"], &answered["scope"]), (&json!("allow"), &json!("always")));
    session.turn_end(1).await;
    let again = session.run(&write("Again.").prompt("Again.")).await;
    assert_eq!((&again["outcome"], &again["text"]), (&json!("completed"), &json!("Again.")));
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    one_end_each(&session.events().await);
}

/// What a subagent asks comes up with the way that leads to it, also when the turn is over that began it.
pub(crate) async fn for_a_subagent(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let inner = kind.shell_then(COMMAND, "Sub done.").prompt("Make a file.");
    let script = match kind {
        Kind::Claude | Kind::ClaudeAcp => {
            let input = json!({
                "description": "look", "subagent_type": "general-purpose", "run_in_background": false, "prompt": inner,
            });
            Script::new().tool("Agent", input)
        }
        Kind::Codex | Kind::CodexAcp => {
            Script::new().tool("multi_agent_v1::spawn_agent", json!({"message": inner}))
        }
        Kind::OpenCode => return kept_by_opencode(ground, session).await,
        Kind::Goose => return unasked_by_goose(ground, session, inner).await,
        Kind::Pi => {
            support(&session, "subagent_asks").await.unwrap_err();
            return;
        }
    };
    support(&session, "subagent_asks").await.unwrap();
    session.send(&script.text("All done.").prompt("Delegate.")).await;
    let ask = session.ask().await;
    let path = ask["path"].as_array().unwrap();
    assert!(path.len() == 1 && path[0].as_str().is_some_and(|id| !id.is_empty()), "{ask}");
    assert_eq!(ground.file("hello.txt"), None, "it was run before it was allowed");
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    let went_on = |request: &RecordedRequest| {
        let texts = request.user_texts();
        !request.tool_results().is_empty()
            && texts.iter().any(|text| text.contains("Make a file.") && !text.contains("Delegate."))
    };
    ground.model.request_seen(PATIENCE, went_on).await.unwrap();
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    one_end_each(&session.events().await);
}

/// Goose asks for the delegation, and no more for what is done by it: the table says so.
async fn unasked_by_goose(ground: Ground, session: TestSession, inner: String) {
    let why = support(&session, "subagent_asks").await.unwrap_err();
    assert!(why.contains("nobody"), "{why}");
    let script = Script::new().tool("delegate", json!({"instructions": inner})).text("All done.");
    session.send(&script.prompt("Delegate.")).await;
    let ask = session.ask().await;
    assert_eq!((&ask["tool"], &ask["path"]), (&json!("delegate"), &Value::Null), "{ask}");
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    one_end_each(&session.events().await);
}

/// What a subagent of OpenCode asks does not come out of it: the table says so, and the turn can be interrupted.
async fn kept_by_opencode(ground: Ground, session: TestSession) {
    let why = support(&session, "subagent_asks").await.expect_err("it cannot");
    assert!(why.contains("interrupt"), "{why}");
    let inner = ground.kind.shell_then(COMMAND, "Sub done.");
    let input =
        json!({"description": "look", "subagent_type": "general", "prompt": inner.prompt("Make a file.")});
    session.send(&Script::new().tool("task", input).text("All done.").prompt("Delegate.")).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    // The subagent is told what to do, and its call of the shell waits in there.
    let told = |request: &RecordedRequest| {
        request.user_texts().iter().any(|text| text.contains("Make a file.") && !text.contains("Delegate."))
    };
    ground.model.request_seen(PATIENCE, told).await.unwrap();
    session.verb("interrupt").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "interrupted", "{end}");
    assert_eq!(ground.file("hello.txt"), None);
    assert_eq!(session.events_of("ask.opened").await.len(), 1);
    one_end_each(&session.events().await);
}
