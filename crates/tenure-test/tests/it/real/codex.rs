//! What only Codex has: changes of files as asks of their own, its own memory of an approval, questions,
//! commands that outlive their turn, settings that change while it lives, and its errors.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{Halt, TestSession};

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

fn patch(lines: &str) -> Script {
    let input = json!({ "input": format!("*** Begin Patch\n{lines}\n*** End Patch\n") });
    Script::new().tool("apply_patch", input).text("Changed it.")
}

async fn changed(decision: &Value) -> (Ground, TestSession, Value) {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    session.send(&patch("*** Add File: new.txt\n+one\n+two").prompt("Write it.")).await;
    let ask = session.ask().await;
    assert_eq!((&ask["kind"], &ask["tool"]), (&json!("permission"), &json!("apply_patch")));
    let change = &ask["input"]["changes"][0];
    assert!(change["path"].as_str().unwrap().ends_with("/new.txt"), "{ask}");
    assert_eq!(change["diff"], "one\ntwo\n", "who approves sees what is written");
    assert_eq!(ground.file("new.txt"), None, "it was written before it was allowed");
    session.answer(&ask, decision).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    let tool = session.wait_type("tool.completed").await;
    one_end_each(&session.events().await);
    (ground, session, tool["data"].clone())
}

#[tokio::test]
async fn real_codex_changes_a_file_that_was_allowed() {
    let (ground, _session, tool) = changed(&json!({"decision": "allow"})).await;
    assert_eq!(ground.file("new.txt").as_deref(), Some("one\ntwo\n"));
    assert_eq!((&tool["state"], &tool["kind"]), (&json!("completed"), &json!("edit")));
    assert_eq!(tool["diffs"][0]["new_text"], "one\ntwo\n");
}

#[tokio::test]
async fn real_codex_leaves_a_file_that_was_denied() {
    let (ground, session, tool) = changed(&json!({"decision": "deny"})).await;
    assert_eq!(ground.file("new.txt"), None);
    assert_eq!(tool["state"], "denied");
    // It offers nothing lasting for files.
    session.send(&patch("*** Add File: new.txt\n+one").prompt("Again.")).await;
    let ask = session
        .wait_after(tool_seq(&session).await, "another ask", |event| event["type"] == "ask.opened")
        .await["data"]
        .clone();
    session.answer(&ask, &json!({"decision": "always"})).await.says(422, "unsupported", &["codex", "always"]);
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    session.turn_end(2).await;
}

async fn tool_seq(session: &TestSession) -> u64 {
    session.wait_type("tool.completed").await["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn real_codex_asks_no_more_for_what_was_allowed_for_the_session() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    session.send(&ground.kind.shell_then("touch one.txt", "Made it.").prompt("Make it.")).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "allow", "scope": "session"})).await.ok(200);
    session.turn_end(1).await;
    let again = session.run(&ground.kind.shell_then("touch one.txt", "Again.").prompt("Again.")).await;
    assert_eq!(again["text"], "Again.");
    assert_eq!(session.events_of("ask.opened").await.len(), 1, "Codex remembers it itself");
    // Another command is asked for.
    session.send(&ground.kind.shell_then("touch two.txt", "Two.").prompt("Another.")).await;
    let ask = session
        .wait_for("a second ask", |e| e["type"] == "ask.opened" && e["data"]["title"] == "touch two.txt")
        .await;
    session.answer(&ask["data"], &json!({"decision": "deny"})).await.ok(200);
    session.turn_end(3).await;
    assert_eq!(ground.file("two.txt"), None);
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_ends_a_turn_with_a_denial_that_says_so() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    session.send(&ground.kind.shell_then("touch one.txt", "Never said.").prompt("Make it.")).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "deny", "option_id": "cancel"})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["stop_reason"], "interrupted");
    assert_eq!(ground.file("one.txt"), None);
    assert_eq!(ground.model.scripted_calls().len(), 1, "the model was not asked again");
    let after = session.run(&Script::new().text("Fine.").prompt("And now?")).await;
    assert_eq!(after["text"], "Fine.");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_asks_a_question() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    let options = ["red", "green"].map(|label| json!({"label": label, "description": label}));
    let question =
        json!({"id": "colour", "header": "Colour", "question": "Which colour?", "options": options});
    let script = Script::new().tool("request_user_input", json!({"questions": [question]})).text("Noted.");
    session.send(&script.prompt("Ask me.")).await;
    let ask = session.ask().await;
    assert_eq!(
        (&ask["kind"], &ask["questions"][0]["question"]),
        (&json!("question"), &json!("Which colour?"))
    );
    assert_eq!(session.view().await["activity"]["reason"], "question");
    session.answer(&ask, &json!({"decision": "allow"})).await.says(400, "invalid", &["Which colour?"]);
    session.answer(&ask, &json!({"decision": "allow", "answers": {"Which colour?": "green"}})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    let told = ground.model.scripted_calls().last().unwrap().tool_results().join("\n");
    assert!(told.contains("green"), "{told}");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_lets_a_command_run_on_as_a_task() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    let input = json!({"cmd": Halt::COMMAND, "yield_time_ms": 250});
    let result =
        session.run(&Script::new().tool("exec_command", input).text("Started.").prompt("Start it.")).await;
    assert_eq!(result["text"], "Started.");
    halt.began().await;
    let task = session.wait_type("task.started").await;
    assert_eq!((&task["data"]["kind"], &task["data"]["background"]), (&json!("shell"), &json!(true)));
    assert_eq!(session.view().await["tasks_running"], 1);
    halt.go("well").await;
    let ended = session.wait_type("task.completed").await;
    assert_eq!(ended["data"]["task_id"], task["data"]["task_id"]);
    assert_eq!(ended["data"]["status"], "completed");
    assert!(ended["data"]["summary"].as_str().unwrap().contains("made well"), "{ended}");
    assert_eq!(session.view().await["tasks_running"], 0);
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_changes_model_mode_and_effort_while_it_lives() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    let pid = session.pid().await;
    let capabilities = session.get("/capabilities").await;
    let models = capabilities["models"].as_array().unwrap();
    let other = models
        .iter()
        .find(|model| model["id"] != "gpt-5.5" && !model["efforts"].as_array().unwrap().is_empty())
        .unwrap();
    let (id, effort) = (other["id"].as_str().unwrap(), other["efforts"][0].as_str().unwrap());
    let wish = json!({
        "input": Script::new().text("With another.").prompt("Say."), "model": id, "effort": effort, "wait": "finished",
    });
    let result = session.post("/inputs", &wish).await.ok(200);
    assert_eq!(result["text"], "With another.");
    let call = ground.model.scripted_calls().pop().unwrap();
    assert_eq!((&call.body["model"], &call.body["reasoning"]["effort"]), (&json!(id), &json!(effort)));
    let told = session
        .wait_for("the model", |e| e["type"] == "config.changed" && e["data"]["model_effective"] == id)
        .await;
    assert_eq!(told["data"]["by"], "agent");
    assert_eq!(session.pid().await, pid);
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_counts_each_turn_once() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    let step = |n: u64| tenure_model::Step {
        text: Some("Counted.".into()),
        usage: json!({"input_tokens": n, "output_tokens": 7, "cache_read_input_tokens": 3})
            .as_object()
            .cloned(),
        ..tenure_model::Step::default()
    };
    let mut total = 0;
    for n in [100, 40] {
        let result = session.run(&Script::new().step(step(n)).prompt("Count.")).await;
        let usage = &result["usage"];
        assert_eq!((&usage["output_tokens"], &usage["cache_read_tokens"]), (&json!(7), &json!(3)), "{usage}");
        // What came from the cache is counted apart.
        assert_eq!(usage["input_tokens"], n - 3, "{usage}");
        total += n - 3;
    }
    let usage = session.view().await["usage"].clone();
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(total), &json!(14)), "{usage}");
}

async fn failing(script: Script) -> (Value, TestSession, Ground) {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    let result = session.run(&script.prompt("Fail.")).await;
    assert_eq!(result["outcome"], "failed", "{result}");
    // The process lives, and takes the next input.
    let pid = session.pid().await;
    let after = session.run(&Script::new().text("Fine.").prompt("And now?")).await;
    assert_eq!((&after["outcome"], &after["text"]), (&json!("completed"), &json!("Fine.")));
    assert_eq!(session.pid().await, pid);
    one_end_each(&session.events().await);
    (result["error"].clone(), session, ground)
}

#[tokio::test]
async fn real_codex_fails_a_turn_that_the_model_refused() {
    let (error, _session, _ground) = failing(Script::new().error(400)).await;
    assert_eq!((&error["code"], &error["message"]), (&json!("model_error"), &json!("scripted error")));
}

#[tokio::test]
async fn real_codex_names_a_refused_key_and_a_limit() {
    let (error, _session, _ground) = failing(Script::new().error(401)).await;
    assert_eq!(error["code"], "auth_required", "{error}");
    let (error, _session, _ground) = failing(Script::new().error(429)).await;
    assert_eq!(error["code"], "rate_limited", "{error}");
}

#[tokio::test]
async fn real_codex_waits_while_it_tries_again() {
    let (_error, session, _ground) = failing(Script::new().error(500)).await;
    let waits = session.events_of("session.activity_changed").await;
    assert!(waits.iter().any(|e| e["data"]["activity"]["reason"] == "retry"), "{waits:?}");
}

#[tokio::test]
async fn real_codex_takes_up_a_conversation_that_another_session_led() {
    let ground = Ground::new(Kind::Codex).await;
    let first = ground.session().await;
    let result = first.run(&Script::new().text("It is blue.").prompt("Remember: the sky is blue.")).await;
    assert_eq!(result["outcome"], "completed");
    let native = first.view().await["native_id"].clone();
    first.verb("close").await;
    assert_eq!(ground.daemon.request("DELETE", &first.path(""), &Value::Null).await.status, 200);
    let second = ground.session_with(json!({"resume": {"native_id": native}})).await;
    let said = second.get("/messages").await;
    let said: Vec<(&Value, &Value)> =
        said["items"].as_array().unwrap().iter().map(|m| (&m["text"], &m["origin"])).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[1], (&json!("It is blue."), &json!("native")));
    let result = second.run(&Script::new().text("Blue.").prompt("Which colour?")).await;
    assert_eq!(result["text"], "Blue.");
    let told = ground.model.scripted_calls().last().unwrap().user_texts().join("\n");
    assert!(told.contains("the sky is blue"), "{told}");
}

#[tokio::test]
async fn real_codex_refuses_a_mode_that_asks_nobody_unless_it_is_allowed() {
    let ground = Ground::new(Kind::Codex).await;
    let request = |more: Value| {
        let mut request =
            json!({"agent": "codex", "cwd": ground.work, "mode": "full-access", "wait": "live"});
        request["permissions"] = more;
        request
    };
    let refused = ground.daemon.post("/v1/sessions", &request(json!({}))).await;
    refused.says(403, "forbidden", &["allow_bypass"]);
    let session = ground.daemon.create(&request(json!({"allow_bypass": true}))).await;
    let result = session.run(&ground.kind.shell_then("touch one.txt", "Made it.").prompt("Make it.")).await;
    assert_eq!(result["text"], "Made it.");
    assert_eq!(session.events_of("ask.opened").await.len(), 0);
    assert_eq!(session.view().await["mode"], "full-access");
}

#[tokio::test]
async fn real_codex_without_a_login_says_how_to_log_in() {
    let ground = Ground::with(Kind::Codex, |agent| {
        // Its own provider wants a login; nothing is asked of the net before.
        let config = std::path::Path::new(agent.var("CODEX_HOME").unwrap()).join("config.toml");
        std::fs::write(config, "check_for_update_on_startup = false\n[analytics]\nenabled = false\n")
            .unwrap();
        agent
    })
    .await;
    let request = json!({"agent": "codex", "cwd": ground.work, "wait": "live"});
    let problem =
        ground.daemon.post("/v1/sessions", &request).await.says(422, "auth_required", &["codex login"]);
    assert_eq!(problem["code"], "auth_required");
}
