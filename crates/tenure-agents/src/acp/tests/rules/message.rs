//! Chunks and messages.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Signal};
use tenure_event::{PartBody, TextKind};

use super::super::Talk;
use super::{agent, done, end_turn, said, text};

#[test]
fn a_change_of_kind_is_another_part_and_of_id_another_message() {
    let mut talk = Talk::ready();
    talk.update(text("agent_thought_chunk", "hm"));
    talk.update(agent("é"));
    let out = talk.update(agent("a"));
    let Signal::Delta(delta) = &out[0] else { panic!("{out:?}") };
    assert_eq!((delta.kind, delta.offset, delta.part_id.ends_with(".1")), (TextKind::Text, 1, true));
    let whole: Vec<String> = talk.codec.open_text().deltas.into_iter().map(|delta| delta.text).collect();
    assert_eq!(whole, ["hm", "éa"]);
    let mut other = agent("b");
    other["messageId"] = json!("x");
    // The first message had no id: the id is taken for its own.
    assert!(matches!(&talk.update(other.clone())[..], [Signal::Delta(_)]));
    other["messageId"] = json!("y");
    let out = talk.update(other);
    assert!(matches!(&out[..], [Signal::Message(done), Signal::Delta(_)] if done.native_ids == ["x"]));
    let out = talk.frame(end_turn(3));
    assert_eq!(done(&out), [(&said("b"), false)]);
}

#[test]
fn an_echo_of_the_prompt_and_empty_text_make_no_message() {
    let mut talk = Talk::ready();
    assert_eq!(talk.update(text("user_message_chunk", "what I said")), []);
    assert_eq!(talk.update(agent("")), []);
    assert_eq!(done(&talk.frame(end_turn(3))), []);
}

#[test]
fn blocks_that_are_no_text_are_parts_of_their_own() {
    let mut talk = Talk::ready();
    talk.update(agent("see"));
    for content in [
        json!({"type": "image", "data": "AA==", "mimeType": "image/png"}),
        json!({"type": "resource_link", "uri": "file:///a", "name": "a"}),
        json!({"type": "resource", "resource": {"uri": "file:///b", "text": "t"}}),
        json!({"type": "hologram", "depth": 3}),
        json!({"type": "image"}),
    ] {
        assert_eq!(talk.update(json!({"sessionUpdate": "agent_message_chunk", "content": content})), []);
    }
    let out = talk.frame(end_turn(3));
    let kinds: Vec<&str> = done(&out)
        .iter()
        .map(|(body, _)| match body {
            PartBody::Text { .. } => "text",
            PartBody::Image { .. } => "image",
            PartBody::ResourceLink { .. } => "link",
            PartBody::File { .. } => "file",
            PartBody::Other { .. } => "other",
            _ => "?",
        })
        .collect();
    assert_eq!(kinds, ["text", "image", "link", "file", "other", "other"]);
}

#[test]
fn a_message_without_end_is_cut_into_messages() {
    let mut talk = Talk::ready();
    let piece = "x".repeat(1 << 20);
    let mut messages = 0;
    for _ in 0..9 {
        messages += talk.update(agent(&piece)).iter().filter(|s| matches!(s, Signal::Message(_))).count();
    }
    assert_eq!(messages, 2);
}

#[test]
fn a_subagent_speaks_in_messages_of_its_own() {
    let mut talk = Talk::ready();
    let of = |mut update: Value| {
        update["_meta"] = json!({"claudeCode": {"parentToolUseId": "task"}});
        update
    };
    talk.update(agent("main "));
    talk.update(of(agent("sub")));
    talk.update(agent("goes on"));
    let out =
        talk.update(of(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"})));
    let [Signal::Message(sub), Signal::ToolStarted(start)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(
        (sub.parent_tool_id.as_deref(), start.parent_tool_id.as_deref()),
        (Some("task"), Some("task"))
    );
    assert_eq!(start.message_id, sub.message_id);
    assert_eq!(done(&talk.frame(end_turn(3)))[0].0, &said("main goes on"));
}
