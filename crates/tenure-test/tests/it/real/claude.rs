//! What only Claude Code has: questions, plans, background tasks, subagents, and failures of the model that
//! arrive as successes.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{Halt, TestSession};

use super::ground::{Ground, Kind};
use super::turns::one_end_each;

const COLOURS: &str = "Which colour?";

fn question(multiple: bool) -> Script {
    let options = ["red", "green", "blue"].map(|label| json!({"label": label, "description": label}));
    let question =
        json!({"question": COLOURS, "header": "Colour", "options": options, "multiSelect": multiple});
    Script::new().tool("AskUserQuestion", json!({"questions": [question]})).text("Noted.")
}

async fn asked(ground: &Ground, multiple: bool, answers: &Value) -> String {
    let session = ground.session().await;
    session.send(&question(multiple).prompt("Ask me.")).await;
    let ask = session.ask().await;
    assert_eq!((&ask["kind"], &ask["questions"][0]["multiple"]), (&json!("question"), &json!(multiple)));
    assert_eq!(ask["questions"][0]["question"], COLOURS);
    assert_eq!(ask["questions"][0]["choices"][1]["label"], "green");
    assert_eq!(session.view().await["activity"]["reason"], "question");
    // An answer that does not answer is refused by the field's name, and the ask stays open.
    let refused = session.answer(&ask, &json!({"decision": "allow"})).await.says(400, "invalid", &[COLOURS]);
    assert_eq!(refused["field"], "answers");
    session.answer(&ask, &json!({"decision": "allow", "answers": answers})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    one_end_each(&session.events().await);
    ground.model.scripted_calls().last().unwrap().tool_results().join("\n")
}

#[tokio::test]
async fn real_claude_asks_for_one_choice() {
    let ground = Ground::new(Kind::Claude).await;
    let told = asked(&ground, false, &json!({COLOURS: "green"})).await;
    assert!(told.contains("=\"green\""), "{told}");
}

#[tokio::test]
async fn real_claude_asks_for_several_choices() {
    let ground = Ground::new(Kind::Claude).await;
    let told = asked(&ground, true, &json!({COLOURS: ["red", "blue"]})).await;
    assert!(told.contains("=\"red, blue\""), "{told}");
}

async fn planned(ground: &Ground) -> (TestSession, Value) {
    let session = ground.session_with(json!({"mode": "plan"})).await;
    let script = Script::new().tool("ExitPlanMode", json!({"plan": "1. Look. 2. Act."})).text("Understood.");
    session.send(&script.prompt("Plan it.")).await;
    let ask = session.ask().await;
    assert_eq!(ask["kind"], "plan", "{ask}");
    assert_eq!(session.view().await["activity"]["reason"], "plan");
    (session, ask)
}

#[tokio::test]
async fn real_claude_has_its_plan_approved() {
    let ground = Ground::new(Kind::Claude).await;
    let (session, ask) = planned(&ground).await;
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(session.view().await["mode"], "default");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_has_its_plan_sent_back() {
    let ground = Ground::new(Kind::Claude).await;
    let (session, ask) = planned(&ground).await;
    let answer = json!({"decision": "deny", "message": "Look twice."});
    session.answer(&ask, &answer).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(session.view().await["mode"], "plan");
    let told = ground.model.scripted_calls().last().unwrap().tool_results().join("\n");
    assert!(told.contains("Look twice."), "{told}");
}

#[tokio::test]
async fn real_claude_writes_no_settings_of_a_project_that_is_not_trusted() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session().await;
    session.send(&ground.kind.shell_then("touch one.txt", "Made it.").prompt("Make it.")).await;
    let ask = session.ask().await;
    let answer = session.answer(&ask, &json!({"decision": "always"})).await;
    answer.says(403, "forbidden", &["not trusted", "trust_project", "`session`"]);
    // Our own rule for the session needs no trust.
    session.answer(&ask, &json!({"decision": "allow", "scope": "session"})).await.ok(200);
    session.turn_end(1).await;
    let again = session.run(&ground.kind.shell_then("touch one.txt", "Again.").prompt("Again.")).await;
    assert_eq!(again["text"], "Again.");
    assert_eq!(ground.file(".claude/settings.local.json"), None);
    let by: Vec<Value> =
        session.events_of("ask.resolved").await.iter().map(|e| e["data"]["by"].clone()).collect();
    assert_eq!(by, ["client", "policy"]);
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_starts_a_turn_when_a_background_task_ends() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    let input = json!({"command": Halt::COMMAND, "description": "wait", "run_in_background": true});
    let result = session.run(&Script::new().tool("Bash", input).text("Started.").prompt("Start it.")).await;
    assert_eq!(result["text"], "Started.");
    halt.began().await;
    let view = session.view().await;
    assert_eq!((&view["activity"]["state"], &view["tasks_running"]), (&json!("idle"), &json!(1)));
    halt.go("well").await;
    let end = session.turn_end(2).await;
    assert_eq!(end["data"]["outcome"], "completed");
    let started = session.events_of("turn.started").await;
    assert_eq!(started[1]["data"]["origin"], "agent");
    assert_eq!(started[1]["data"]["input_ids"], json!([]));
    let task = session.wait_type("task.completed").await;
    assert_eq!(task["data"]["status"], "completed");
    assert_eq!(session.view().await["tasks_running"], 0);
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_stops_a_subagent() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    let bash = json!({"command": Halt::COMMAND, "description": "wait"});
    let work = Script::new().tool("Bash", bash).text("Never said.").prompt("Wait.");
    let input = json!({
        "description": "look", "subagent_type": "general-purpose", "run_in_background": true, "prompt": work,
    });
    let result = session.run(&Script::new().tool("Agent", input).text("Begun.").prompt("Delegate.")).await;
    assert_eq!(result["text"], "Begun.", "{result}");
    halt.began().await;
    let task = session.wait_type("task.started").await["data"].clone();
    assert_eq!((&task["kind"], &task["background"]), (&json!("agent"), &json!(true)), "{task}");
    let id = task["task_id"].as_str().unwrap();
    let reply = session.post(&format!("/tasks/{id}/stop"), &json!({})).await.ok(200);
    assert_eq!(reply["hit"], json!([format!("task:{id}")]));
    let ended = session.events_of("task.completed").await;
    let ended: Vec<&Value> = ended.iter().filter(|event| event["data"]["task_id"] == id).collect();
    assert_eq!((ended.len(), &ended[0]["data"]["status"]), (1, &json!("stopped")), "{ended:?}");
    assert_eq!(session.view().await["tasks_running"], 0);
    assert_eq!(halt.made(), None, "what was stopped went on");
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!(result["text"], "Still here.");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_asks_for_a_subagent() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session().await;
    let inner = ground.kind.shell_then("echo hi > hello.txt", "Sub done.");
    let input = json!({
        "description": "look", "subagent_type": "general-purpose", "run_in_background": false,
        "prompt": inner.prompt("Make a file."),
    });
    session.send(&Script::new().tool("Agent", input).text("All done.").prompt("Delegate.")).await;
    let ask = session.ask().await;
    let tasks = session.get("/tasks").await;
    assert_eq!(ask["path"], json!([tasks["items"][0]["task_id"]]), "{tasks}");
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed");
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
    let last = &end["data"]["message_id"];
    let said = session.events_of("message.completed").await;
    let said = said.iter().find(|e| e["data"]["message_id"] == *last).unwrap();
    assert_eq!(said["data"]["parts"][0]["text"], "All done.", "the last message is not the subagent's");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_asks_for_a_subagent_of_a_subagent() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session().await;
    let inner = ground.kind.shell_then("echo hi > hello.txt", "Sub done.");
    let agent = |name: &str, prompt: String| json!({"description": name, "subagent_type": "general-purpose", "run_in_background": false, "prompt": prompt});
    let middle =
        Script::new().tool("Agent", agent("inner", inner.prompt("Make a file."))).text("Middle done.");
    let outer = Script::new().tool("Agent", agent("outer", middle.prompt("Delegate on."))).text("All done.");
    session.send(&outer.prompt("Delegate.")).await;
    let ask = session.ask().await;
    let tasks = session.get("/tasks").await;
    let ids = ["outer", "inner"].map(|title| {
        let mut all = tasks["items"].as_array().unwrap().iter();
        all.find(|task| task["title"] == title).map(|task| task["task_id"].clone())
    });
    assert_eq!(ask["path"], json!(ids), "{tasks}");
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    session.turn_end(1).await;
    assert_eq!(ground.file("hello.txt").as_deref(), Some("hi\n"));
}

async fn failing(status: u16, retries: &str) -> (Value, TestSession, Ground) {
    let ground = Ground::with(Kind::Claude, |agent| agent.with_var("CLAUDE_CODE_MAX_RETRIES", retries)).await;
    let session = ground.session().await;
    let result = session.run(&Script::new().error(status).prompt("Fail.")).await;
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
async fn real_claude_fails_a_turn_that_the_model_refused() {
    let (error, _, _ground) = failing(400, "10").await;
    assert!(error["message"].as_str().unwrap().contains("400"), "{error}");
}

#[tokio::test]
async fn real_claude_fails_a_turn_whose_model_stays_overloaded() {
    let (error, session, _ground) = failing(529, "1").await;
    assert!(error["message"].as_str().unwrap().contains("529"), "{error}");
    let waits = session.events_of("session.activity_changed").await;
    assert!(waits.iter().any(|e| e["data"]["activity"]["reason"] == "retry"), "{waits:?}");
}

#[tokio::test]
async fn real_claude_shows_the_first_refusal_of_its_key() {
    let ground = Ground::with(Kind::Claude, |agent| agent.with_var("ANTHROPIC_API_KEY", "sk-bad")).await;
    let session = ground.session().await;
    session.send(&Script::new().text("Never said.").prompt("Say it.")).await;
    session.wait_for("waiting{auth}", |event| event["data"]["activity"]["reason"] == "auth").await;
    session.verb("interrupt").await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "interrupted");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_tells_of_a_model_that_was_changed_by_its_own_command() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session().await;
    session.run(&Script::new().text("Here.").prompt("There?")).await;
    session.post("/commands/model", &json!({"args": "haiku", "wait": "finished"})).await.ok(200);
    session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    let haiku = |e: &Value| {
        e["type"] == "config.changed"
            && e["data"]["model_effective"].as_str().is_some_and(|m| m.contains("haiku"))
    };
    assert_eq!(session.wait_for("the model", haiku).await["data"]["by"], "agent");
    let asked = ground.model.scripted_calls().pop().unwrap().body["model"].clone();
    assert!(asked.as_str().unwrap().contains("haiku"), "{asked}");
}
