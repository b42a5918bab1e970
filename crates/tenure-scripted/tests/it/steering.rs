//! Texts that are taken into a running turn.

use serde_json::{Value, json};
use tenure_scripted::{Act, script};

use crate::driver::{Agent, Scratch};

fn steer(agent: &mut Agent, session: &str, text: &str) -> Value {
    agent.request(
        "_session/steering",
        json!({"sessionId": session, "prompt": [{"type": "text", "text": text}]}),
    )
}

fn at_the_gate(scratch: &Scratch) {
    scratch.wait_record(|e| matches!(e.act, Act::GateWaiting { .. }).then_some(()));
}

#[test]
fn a_steered_text_is_taken_in_at_the_next_step() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turn = agent.prompt(&session, json!([{"gate": "gate"}, {"text": "after"}]));
    at_the_gate(&scratch);
    let steered = steer(&mut agent, &session, "turn left");
    assert_eq!(agent.until_answer(&steered).answer["result"], json!({"outcome": "injected"}));
    let scripted = steer(&mut agent, &session, &script(&json!([{"text": "by script"}])));
    agent.until_answer(&scripted);
    std::fs::write(scratch.work("gate"), "").unwrap();
    let turned = agent.until_answer(&turn);
    assert_eq!(turned.chunks("agent_message_chunk"), ["Steered: turn left", "by script", "after"]);
    let taken = scratch.record().into_iter().filter(|e| matches!(e.act, Act::SteerTaken { .. })).count();
    assert_eq!(taken, 2);
}

#[test]
fn the_last_step_is_a_boundary_too() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turn = agent.prompt(&session, json!([{"text": "before"}, {"gate": "gate"}]));
    agent.until("agent_message_chunk");
    at_the_gate(&scratch);
    let steered = steer(&mut agent, &session, "one more");
    agent.until_answer(&steered);
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.until_answer(&turn).said(), "Steered: one more");
}

#[test]
fn without_a_turn_nothing_is_steered() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let steered = steer(&mut agent, &session, "too late");
    assert_eq!(agent.until_answer(&steered).answer["error"]["code"], -32600);
    let broken = steer(&mut agent, &session, "@@[{]@@");
    assert_eq!(agent.until_answer(&broken).answer["error"]["code"], -32602);
}
