//! Claude Code over stream-json with control requests.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::agents::{FAKE_KEY, claude};
use uuid::Uuid;

use super::Ground;
use super::driver::Driver;

const ARGS: [&str; 6] = [
    "-p",
    "--verbose",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
];

fn start(ground: &Ground) -> Driver {
    let setup = claude(&ground.model.url(), ground.scratch.path()).unwrap();
    let setup = setup.with_var("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1");
    let mut driver = Driver::start(&setup, &ARGS, ground.work.path(), ground.scratch.path());
    driver.send(&json!({"type": "control_request", "request_id": "1", "request": {"subtype": "initialize"}}));
    let answer = until(&mut driver, |message| message["type"] == "control_response").pop().unwrap();
    assert_eq!(answer["response"]["subtype"], "success");
    driver
}

/// Reads up to and with the first message for which `last` is true; allows every tool that is asked for.
fn until(driver: &mut Driver, last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let message = driver.next();
        if message["request"]["subtype"] == "can_use_tool" {
            let answer = json!({"behavior": "allow", "updatedInput": message["request"]["input"]});
            let response =
                json!({"subtype": "success", "request_id": message["request_id"], "response": answer});
            driver.send(&json!({"type": "control_response", "response": response}));
        }
        let done = last(&message);
        seen.push(message);
        if done {
            return seen;
        }
    }
}

/// Sends a prompt; gives what came until the session was idle again.
fn turn(driver: &mut Driver, prompt: &str) -> Vec<Value> {
    say(driver, prompt);
    until(driver, is_idle)
}

fn say(driver: &mut Driver, prompt: &str) {
    driver.send(&json!({
        "type": "user", "message": {"role": "user", "content": prompt}, "parent_tool_use_id": null,
        "session_id": "", "uuid": Uuid::new_v4().to_string(),
    }));
}

fn is_idle(message: &Value) -> bool {
    message["subtype"] == "session_state_changed" && message["state"] == "idle"
}

fn result(seen: &[Value]) -> &Value {
    seen.iter().find(|message| message["type"] == "result").unwrap()
}

#[test]
fn claude_says_what_the_model_says() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let seen = turn(&mut driver, &Script::new().text("Hello from the script.").prompt("Say hello."));
    let deltas: String =
        seen.iter().filter_map(|message| message["event"]["delta"]["text"].as_str()).collect();
    assert_eq!(deltas, "Hello from the script.");
    assert_eq!(result(&seen)["result"], "Hello from the script.");
    assert_eq!(result(&seen)["is_error"], false);
    assert!(driver.end().success());
    let requests = ground.model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-api-key"), Some(FAKE_KEY));
}

#[test]
fn claude_runs_a_tool_that_was_allowed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let script =
        Script::new().tool("Bash", json!({"command": "echo hi > hello.txt; cat hello.txt"})).text("Made it.");
    let seen = turn(&mut driver, &script.prompt("Make a file."));
    let asked: Vec<&Value> =
        seen.iter().filter(|message| message["request"]["tool_name"] == "Bash").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(result(&seen)["result"], "Made it.");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 1]);
    assert_eq!(ground.model.scripted_calls()[1].tool_results(), ["hi"]);
    driver
        .send(&json!({"type": "control_request", "request_id": "2", "request": {"subtype": "end_session"}}));
    assert!(driver.ended().success());
}

#[test]
fn claude_shows_half_of_a_text_while_the_gate_is_closed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    say(&mut driver, &Script::new().gate("half", "First. Second").prompt("Talk."));
    until(&mut driver, |message| message["event"]["delta"]["text"] == "First. ");
    ground.model.open_gate("half");
    let seen = until(&mut driver, is_idle);
    assert_eq!(result(&seen)["result"], "First. Second");
}

/// A subagent gets its own script inside the prompt that the tool call hands it.
#[test]
fn claude_hands_a_subagent_its_own_script() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let inner = Script::new().tool("Bash", json!({"command": "echo hi > hello.txt"})).text("Sub done.");
    let input = json!({
        "description": "look", "subagent_type": "general-purpose", "run_in_background": false,
        "prompt": inner.prompt("Make a file."),
    });
    let seen = turn(&mut driver, &Script::new().tool("Agent", input).text("All done.").prompt("Delegate."));
    assert_eq!(result(&seen)["result"], "All done.");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 0, 1, 1]);
}
