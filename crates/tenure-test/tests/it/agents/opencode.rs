//! OpenCode over ACP v1.

use serde_json::json;
use tenure_model::Script;
use tenure_test::agents::{FAKE_KEY, opencode};

use super::Ground;
use super::acp::{Session, asks, said};
use super::driver::Driver;

fn open(ground: &Ground) -> Session {
    let setup = opencode(&ground.model.url(), ground.scratch.path()).unwrap();
    let driver = Driver::start(&setup, &[], ground.work.path(), ground.scratch.path());
    Session::open(driver, ground.work.path())
}

#[test]
fn opencode_says_what_the_model_says() {
    let ground = Ground::new();
    let mut session = open(&ground);
    let (seen, answer) = session.prompt(&Script::new().text("Hello from the script.").prompt("Say hello."));
    assert_eq!(said(&seen), "Hello from the script.");
    assert_eq!(answer["stopReason"], "end_turn");
    let requests = ground.model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {FAKE_KEY}").as_str()));
}

#[test]
fn opencode_runs_a_tool_that_was_allowed() {
    let ground = Ground::new();
    let mut session = open(&ground);
    let input = json!({"command": "echo hi > hello.txt; cat hello.txt", "description": "make a file"});
    let (seen, answer) =
        session.prompt(&Script::new().tool("bash", input).text("Made it.").prompt("Make a file."));
    assert_eq!(asks(&seen), 1);
    assert_eq!(said(&seen), "Made it.");
    assert_eq!(answer["stopReason"], "end_turn");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 1]);
}

#[test]
fn opencode_shows_half_of_a_text_while_the_gate_is_closed() {
    let ground = Ground::new();
    let mut session = open(&ground);
    let prompt = Script::new().gate("half", "First. Second").prompt("Talk.");
    let (seen, answer) = session.prompt_watched(&prompt, |seen| {
        if said(seen) == "First. " {
            ground.model.open_gate("half");
        }
    });
    assert_eq!(said(&seen), "First. Second");
    assert_eq!(answer["stopReason"], "end_turn");
}
