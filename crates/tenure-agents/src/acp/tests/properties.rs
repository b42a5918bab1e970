//! What holds for every stream: a restart at any line changes nothing, and no line, however
//! broken, does harm.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::record;
use crate::acp::AcpCodec;
use crate::laws::{same_when_restarted, with_offsets};

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
        stop in any::<prop::sample::Index>(),
    ) {
        let (codec, mut lines) = handshake(kind, replay);
        lines.extend(said);
        let stop = stop.index(lines.len());
        same_when_restarted(codec, &with_offsets(lines), stop)?;
    }
}
