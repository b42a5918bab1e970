//! Pi over its rpc mode.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::agents::{FAKE_KEY, pi};

use super::Ground;
use super::driver::Driver;

fn start(ground: &Ground) -> Driver {
    let setup = pi(&ground.model.url(), ground.scratch.path()).unwrap();
    let mut driver = Driver::start(&setup, &["--mode", "rpc"], ground.work.path(), ground.scratch.path());
    driver.send(&json!({"id": "1", "type": "get_state"}));
    let answer = until(&mut driver, |message| message["id"] == "1").pop().unwrap();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["data"]["model"]["provider"], "fake");
    driver
}

/// Reads up to and with the first message for which `last` is true; says yes to what is asked.
fn until(driver: &mut Driver, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let message = driver.next();
        if message["method"] == "confirm" {
            let answer = json!({"type": "extension_ui_response", "id": message["id"], "confirmed": true});
            driver.send(&answer);
        }
        let done = last(&message);
        seen.push(message);
        if done {
            return seen;
        }
    }
}

fn is_settled(message: &Value) -> bool {
    message["type"] == "agent_settled"
}

fn turn(driver: &mut Driver, prompt: &str) -> Vec<Value> {
    driver.send(&json!({"id": "p", "type": "prompt", "message": prompt}));
    until(driver, is_settled)
}

fn said(seen: &[Value]) -> String {
    let pieces = seen.iter().map(|message| &message["assistantMessageEvent"]);
    pieces.filter(|event| event["type"] == "text_delta").filter_map(|event| event["delta"].as_str()).collect()
}

#[test]
fn pi_says_what_the_model_says() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let seen = turn(&mut driver, &Script::new().text("Hello from the script.").prompt("Say hello."));
    assert_eq!(said(&seen), "Hello from the script.");
    assert!(driver.end().success());
    let requests = ground.model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {FAKE_KEY}").as_str()));
}

#[test]
fn pi_runs_a_tool_that_was_allowed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    let input = json!({"command": "echo hi > hello.txt; cat hello.txt"});
    let seen = turn(&mut driver, &Script::new().tool("bash", input).text("Made it.").prompt("Make a file."));
    assert_eq!(seen.iter().filter(|message| message["method"] == "confirm").count(), 1);
    assert_eq!(said(&seen), "Made it.");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 1]);
    assert_eq!(ground.model.scripted_calls()[1].tool_results(), ["hi\n"]);
}

#[test]
fn pi_shows_half_of_a_text_while_the_gate_is_closed() {
    let ground = Ground::new();
    let mut driver = start(&ground);
    driver.send(&json!({
        "id": "p", "type": "prompt", "message": Script::new().gate("half", "First. Second").prompt("Talk."),
    }));
    let half = |message: &Value| message["assistantMessageEvent"]["delta"] == "First. ";
    until(&mut driver, half);
    ground.model.open_gate("half");
    let seen = until(&mut driver, is_settled);
    assert_eq!(said(&seen), "Second");
}
