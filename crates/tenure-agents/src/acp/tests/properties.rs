//! What holds for every stream: a restart at any line changes nothing, and no line, however
//! broken, does harm.

use proptest::prelude::*;
use serde_json::{Value, json};
use tenure_core::agent::{Codec, Decoded};

use super::recording::{Recording, Step};
use super::{Talk, record};
use crate::acp::AcpCodec;

/// Lines with their offsets.
fn placed(lines: Vec<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    let mut offset = 0;
    let place = |line: Vec<u8>| {
        let at = offset;
        offset += line.len() as u64 + 1;
        (at, line)
    };
    lines.into_iter().map(place).collect()
}

fn recorded(name: &str) -> (Recording, Vec<Vec<u8>>) {
    let recording = Recording::read(name);
    let mut lines = Vec::new();
    recording.play(|step, _| {
        if let Step::Heard(line) = step {
            lines.push(line.clone());
        }
    });
    (recording, lines)
}

/// Decodes in one go.
fn in_one(mut codec: AcpCodec, lines: &[(u64, Vec<u8>)]) -> (Decoded, AcpCodec) {
    let out = lines.iter().flat_map(|(offset, line)| codec.decode(*offset, line)).collect();
    (out, codec)
}

/// Decodes with a restart before each of the lines whose index is in `restarts`: the saved
/// memory is put into a new codec, which reads again from the oldest open message on.
fn with_restarts(
    new: impl Fn() -> AcpCodec,
    lines: &[(u64, Vec<u8>)],
    restarts: &[usize],
) -> (Decoded, AcpCodec) {
    let mut codec = new();
    let mut out = Vec::new();
    for (i, (offset, line)) in lines.iter().enumerate() {
        if restarts.contains(&i) {
            let (saved, open) = (codec.save(), codec.open_offset());
            codec = new();
            codec.restore(&saved);
            for (before, line) in &lines[..i] {
                if open.is_some_and(|open| *before >= open) {
                    let told = codec.decode(*before, line);
                    assert!(told.is_empty(), "what is read again tells nothing: {told:?}");
                }
            }
            assert_eq!(codec.save(), saved, "what is read again changes nothing that is saved");
        }
        out.extend(codec.decode(*offset, line));
    }
    (out, codec)
}

fn assert_same(new: impl Fn() -> AcpCodec, lines: &[(u64, Vec<u8>)], restarts: &[usize]) {
    let (mut once, mut one) = in_one(new(), lines);
    let (mut again, mut other) = with_restarts(new, lines, restarts);
    assert_eq!(one.save(), other.save());
    assert_eq!(one.open_text(), other.open_text());
    once.extend(one.cut());
    again.extend(other.cut());
    assert_eq!(once.len(), again.len());
    for (a, b) in once.iter().zip(&again) {
        assert_eq!(a, b);
    }
}

/// Every place of a restart, in the recordings that have the most in them.
#[test]
fn a_restart_anywhere_in_a_recording_changes_nothing() {
    for name in [
        "claude-crash",
        "codex-acp-crash",
        "goose-2-load",
        "claude-2-load",
        "gemini-crash-load",
        "opencode-crash",
    ] {
        let (recording, lines) = recorded(name);
        let lines = placed(lines);
        for at in 0..lines.len() {
            assert_same(|| recording.codec(), &lines, &[at]);
        }
    }
}

fn update(update: Value) -> Vec<u8> {
    json!({"method": "session/update", "params": {"sessionId": "s", "update": update}})
        .to_string()
        .into_bytes()
}

/// One thing that an agent may say, in any order.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let words = prop_oneof!["[a-zé ]{0,6}", Just("[MODE_UPDATE] x".to_owned()), Just("x".repeat(3 << 20))];
    let parent = prop_oneof![3 => Just(None), 1 => "[ab]".prop_map(Some)];
    let kind = prop_oneof![
        6 => Just("agent_message_chunk"), 2 => Just("agent_thought_chunk"), 1 => Just("user_message_chunk")
    ];
    let chunk =
        (kind, words, proptest::option::of("[mn]"), parent.clone()).prop_map(|(kind, text, id, parent)| {
            let mut value = json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}});
            if let Some(id) = id {
                value["messageId"] = json!(id);
            }
            if let Some(parent) = parent {
                value["_meta"] = json!({"claudeCode": {"parentToolUseId": parent}});
            }
            update(value)
        });
    let status = proptest::option::of(prop_oneof![
        Just("pending"),
        Just("in_progress"),
        Just("in_progress"),
        Just("completed"),
        Just("failed"),
        Just("odd")
    ]);
    let output = proptest::option::of(prop_oneof![4 => "[0-9]{1,4}", 1 => Just("z".repeat(600 << 10))]);
    let tool =
        (any::<bool>(), "[tuv]", status, output, parent).prop_map(|(call, id, status, output, parent)| {
            let word = if call { "tool_call" } else { "tool_call_update" };
            let mut value = json!({"sessionUpdate": word, "toolCallId": id, "status": status, "_meta": {}});
            if let Some(output) = output {
                value["_meta"]["terminal_output"] = json!({"data": output});
            }
            if let Some(parent) = parent {
                value["_meta"]["claudeCode"] = json!({"parentToolUseId": parent});
            }
            update(value)
        });
    let other = prop_oneof![
        Just(json!({"id": 52, "result": {"stopReason": "end_turn"}})),
        Just(json!({"id": 52, "result": {"stopReason": "cancelled"}})),
        Just(json!({"id": 1, "method": "session/request_permission", "params": {"toolCall": {"toolCallId": "t"}}})),
        Just(json!({"method": "session/update", "params": {"sessionId": "other", "update":
            {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "not ours"}}}})),
        Just(json!({"method": "session/update", "params": {"update":
            {"sessionUpdate": "available_commands_update", "availableCommands": []}}})),
        Just(json!("noise")),
    ]
    .prop_map(|line| line.to_string().into_bytes());
    prop_oneof![6 => chunk, 4 => tool, 2 => other]
}

/// The lines of a handshake: a new conversation, one that is loaded (whose replay comes
/// before the answer), or Gemini's (whose replay comes after it too).
fn handshake(kind: u8, replay: Vec<Vec<u8>>) -> (AcpCodec, Vec<Vec<u8>>) {
    let mut start = record();
    let line = |value: Value| value.to_string().into_bytes();
    let mut lines = vec![line(json!({"id": 16, "result": {"agentCapabilities": {"loadSession": true}}}))];
    if kind == 0 {
        lines.push(line(json!({"id": 33, "result": {"sessionId": "s"}})));
    } else {
        start.resume = tenure_core::agent::ResumeHow::Resume("s".into());
        start.preset = (kind == 2).then(|| "gemini".to_owned());
        lines.extend(replay);
        lines.push(line(json!({"id": 34, "result": {}})));
    }
    (AcpCodec::new(start), lines)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn restarts_change_nothing(
        kind in 0_u8..3,
        replay in proptest::collection::vec(any_line(), 0..6),
        said in proptest::collection::vec(any_line(), 1..24),
        restarts in proptest::collection::vec(0_usize..32, 1..4),
    ) {
        let (codec, mut lines) = handshake(kind, replay);
        lines.extend(said);
        let start = codec.record;
        assert_same(|| AcpCodec::new(start.clone()), &placed(lines), &restarts);
    }

    /// Values of a recording's line replaced by values of other types, and bytes by others.
    #[test]
    fn broken_lines_do_no_harm(
        which in any::<prop::sample::Index>(),
        breaks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..9), 1..12),
        restart in any::<prop::sample::Index>(),
    ) {
        let names = Recording::names();
        let (recording, mut lines) = recorded(&names[which.index(names.len())]);
        for (at, place, how) in breaks {
            let at = at.index(lines.len());
            lines[at] = broken(&lines[at], place, how);
        }
        let lines = placed(lines);
        let restart = restart.index(lines.len());
        assert_same(|| recording.codec(), &lines, &[restart]);
    }

    #[test]
    fn any_bytes_do_no_harm(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let mut talk = Talk::ready();
        for line in lines {
            talk.hears_bytes(&line);
        }
    }

    /// A memory that is not ours is not taken.
    #[test]
    fn a_strange_memory_does_no_harm(text in "\\PC{0,40}") {
        let mut codec = AcpCodec::new(record());
        codec.restore(&json!({"state": {"phase": text, "tools": [text]}, "open": text}));
        codec.restore(&json!(text));
        codec.decode(0, b"{}");
    }
}

fn broken(line: &[u8], place: prop::sample::Index, how: u8) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(line) else { return line.to_vec() };
    let strange = match how {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!("word"),
        3 => json!([1, {"a": null}]),
        4 => json!({"x": {"y": []}}),
        5 => json!(1.5e300),
        6 => json!(true),
        7 => {
            let mut bytes = line.to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= 0x15;
            return bytes;
        }
        _ => return [line, line].concat(),
    };
    let mut nodes = 0;
    count(&value, &mut nodes);
    let mut left = place.index(nodes);
    replace(&mut value, &mut left, &strange);
    value.to_string().into_bytes()
}

fn count(value: &Value, nodes: &mut usize) {
    *nodes += 1;
    match value {
        Value::Array(list) => list.iter().for_each(|value| count(value, nodes)),
        Value::Object(map) => map.values().for_each(|value| count(value, nodes)),
        _ => {}
    }
}

/// Replaces the node that `left` counts down to; true once it is done.
fn replace(value: &mut Value, left: &mut usize, strange: &Value) -> bool {
    if *left == 0 {
        *value = strange.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|value| replace(value, left, strange)),
        Value::Object(map) => map.values_mut().any(|value| replace(value, left, strange)),
        _ => false,
    }
}
