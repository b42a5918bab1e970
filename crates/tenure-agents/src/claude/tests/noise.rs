//! Lines that the program would never write: nothing panics, nothing is fatal.

use proptest::prelude::*;
use serde_json::{Value, json};
use tenure_core::agent::{Codec, EncodeContext, Signal};

use super::{ClaudeCodec, Fed, names, recording, restart::restarted, start_record, with_offsets};

/// Replaces the `at`th value of a tree, counted in order.
fn replace(value: &mut Value, at: &mut usize, with: &Value) -> bool {
    if *at == 0 {
        *value = with.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| replace(item, at, with)),
        Value::Object(map) => map.iter_mut().any(|(_, item)| replace(item, at, with)),
        _ => false,
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {"type": "tool_use", "id": "x"}, 7])),
        Just(json!({"type": "text", "text": 5})),
        Just(json!("x".repeat(100_000))),
        "\\PC{0,20}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_recordings_never_panic_and_survive_a_restart(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), odd_value()), 1..12),
        stop in any::<prop::sample::Index>(),
    ) {
        let names = names();
        let recording = recording(&names[which.index(names.len())]);
        let mut lines: Vec<Vec<u8>> = recording.output().into_iter().map(|(_, line)| line).collect();
        for (line, at, with) in &changes {
            let line = line.index(lines.len());
            let mut frame: Value = serde_json::from_slice(&lines[line]).unwrap_or_default();
            let mut at = at.index(size(&frame));
            replace(&mut frame, &mut at, with);
            lines[line] = frame.to_string().into_bytes();
        }
        let lines = with_offsets(lines);
        let stop = stop.index(lines.len());
        let mut codec = ClaudeCodec::new(recording.record.clone());
        for (done, (offset, line)) in lines.iter().enumerate() {
            for signal in codec.decode(*offset, line) {
                if let Signal::Send(command) = signal {
                    codec.encode(9, &command, &EncodeContext::default()).unwrap();
                }
            }
            if done == stop {
                prop_assert!(restarted(&codec, &lines, done + 1) == codec);
            }
        }
        codec.open_text();
        codec.cut();
        prop_assert!(codec.open_offset().is_none());
    }

    #[test]
    fn any_bytes_are_read(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut fed = Fed::new(start_record());
        for line in &lines {
            for signal in fed.line(line) {
                let native = matches!(signal, Signal::Native { .. });
                prop_assert!(native);
            }
        }
    }
}

#[test]
fn what_is_no_frame_is_kept_as_malformed() {
    let mut fed = Fed::new(start_record());
    let deep = format!("{}{}", "{\"a\":".repeat(500), "1");
    for line in [&b"[SandboxDebug] hello"[..], b"{\"type\":", b"\xff\xfe", b"[1]", deep.as_bytes()] {
        let kinds = fed.line(line);
        assert!(
            matches!(&kinds[..], [Signal::Native { kind, value: None, .. }] if kind == "malformed"),
            "{kinds:?}"
        );
    }
    assert!(fed.line(b"").is_empty());
    assert!(fed.line(b"   ").is_empty());
}

#[test]
fn unknown_kinds_are_handed_on_by_name() {
    let mut fed = Fed::new(start_record());
    let cases = [
        (json!({"type": "auth_status", "x": 1}), "auth_status"),
        (json!({"type": "system", "subtype": "memory_recall"}), "system/memory_recall"),
        (json!({"type": "system"}), "system/unknown"),
        (json!({"no": "type"}), "unknown"),
        (json!({"type": 5}), "unknown"),
    ];
    for (frame, expected) in cases {
        let told = fed.frame(frame.clone());
        assert!(
            matches!(&told[..], [Signal::Native { kind, value: Some(value), .. }] if kind == expected && *value == frame),
            "{told:?}"
        );
    }
    for subtype in ["ui_invalidate", "hook_started", "thinking_tokens", "control_request_progress"] {
        assert!(fed.frame(json!({"type": "system", "subtype": subtype})).is_empty());
    }
    assert!(fed.frame(json!({"type": "keep_alive"})).is_empty());
}

#[test]
fn saved_memory_of_another_kind_is_not_fatal() {
    for saved in [json!(null), json!({}), json!({"memory": 5}), json!([]), json!({"memory": {"upto": "x"}})] {
        let mut codec = ClaudeCodec::new(start_record());
        codec.restore(&saved);
        assert_eq!(codec.open_offset(), None);
    }
}

/// A program that never stops talking does not fill the memory.
#[test]
fn memory_is_bounded() {
    let mut fed = Fed::new(start_record());
    for n in 0..2000 {
        let id = format!("toolu_{n}");
        let parent = format!("parent_{n}");
        fed.frame(json!({"type": "assistant", "parent_tool_use_id": parent, "uuid": id, "message": {
            "id": format!("msg_{n}"), "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "x"}}],
        }}));
        fed.frame(json!({"type": "system", "subtype": "task_started", "task_id": id, "tool_use_id": parent, "is_backgrounded": true}));
        fed.frame(json!({"type": "command_lifecycle", "command_uuid": id, "state": "started"}));
    }
    assert!(fed.codec.messages.open.len() <= 32);
    assert!(fed.codec.memory.calls.len() <= 256);
    assert!(fed.codec.memory.tasks.len() <= 256);
    assert!(fed.codec.memory.coming.len() <= 256);
    let saved = fed.codec.save().to_string().len();
    assert!(saved < 400_000, "{saved} bytes are saved");
}

#[test]
fn a_message_without_end_stops_being_streamed() {
    let mut fed = Fed::new(start_record());
    fed.frame(json!({"type": "stream_event", "event": {"type": "message_start", "message": {"id": "m"}}}));
    let piece = "x".repeat(1 << 20);
    let delta = json!({"type": "stream_event", "event": {"type": "content_block_delta", "index": 0,
        "delta": {"type": "text_delta", "text": piece}}});
    let told: usize = (0..40).map(|_| fed.frame(delta.clone()).len()).sum();
    assert_eq!(told, 8);
    assert_eq!(fed.codec.open_text().deltas[0].text.len(), 8 << 20);
    let whole = "y".repeat(40 << 20);
    let signals = fed.frames([
        json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": whole}]}}),
        json!({"type": "stream_event", "event": {"type": "message_stop"}}),
    ]);
    assert!(
        matches!(&signals[..], [Signal::Message(message)] if !message.partial),
        "the whole text comes at the end"
    );
}

#[test]
fn all_recordings_are_read_without_anything_malformed_or_late() {
    for name in names() {
        for signal in recording(&name).signals() {
            if let Signal::Native { kind, value, .. } = signal {
                assert!(kind != "malformed" && kind != "late", "{name}: {kind} {value:?}");
            }
        }
    }
}
