//! The end that a client asks for, at every point of a turn.

use serde_json::{Value, json};
use tenure_scripted::Act;

use crate::driver::{Agent, Scratch, Turned};

/// Starts the steps, waits for the word "go", cancels.
fn cancelled(agent: &mut Agent, steps: Value) -> Turned {
    let session = agent.open();
    let id = agent.prompt(&session, steps);
    agent.until("agent_message_chunk");
    agent.cancel(&session);
    agent.until_answer(&id)
}

#[test]
fn a_cancel_ends_every_wait() {
    for wait in [
        json!({"sleep_ms": 3_600_000}),
        json!({"gate": "never"}),
        json!({"text": "ab", "chunks": 2, "delay_ms": 3_600_000}),
        json!({"numbered": {"to": 2, "delay_us": 3_600_000_000_u64}}),
        json!({"bench": {"events": 2, "rate_per_second": 0.0001}}),
        json!({"request": "some/thing"}),
        json!({"fs_read": "x"}),
    ] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&[]);
        let turned = cancelled(&mut agent, json!([{"text": "go"}, wait, {"text": "not reached"}]));
        assert_eq!(turned.stop(), "cancelled", "{wait}");
        assert!(!turned.said().contains("not reached"), "{wait}");
    }
}

#[test]
fn a_cancel_while_asking_does_not_wait_for_the_answer() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"ask": "Sure?"}, {"text": "not reached"}]));
    let ask = agent.until("session/request_permission");
    agent.cancel(&session);
    let turned = agent.until_answer(&id);
    assert_eq!((turned.stop(), turned.said().as_str()), ("cancelled", ""));
    assert_eq!(turned.updates()[0]["status"], "failed");
    agent.answer(&ask, json!({"outcome": {"outcome": "cancelled"}}));
    assert_eq!(agent.turn(&session, json!([{"text": "next"}])).said(), "next");
}

#[test]
fn some_agents_withdraw_the_ask_on_a_cancel() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"ask": "Sure?", "withdraw_on_cancel": true}]));
    let ask = agent.until("session/request_permission");
    agent.cancel(&session);
    assert_eq!(agent.until("$/cancel_request")["params"]["requestId"], ask["id"]);
    assert_eq!(agent.until_answer(&id).stop(), "cancelled");
}

#[test]
fn some_agents_say_that_a_cancelled_turn_ended() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let turned = cancelled(&mut agent, json!(["cancel_as_end_turn", {"text": "go"}, {"gate": "never"}]));
    assert_eq!(turned.stop(), "end_turn");
}

#[test]
fn a_slow_agent_ends_too() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let turned = cancelled(&mut agent, json!([{"slow_cancel_ms": 20}, {"text": "go"}, {"gate": "never"}]));
    assert_eq!(turned.stop(), "cancelled");
}

#[test]
fn a_deaf_agent_goes_on() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id =
        agent.prompt(&session, json!(["ignore_cancel", {"text": "go"}, {"gate": "gate"}, {"text": "done"}]));
    agent.until("agent_message_chunk");
    agent.cancel(&session);
    scratch.wait_record(|entry| matches!(entry.act, Act::Cancelled { .. }).then_some(()));
    std::fs::write(scratch.work("gate"), "").unwrap();
    let turned = agent.until_answer(&id);
    assert_eq!((turned.stop(), turned.said().as_str()), ("end_turn", "done"));
}

#[test]
fn a_cancelled_request_is_answered_with_an_error() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"gate": "never"}]));
    agent.notify("$/cancel_request", json!({"requestId": id}));
    assert_eq!(agent.until_answer(&id).answer["error"]["code"], -32800);
}

#[test]
fn a_cancel_with_nothing_to_cancel_does_nothing() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.cancel(&session);
    agent.cancel("unknown");
    agent.notify("$/cancel_request", json!({"requestId": 99}));
    assert_eq!(agent.turn(&session, json!([{"text": "next"}])).said(), "next");
}
