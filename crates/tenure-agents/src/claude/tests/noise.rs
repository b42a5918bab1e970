//! Lines that the program would never write: nothing panics, nothing is fatal.

use serde_json::json;
use tenure_core::agent::{Codec, Signal};

use super::{Fed, start_record};

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
    let saved = fed.codec.save().as_str().len();
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
