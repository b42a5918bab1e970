//! What another process finds of a session whose process was killed.

use serde_json::json;

use crate::driver::{Scratch, Turned};

const KILLED: &str = "killed in the middle";

/// A session with a finished turn and one that was killed while it was at a gate.
fn killed(scratch: &Scratch) -> String {
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.call("session/set_mode", json!({"sessionId": session, "modeId": "plan"}));
    agent.call(
        "session/set_config_option",
        json!({"sessionId": session, "configId": "effort", "value": "high"}),
    );
    agent.turn(
        &session,
        json!([{"text": "one two", "chunks": 3}, {"think": "hm"}, {"tool": "t", "output": "o"}]),
    );
    agent.prompt(&session, json!([{"text": "before"}, {"text": KILLED, "chunks": 2, "delay_ms": 3_600_000}]));
    agent.until("agent_message_chunk");
    agent.until("agent_message_chunk");
    agent.kill();
    session
}

fn settings(turned: &Turned) -> (&str, &str) {
    let result = &turned.answer["result"];
    let effort = result["configOptions"][1]["currentValue"].as_str().unwrap();
    (result["modes"]["currentModeId"].as_str().unwrap(), effort)
}

#[test]
fn load_replays_every_step_that_was_finished() {
    let scratch = Scratch::new();
    let session = killed(&scratch);
    let mut agent = scratch.start(&[]);
    let loaded = agent.take_up("session/load", &session);
    assert_eq!(
        loaded.kinds(),
        [
            "user_message_chunk",
            "agent_message_chunk",
            "agent_thought_chunk",
            "tool_call",
            "tool_call_update",
            "user_message_chunk",
            "agent_message_chunk",
        ]
    );
    assert_eq!(loaded.chunks("agent_message_chunk"), ["one two", "before"]);
    assert!(loaded.chunks("user_message_chunk")[0].starts_with("@@["));
    assert_eq!(settings(&loaded), ("plan", "high"));
    agent.until("available_commands_update");
    assert_eq!(agent.turn(&session, json!([{"text": "again"}])).said(), "again");
}

#[test]
fn resume_replays_nothing_and_goes_on() {
    let scratch = Scratch::new();
    let session = killed(&scratch);
    let mut agent = scratch.start(&[]);
    let resumed = agent.take_up("session/resume", &session);
    assert!(resumed.before.is_empty());
    assert_eq!(settings(&resumed), ("plan", "high"));
    agent.until("available_commands_update");
    let turned = agent.turn(&session, json!([{"text": "again"}]));
    let new_id = turned.updates()[0]["messageId"].clone();
    drop(agent);
    let mut agent = scratch.start(&[]);
    let loaded = agent.take_up("session/load", &session);
    assert_eq!(loaded.chunks("agent_message_chunk"), ["one two", "before", "again"]);
    let ids = loaded.updates().iter().filter(|u| u["messageId"] == new_id).count();
    assert_eq!(ids, 1, "an id was given out twice");
}

#[test]
fn sessions_are_listed_with_their_titles() {
    let scratch = Scratch::new();
    let session = killed(&scratch);
    let mut agent = scratch.start(&[]);
    let other = agent.open();
    agent.turn(&other, json!([{"title": "Named"}]));
    let rows = agent.call("session/list", json!({}))["sessions"].clone();
    let rows = rows.as_array().unwrap();
    let title =
        |id: &str| rows.iter().find(|r| r["sessionId"] == id).unwrap()["title"].as_str().unwrap().to_owned();
    assert_eq!(rows.len(), 2);
    assert_eq!(title(&other), "Named");
    assert!(title(&session).starts_with("@@["));
    assert_eq!(rows[0]["cwd"], json!(scratch.work("")));
    assert_eq!(agent.call("session/list", json!({"cwd": "/elsewhere"}))["sessions"], json!([]));
}

#[test]
fn what_is_poured_is_replayed_as_one_message() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.turn(&session, json!([{"flood": 3}]));
    agent.kill();
    let mut agent = scratch.start(&[]);
    let loaded = agent.take_up("session/load", &session);
    assert_eq!(loaded.chunks("agent_message_chunk"), ["line 000001\nline 000002\nline 000003\n"]);
}

#[test]
fn the_home_can_be_chosen() {
    let scratch = Scratch::new();
    let home = scratch.work("elsewhere");
    let mut agent = scratch.start_with(&[], &[("TENURE_SCRIPTED_HOME", home.to_str().unwrap())]);
    let session = agent.open();
    assert!(home.join("sessions").join(format!("{session}.jsonl")).exists());
}

#[test]
fn a_fork_knows_what_was_said_and_goes_its_own_way() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--forks"]);
    let session = agent.open();
    agent.call("session/set_mode", json!({"sessionId": session, "modeId": "plan"}));
    agent.turn(&session, json!([{"text": "one"}]));
    let params = json!({"sessionId": session, "cwd": scratch.work(""), "mcpServers": []});
    let fork = agent.call("session/fork", params)["sessionId"].as_str().unwrap().to_owned();
    assert_ne!(fork, session);
    agent.turn(&fork, json!([{"text": "two"}]));
    let mut next = scratch.start(&["--forks"]);
    let loaded = next.take_up("session/load", &fork);
    assert_eq!(loaded.chunks("agent_message_chunk"), ["one", "two"]);
    assert_eq!(settings(&loaded).0, "plan");
    assert_eq!(next.take_up("session/load", &session).chunks("agent_message_chunk"), ["one"]);
}
