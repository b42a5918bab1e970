//! Lines that the program would never write: nothing panics, nothing is fatal, and nothing
//! that is remembered grows without a bound.

use proptest::prelude::*;
use serde_json::{Value, json};
use tenure_core::agent::{Codec, EncodeContext, Signal};

use super::restart::restarted;
use super::{CodexCodec, Fed, THREAD, names, record, recording, with_offsets};

/// The values below a value, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum::<usize>(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, left: &mut usize, with: &Value) -> bool {
    if *left == 0 {
        *value = with.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| replace(item, left, with)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, left, with)),
        _ => false,
    }
}

fn strange() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!([])),
        Just(json!({})),
        Just(json!("x".repeat(5000))),
        Just(json!(true)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recordings_with_strange_values_are_read(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), strange()), 1..30),
        stop in any::<prop::sample::Index>(),
    ) {
        let names = names();
        let recording = recording(&names[which.index(names.len())]);
        let mut lines: Vec<Value> = recording.lines.clone();
        for (line, at, with) in &changes {
            let line = line.index(lines.len());
            let mut at = at.index(size(&lines[line]));
            replace(&mut lines[line], &mut at, with);
        }
        let lines = with_offsets(lines.iter().map(|line| line.to_string().into_bytes()));
        let stop = stop.index(lines.len());
        let mut codec = CodexCodec::new(recording.record.clone());
        for (done, (offset, line)) in lines.iter().enumerate() {
            for signal in codec.decode(*offset, line) {
                if let Signal::Send(command) = signal {
                    // A command may have no words; that is said, and is no panic.
                    let _ = codec.encode(9, &command, &EncodeContext::default());
                }
            }
            if done == stop {
                prop_assert_eq!(restarted(&codec, &lines, done + 1).save(), codec.save());
            }
        }
        codec.open_text();
        codec.cut();
        prop_assert!(codec.open_offset().is_none());
    }

    #[test]
    fn any_bytes_are_read(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut fed = Fed::new(record());
        for line in &lines {
            for signal in fed.line(line) {
                let native = matches!(signal, Signal::Native { .. });
                prop_assert!(native);
            }
        }
    }
}

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
    let told = fed.say(goal.clone());
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

#[test]
fn saved_memory_of_another_kind_is_not_fatal() {
    for saved in [
        json!(null),
        json!({}),
        json!({"memory": 5}),
        json!([]),
        json!({"memory": {"seen": "x"}, "open": []}),
    ] {
        let mut codec = CodexCodec::new(record());
        codec.restore(&saved);
        assert_eq!(codec.open_offset(), None);
    }
}

/// A program that never stops talking does not fill the memory.
#[test]
fn memory_is_bounded() {
    let mut fed = Fed::ready();
    for n in 0..2000 {
        let turn = format!("turn-{n}");
        fed.say(json!({"id": format!("{n}.turn"), "result": {"turn": {"id": turn}}}));
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
        fed.say(json!({"id": "0.terminals", "result": {"data": [terminal]}}));
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
