//! Permission: every outcome, and the habits of several real agents.

use serde_json::{Value, json};

use crate::driver::{Agent, Scratch, Turned};

/// Plays steps whose one ask is answered like this.
fn answered(agent: &mut Agent, steps: Value, outcome: Value) -> (Value, Turned) {
    let session = agent.open();
    let id = agent.prompt(&session, steps);
    let ask = agent.until("session/request_permission");
    agent.answer(&ask, json!({"outcome": outcome}));
    (ask, agent.until_answer(&id))
}

fn chosen(option: &str) -> Value {
    json!({"outcome": "selected", "optionId": option})
}

#[test]
fn the_turn_goes_on_according_to_the_outcome() {
    let steps = json!([
        {"ask": "Delete it?", "input": {"command": "rm x"}, "then_text_on_allow": "gone", "then_text_on_reject": "kept",
         "on_allow": [{"text": "+"}], "on_reject": [{"text": "-"}]},
        {"text": "end"},
    ]);
    for (outcome, said, status) in [
        (chosen("allow_once"), &["allowed (allow_once)", "gone", "+", "end"], "completed"),
        (chosen("allow_always"), &["allowed (allow_always)", "gone", "+", "end"], "completed"),
        (chosen("reject_once"), &["denied (reject_once)", "kept", "-", "end"], "failed"),
        (json!({"outcome": "cancelled"}), &["cancelled", "kept", "-", "end"], "failed"),
        (chosen("nonsense"), &["failed: no such option: nonsense", "kept", "-", "end"], "failed"),
    ] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&[]);
        let (ask, turned) = answered(&mut agent, steps.clone(), outcome);
        assert_eq!(turned.chunks("agent_message_chunk"), said);
        assert_eq!(turned.updates()[0]["status"], status);
        assert_eq!(turned.updates()[0]["toolCallId"], ask["params"]["toolCall"]["toolCallId"]);
        assert_eq!(turned.stop(), "end_turn");
    }
}

#[test]
fn an_ask_looks_like_a_real_one() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.prompt(
        &session,
        json!([{"ask": "Run ls", "kind": "execute", "name": "Bash", "input": {"command": "ls"}}]),
    );
    let call = agent.until("tool_call")["params"]["update"].clone();
    let ask = agent.message();
    assert_eq!(ask["method"], "session/request_permission");
    assert_eq!(ask["id"], 0);
    assert_eq!(ask["params"]["sessionId"], session.as_str());
    let id = &call["toolCallId"];
    assert_eq!(
        ask["params"]["toolCall"],
        json!({"toolCallId": id, "title": "Run ls", "kind": "execute", "status": "pending",
               "rawInput": {"command": "ls"}, "name": "Bash"})
    );
    let kinds: Vec<_> =
        ask["params"]["options"].as_array().unwrap().iter().map(|o| o["kind"].clone()).collect();
    assert_eq!(kinds, ["allow_once", "allow_always", "reject_once"]);
}

#[test]
fn options_can_have_ids_of_their_own() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let options =
        json!([{"optionId": "y", "kind": "allow_once", "name": "Yes"}, {"id": "n", "kind": "reject_always"}]);
    let (ask, turned) = answered(&mut agent, json!([{"ask": "Sure?", "options": options}]), chosen("n"));
    assert_eq!(
        ask["params"]["options"],
        json!([
            {"optionId": "y", "name": "Yes", "kind": "allow_once"},
            {"optionId": "n", "name": "Always reject", "kind": "reject_always"},
        ])
    );
    assert_eq!(turned.said(), "denied (n)");
}

#[test]
fn an_error_is_an_answer_too() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"ask": "Sure?"}]));
    let ask = agent.until("session/request_permission");
    agent.send(&json!({"jsonrpc": "2.0", "id": ask["id"], "error": {"code": -32601, "message": "never heard of it"}}));
    assert_eq!(agent.until_answer(&id).said(), "failed: never heard of it");
}

#[test]
fn some_agents_end_their_turn_on_a_reject() {
    for (habit, stop) in [("cancelled_on_reject", "cancelled"), ("end_on_reject", "end_turn")] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&[]);
        let steps = json!([habit, {"ask": "Sure?"}, {"text": "not reached"}]);
        let (_, turned) = answered(&mut agent, steps, chosen("reject_once"));
        assert_eq!((turned.said().as_str(), turned.stop()), ("", stop));
    }
}

#[test]
fn some_agents_send_no_tool_call_before_they_ask() {
    let steps = json!([{"ask": "Sure?", "no_tool_call": true}]);
    for (option, kinds) in [
        ("allow_once", &["tool_call_update", "agent_message_chunk"][..]),
        ("reject_once", &["agent_message_chunk"]),
    ] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&[]);
        let (_, turned) = answered(&mut agent, steps.clone(), chosen(option));
        assert_eq!(turned.kinds(), kinds);
    }
}

#[test]
fn an_agent_may_withdraw_its_ask() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"ask": "Sure?", "withdraw_after_ms": 5}]));
    let ask = agent.until("session/request_permission");
    let withdrawn = agent.until("$/cancel_request");
    assert_eq!(withdrawn["params"]["requestId"], ask["id"]);
    agent.choose(&ask, "allow_once");
    assert_eq!(agent.until_answer(&id).said(), "withdrawn");
}

#[test]
fn ids_can_be_strings() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--string-ids"]);
    let (ask, turned) = answered(&mut agent, json!([{"ask": "Sure?"}]), chosen("allow_once"));
    assert!(ask["id"].is_string(), "{ask}");
    assert_eq!(turned.said(), "allowed (allow_once)");
}

#[test]
fn in_bypass_mode_nothing_is_asked() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(&session, json!([{"mode": "bypass"}, {"ask": "Sure?"}]));
    assert_eq!(turned.said(), "allowed (bypass)");
}
