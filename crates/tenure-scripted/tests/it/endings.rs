//! How turns and processes end, well and badly.

use std::os::unix::process::ExitStatusExt;

use serde_json::{Value, json};
use tenure_scripted::Act;

use crate::driver::{Agent, Scratch};

fn opened(scratch: &Scratch) -> (Agent, String) {
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    (agent, session)
}

#[test]
fn any_stop_reason_can_be_given() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    for reason in ["max_tokens", "refusal", "moon_in_the_wrong_house"] {
        let turned = agent.turn(&session, json!([{"text": "a"}, {"stop": reason}, {"text": "not reached"}]));
        assert_eq!((turned.stop(), turned.said().as_str()), (reason, "a"));
    }
}

#[test]
fn a_prompt_can_fail() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    let failed = agent.turn(&session, json!([{"error": {"code": -32000, "message": "log in first"}}]));
    assert_eq!(failed.answer["error"], json!({"code": -32000, "message": "log in first"}));
    let failed = agent.turn(&session, json!([{"error": "oh"}]));
    assert_eq!(failed.answer["error"], json!({"code": -32603, "message": "oh"}));
}

#[test]
fn a_turn_can_end_well_with_its_error_on_stderr() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    let turned =
        agent.turn(&session, json!([{"stderr": "a warning"}, {"end_turn_with_error": "model says 400"}]));
    assert_eq!((turned.stop(), turned.before.len()), ("end_turn", 0));
    agent.close_stdin();
    assert_eq!(agent.stderr(), "a warning\nmodel says 400\n");
}

#[test]
fn the_process_can_exit_crash_and_die_within_a_turn() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    agent.prompt(&session, json!([{"text": "last"}, {"exit": 7, "stderr": "bye"}, {"text": "not reached"}]));
    assert_eq!(agent.exited().code(), Some(7));
    assert_eq!(agent.stderr(), "bye\n");
    assert_eq!(agent.message()["params"]["update"]["content"]["text"], "last");
    assert_eq!(agent.line(), None);

    let (mut agent, session) = opened(&scratch);
    agent.prompt(&session, json!(["crash_stderr"]));
    assert_eq!(agent.exited().code(), Some(101));
    assert!(agent.stderr().contains("panicked"));

    let (mut agent, session) = opened(&scratch);
    agent.prompt(&session, json!([{"text": "last"}, "kill_self"]));
    assert_eq!(agent.exited().signal(), Some(9));
    let last = scratch.record().pop().unwrap().act;
    assert_eq!(last, Act::Exiting { code: None, signal: Some("SIGKILL".into()) });
}

#[test]
fn answers_can_come_twice_late_and_for_nothing() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    let steps =
        json!(["duplicate_response", {"late_response_ms": 1}, {"late_response_ms": 1, "id": "never asked"}]);
    let id = agent.prompt(&session, steps);
    let ids: Vec<Value> = (0..4).map(|_| agent.message()["id"].clone()).collect();
    assert_eq!(ids, [id.clone(), id.clone(), id, json!("never asked")]);
    assert_eq!(agent.turn(&session, json!([{"text": "next"}])).said(), "next");
}

#[test]
fn updates_can_come_outside_a_turn() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    let after = json!([{"gate": "gate"}, {"title": "Late"}, {"text": "by myself"}, {"tool": "t"}]);
    let turned = agent.turn(&session, json!([{"text": "in turn"}, {"self_update_after_turn": after}]));
    assert_eq!(turned.said(), "in turn");
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.until("session_info_update")["params"]["update"]["title"], "Late");
    assert_eq!(agent.message()["params"]["update"]["content"]["text"], "by myself");
    assert_eq!(agent.message()["params"]["update"]["sessionUpdate"], "tool_call");
}

#[test]
fn a_reader_that_goes_ends_the_agent() {
    let scratch = Scratch::new();
    let (mut agent, session) = opened(&scratch);
    agent.prompt(&session, json!([{"gate": "gate"}, {"flood": 100_000, "bytes": 1000}]));
    agent.stop_reading();
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.exited().code(), Some(1));
    assert!(scratch.record().iter().any(|e| matches!(e.act, Act::StdoutClosed { .. })));
}
