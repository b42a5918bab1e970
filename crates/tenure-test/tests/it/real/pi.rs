//! What only Pi has: it asks for no permission of its own, its extensions ask in ways of their own, and it
//! names no input.

use serde_json::{Value, json};
use tenure_model::{Script, Step};
use tenure_test::agents::{FAKE_MODEL, PI_OTHER_MODEL};
use tenure_test::daemon::{PATIENCE, TestSession};

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

/// Without the extension that asks.
async fn bare() -> Ground {
    Ground::with(Kind::Pi, |agent| {
        let folder = agent.var("PI_CODING_AGENT_DIR").unwrap().to_owned();
        std::fs::remove_file(format!("{folder}/extensions/asks.ts")).unwrap();
        agent
    })
    .await
}

#[tokio::test]
async fn real_pi_runs_tools_unasked_and_says_so() {
    let ground = bare().await;
    let session = ground.session().await;
    let warning = session.wait_type("warning.raised").await;
    assert_eq!(warning["data"]["code"], "no_permissions", "{warning}");
    let result = session.run(&ground.kind.shell_then("echo hi > hello.txt", "Made it.").prompt("Go.")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Made it.")));
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    assert_eq!(session.events_of("ask.opened").await.len(), 0);
    let supports = &session.get("/capabilities").await["supports"];
    assert!(supports["permissions"].as_str().unwrap().contains("asks for no permission"), "{supports}");
    assert_eq!((&supports["steer"], &supports["compact"]), (&json!(true), &json!(true)));
    // Who says that it is known is not told again.
    let knowing = ground.session_with(json!({"permissions": {"allow_bypass": true}})).await;
    knowing.run(&Script::new().text("Yes.").prompt("There?")).await;
    assert_eq!(knowing.events_of("warning.raised").await.len(), 0);
}

#[tokio::test]
async fn real_pi_is_not_created_with_what_it_cannot_honour() {
    let ground = Ground::new(Kind::Pi).await;
    let server = json!({"name": "s", "type": "stdio", "command": "true"});
    for (field, value, names) in [
        ("permissions", json!({"default": "deny"}), "permissions"),
        ("mode", json!("plan"), "set_mode"),
        ("mcp_servers", json!([server]), "mcp_stdio"),
    ] {
        let mut request = json!({"agent": "pi", "cwd": ground.work});
        request[field] = value;
        let answer = ground.daemon.post("/v1/sessions", &request).await;
        let problem = answer.says(422, "unsupported", &["pi", names]);
        assert!(problem["field"].as_str().unwrap().starts_with(field), "{problem}");
    }
}

async fn answered(session: &TestSession, title: &str, kind: &str, answer: Value) -> Value {
    let titled = |event: &Value| event["type"] == "ask.opened" && event["data"]["title"] == title;
    let ask = session.wait_for(title, titled).await["data"].clone();
    assert_eq!(ask["kind"], kind, "{ask}");
    session.answer(&ask, &answer).await.ok(200);
    ask
}

#[tokio::test]
async fn real_pi_passes_on_what_an_extension_asks() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    let commands = session.get("/capabilities").await["commands"].clone();
    assert!(commands.as_array().unwrap().iter().any(|c| c["name"] == "quiz"), "{commands}");
    session.send("/quiz now").await;
    let which = json!({"decision": "allow", "answers": {"Which colour?": "green"}});
    let ask = answered(&session, "Which colour?", "question", which).await;
    assert_eq!(ask["questions"][0]["choices"][1]["label"], "green");
    let name = json!({"decision": "allow", "answers": {"Which name?": "Ada"}});
    answered(&session, "Which name?", "question", name).await;
    let text = json!({"decision": "allow", "answers": {"text": "Dear all"}});
    let ask = answered(&session, "Which text?", "elicitation", text).await;
    assert_eq!(ask["input"]["schema"]["properties"]["text"]["default"], "Dear");
    // The command ends without the model.
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    let warned = session.events_of("warning.raised").await;
    let told = warned.last().unwrap();
    assert_eq!(told["data"]["message"], "now: green, Ada, Dear all");
    let native = session.events_of("native.received").await;
    assert!(native.iter().any(|e| e["data"]["kind"] == "extension_ui/setStatus"), "{native:?}");
    assert_eq!(ground.model.scripted_calls().len(), 0);
    session.run("/fail").await;
    let warned = session.events_of("warning.raised").await;
    assert!(warned.last().unwrap()["data"]["message"].as_str().unwrap().contains("on purpose"), "{warned:?}");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_pi_leaves_a_question_unanswered() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    session.send("/quiz now").await;
    for (title, kind) in
        [("Which colour?", "question"), ("Which name?", "question"), ("Which text?", "elicitation")]
    {
        answered(&session, title, kind, json!({"decision": "deny"})).await;
    }
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    let warned = session.events_of("warning.raised").await;
    let told = warned.last().unwrap();
    assert_eq!(told["data"]["message"], "now: undefined, undefined, undefined");
}

#[tokio::test]
async fn real_pi_changes_model_and_effort() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    let view = session.view().await;
    assert_eq!(view["model_effective"], format!("fake/{FAKE_MODEL}"), "{view}");
    let models = session.get("/capabilities").await["models"].clone();
    let ids: Vec<&str> = models.as_array().unwrap().iter().filter_map(|m| m["id"].as_str()).collect();
    assert!(ids.contains(&format!("fake/{PI_OTHER_MODEL}").as_str()), "{ids:?}");
    assert!(models[0]["efforts"].as_array().unwrap().contains(&json!("high")), "{models}");
    let script = |text: &str| Script::new().text(text).prompt("Talk.");
    let high = json!({"input": script("One."), "effort": "high", "wait": "finished"});
    session.post("/inputs", &high).await.ok(200);
    assert_eq!(session.view().await["effort"], "high");
    let other = format!("fake/{PI_OTHER_MODEL}");
    let other = json!({"input": script("Two."), "model": other, "wait": "finished"});
    session.post("/inputs", &other).await.ok(200);
    let asked = ground.model.scripted_calls().last().unwrap().body["model"].clone();
    assert_eq!(asked, PI_OTHER_MODEL);
    let view = session.view().await;
    assert_eq!(view["model_effective"], format!("fake/{PI_OTHER_MODEL}"));
    // That model does not reason, and Pi says so by itself.
    assert_eq!(view["effort"], "off");
    // A model that is not there is refused, and the turn goes on with the one in use.
    let nothing = json!({"input": script("Three."), "model": "fake/nothing", "wait": "finished"});
    let result = session.post("/inputs", &nothing).await.ok(200);
    assert_eq!(result["outcome"], "completed", "{result}");
    let warned = session.events_of("warning.raised").await;
    assert!(warned.iter().any(|e| e["data"]["code"] == "command_refused"), "{warned:?}");
    // Another process takes up the model as it is.
    session.verb("suspend").await;
    session.run(&script("Four.")).await;
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_pi_tells_what_a_turn_used_and_cost() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    let usage = json!({"input_tokens": 1000, "output_tokens": 500});
    let step = |text: &str| Step {
        text: Some(text.to_owned()),
        usage: Some(usage.as_object().unwrap().clone()),
        ..Step::default()
    };
    let result = session.run(&Script::new().step(step("Said.")).prompt("Talk.")).await;
    assert_eq!(
        (&result["usage"]["input_tokens"], &result["usage"]["output_tokens"]),
        (&json!(1000), &json!(500))
    );
    assert!((result["cost_usd"].as_f64().unwrap() - 0.002).abs() < 1e-9, "{result}");
    assert_eq!(result["usage"]["cost_basis"], "estimated", "Pi computes it from its own prices");
    let told = session.wait_type("usage.updated").await;
    assert_eq!(told["data"]["context"], json!({"used": 1500, "max": 100_000}));
    // A model without a price costs what nobody knows, not nothing.
    let other = format!("fake/{PI_OTHER_MODEL}");
    let free =
        json!({"input": Script::new().step(step("More.")).prompt("On."), "model": other, "wait": "finished"});
    let free = session.post("/inputs", &free).await.ok(200);
    assert_eq!(free["cost_usd"], Value::Null, "{free}");
    assert_eq!(free["usage"]["cost_basis"], "unknown");
}

#[tokio::test]
async fn real_pi_tells_why_the_model_failed() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    for (status, code) in [(400, "model_error"), (401, "auth_required")] {
        let result = session.run(&Script::new().error(status).prompt("Fail.")).await;
        assert_eq!(
            (&result["outcome"], &result["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{result}"
        );
        assert_eq!(result["error"]["data"]["api_error_status"], status, "{result}");
    }
    // One that passes is tried again, and told as waiting meanwhile.
    let script = Script::new().error(529).times(1).text("After all.");
    let result = session.run(&script.prompt("Try.")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("After all.")));
    one_end_each(&session.events().await);
}

/// Pi answers an interrupt that comes before the run with success, and then runs.
#[tokio::test]
async fn real_pi_is_interrupted_before_it_began() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    for n in 1..=5 {
        session.send(&Script::new().gate("never", "Never. Said.").prompt("Talk.")).await;
        session.verb("interrupt").await;
        assert_eq!(session.turn_end(n).await["data"]["outcome"], "interrupted");
    }
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Still here.")));
    one_end_each(&session.events().await);
}

/// Whatever the interrupt overtakes: no steered input is lost, and none is said twice.
#[tokio::test]
async fn real_pi_loses_no_steered_input_to_an_interrupt() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    session.send(&Script::new().gate("half", "First half. Second half.").prompt("Talk.")).await;
    ground.model.gate_reached("half", PATIENCE).await.unwrap();
    let steer = |text: &str| json!({"input": Script::new().text(text).prompt(text), "delivery": "steer"});
    session.post("/inputs", &steer("Steered one.")).await.ok(202);
    session.post("/inputs", &steer("Steered two.")).await.ok(202);
    session.verb("interrupt").await;
    ground.model.open_gate("half");
    session.turn_end(3).await;
    let events = session.events().await;
    one_end_each(&events);
    let calls = ground.model.scripted_calls();
    let said = calls.last().unwrap().user_texts().join("\n");
    for text in ["Steered one.", "Steered two."] {
        // The script inside the prompt names it too.
        assert_eq!(said.matches(&format!("{text} @@")).count(), 1, "{said}");
    }
}

#[tokio::test]
async fn real_pi_continues_a_conversation_that_it_had_before() {
    let ground = Ground::new(Kind::Pi).await;
    let before = ground.session().await;
    before.run(&Script::new().text("It is blue.").prompt("Remember: the sky is blue.")).await;
    let native = before.view().await["native_id"].as_str().unwrap().to_owned();
    let again = json!({"agent": "pi", "cwd": ground.work, "resume": {"native_id": native}});
    ground.daemon.post("/v1/sessions", &again).await.problem(409, "conflict");
    ground.daemon.request("DELETE", &before.path(""), &json!({})).await.ok(200);
    let session = ground.session_with(json!({"resume": {"native_id": native}})).await;
    let result = session.run(&Script::new().text("Blue.").prompt("Which colour?")).await;
    assert_eq!(result["outcome"], "completed", "{result}");
    let said = session.get("/messages").await;
    let said: Vec<(&Value, &Value)> =
        said["items"].as_array().unwrap().iter().map(|m| (&m["text"], &m["origin"])).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!(said[1], (&json!("It is blue."), &json!("native")));
    assert_eq!(said[3], (&json!("Blue."), &Value::Null));
    let nothing = json!({"agent": "pi", "cwd": ground.work, "resume": {"native_id": "nothing"}});
    ground.daemon.post("/v1/sessions", &nothing).await.problem(404, "not_found");
}

#[tokio::test]
async fn real_pi_gets_its_instructions_by_file() {
    let ground = Ground::new(Kind::Pi).await;
    let instructions = json!({"append": "Always say please."});
    let session = ground.session_with(json!({"instructions": instructions})).await;
    session.run(&Script::new().text("Please.").prompt("Talk.")).await;
    let told = ground.model.scripted_calls().last().unwrap().body.to_string();
    assert!(told.contains("Always say please."), "{told}");
}
