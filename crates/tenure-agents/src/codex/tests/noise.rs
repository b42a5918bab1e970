//! Lines that the program would never write: nothing panics, nothing is fatal, and nothing
//! that is remembered grows without a bound.

use serde_json::json;
use tenure_core::agent::Signal;

use super::{Fed, THREAD, record};

#[test]
fn what_is_no_message_is_kept_as_malformed() {
    let mut fed = Fed::new(record());
    let deep = format!("{}{}", "{\"a\":".repeat(500), "1");
    for line in [&b"WARNING: hello"[..], b"{\"id\":", b"\xff\xfe", b"[1]", b"{\"method\":7}", deep.as_bytes()]
    {
        let told = fed.line(line);
        assert!(matches!(&told[..], [Signal::Native { kind, .. }] if kind == "malformed"), "{told:?}");
    }
    assert!(fed.line(b"").is_empty());
    assert!(fed.line(b"  ").is_empty());
}

#[test]
fn unknown_kinds_are_handed_on_by_name() {
    let mut fed = Fed::ready();
    let goal = json!({"method": "thread/goal/updated", "params": {"threadId": THREAD, "goal": {}}});
    let told = fed.frame(goal.clone());
    assert!(
        matches!(&told[..], [Signal::Native { kind, value: Some(value), .. }] if kind == "thread/goal/updated" && *value == goal)
    );
    fed.begin(3, "t1");
    for (item, kind) in [("enteredReviewMode", "item/enteredReviewMode"), ("brandNew", "item/brandNew")] {
        assert_eq!(fed.item("started", "t1", json!({"type": item, "id": "i"})), []);
        let told = fed.item("completed", "t1", json!({"type": item, "id": "i"}));
        assert!(matches!(&told[..], [Signal::Native { kind: told, .. }] if told == kind), "{told:?}");
    }
    for quiet in ["thread/status/changed", "turn/diff/updated", "remoteControl/status/changed"] {
        assert_eq!(fed.tell(quiet, json!({})), []);
    }
}

/// A program that never stops talking does not fill the memory.
#[test]
fn memory_is_bounded() {
    let mut fed = Fed::ready();
    for n in 0..2000 {
        let turn = format!("turn-{n}");
        fed.frame(json!({"id": format!("{n}.turn"), "result": {"turn": {"id": turn}}}));
        fed.tell("turn/started", json!({"turn": {"id": turn}}));
        fed.item("started", &turn, json!({"type": "userMessage", "id": "u", "clientId": format!("c{n}")}));
        fed.item(
            "started",
            &turn,
            json!({"type": "commandExecution", "id": format!("x{n}"), "command": "y".repeat(9000)}),
        );
        fed.item("started", &turn, json!({"type": "agentMessage", "id": format!("m{n}"), "text": ""}));
        fed.tell(
            "mcpServer/startupStatus/updated",
            json!({"name": format!("s{n}"), "status": "failed", "error": "e".repeat(9000)}),
        );
        let terminal = json!({"itemId": format!("b{n}"), "processId": "1", "command": "z"});
        fed.frame(json!({"id": "0.terminals", "result": {"data": [terminal]}}));
    }
    let memory = &fed.codec.memory;
    assert!(fed.codec.open.len() <= 64);
    assert!(memory.calls.len() <= 256 && memory.tasks.len() <= 256 && memory.turns.len() <= 256);
    assert!(memory.coming.len() <= 8 && memory.ended.len() <= 8 && memory.servers.len() <= 200);
}

#[test]
fn a_message_without_end_stops_being_streamed_and_its_end_tells_it_whole() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", json!({"type": "agentMessage", "id": "m", "text": ""}));
    let piece = "x".repeat(1 << 20);
    let told: usize = (0..20)
        .map(|_| {
            fed.tell("item/agentMessage/delta", json!({"turnId": "t1", "itemId": "m", "delta": piece})).len()
        })
        .sum();
    assert_eq!(told, 4);
    let told =
        fed.item("completed", "t1", json!({"type": "agentMessage", "id": "m", "text": "y".repeat(9 << 20)}));
    assert!(matches!(&told[..], [Signal::Message(message)] if !message.partial), "the end is the truth");
}
