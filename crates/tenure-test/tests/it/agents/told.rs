//! What is asked of every agent that speaks ACP v1, before Tenure comes between: that it says, does and shows what
//! the scripted model tells it to. So a failure elsewhere is Tenure's.

use serde_json::json;
use tenure_model::Script;
use tenure_test::agents::{AgentError, AgentSetup, FAKE_KEY, goose, opencode};

use super::Ground;
use super::acp::{Session, asks, said};
use super::driver::Driver;

type Setup = fn(&str, &std::path::Path) -> Result<AgentSetup, AgentError>;

fn open(ground: &Ground, setup: Setup) -> Session {
    let setup = setup(&ground.model.url(), ground.scratch.path()).unwrap();
    let driver = Driver::start(&setup, &[], ground.work.path(), ground.scratch.path());
    Session::open(driver, ground.work.path())
}

fn says(setup: Setup) {
    let ground = Ground::new();
    let mut session = open(&ground, setup);
    let (seen, answer) = session.prompt(&Script::new().text("Hello from the script.").prompt("Say hello."));
    assert_eq!(said(&seen), "Hello from the script.");
    assert_eq!(answer["stopReason"], "end_turn");
    let requests = ground.model.scripted_calls();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some(format!("Bearer {FAKE_KEY}").as_str()));
}

/// `shell` is the name of the agent's tool that runs a command.
fn runs(setup: Setup, shell: &str) {
    let ground = Ground::new();
    let mut session = open(&ground, setup);
    let input = json!({"command": "echo hi > hello.txt; cat hello.txt", "description": "make a file"});
    let (seen, answer) =
        session.prompt(&Script::new().tool(shell, input).text("Made it.").prompt("Make a file."));
    assert_eq!(asks(&seen), 1);
    assert_eq!(said(&seen), "Made it.");
    assert_eq!(answer["stopReason"], "end_turn");
    assert_eq!(ground.made(), "hi\n");
    assert_eq!(ground.steps(), [0, 1]);
}

fn shows_half(setup: Setup) {
    let ground = Ground::new();
    let mut session = open(&ground, setup);
    let prompt = Script::new().gate("half", "First. Second").prompt("Talk.");
    let (seen, answer) = session.prompt_watched(&prompt, |seen| {
        if said(seen) == "First. " {
            ground.model.open_gate("half");
        }
    });
    assert_eq!(said(&seen), "First. Second");
    assert_eq!(answer["stopReason"], "end_turn");
}

#[test]
fn goose_says_what_the_model_says() {
    says(goose);
}

#[test]
fn goose_runs_a_tool_that_was_allowed() {
    runs(goose, "shell");
}

#[test]
fn goose_shows_half_of_a_text_while_the_gate_is_closed() {
    shows_half(goose);
}

#[test]
fn opencode_says_what_the_model_says() {
    says(opencode);
}

#[test]
fn opencode_runs_a_tool_that_was_allowed() {
    runs(opencode, "bash");
}

#[test]
fn opencode_shows_half_of_a_text_while_the_gate_is_closed() {
    shows_half(opencode);
}
