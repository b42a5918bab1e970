//! Rules: the handshake, the conversation's id, its messages and compaction.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, McpServerSpec, McpTransport, ResumeHow, Signal, StartRecord};
use tenure_event::PartBody;

use super::result;
use crate::claude::tests::Fed;
use crate::laws::start_record;

#[test]
fn ready_waits_for_the_tool_servers() {
    let http = McpTransport::Http { url: "https://h".to_owned(), headers: Default::default() };
    let record = StartRecord {
        mcp_servers: vec![McpServerSpec { name: "web".to_owned(), transport: http }],
        resume: ResumeHow::NewAs("id-1".to_owned()),
        ..start_record()
    };
    let answer = |id: &str, body: Value| json!({"type": "control_response", "response": {"subtype": "success", "request_id": id, "response": body}});
    let mut fed = Fed::new(record.clone());
    assert!(fed.frame(answer("tenure-1-initialize", json!({}))).is_empty());
    let told = fed.frame(answer("tenure-2-servers", json!({"added": ["web"], "errors": {"web": "ENOENT"}})));
    let words: Vec<&str> = told
        .iter()
        .map(|signal| match signal {
            Signal::Warning { .. } => "warning",
            Signal::NativeId(id) if id == "id-1" => "id",
            Signal::Ready { .. } => "ready",
            Signal::Send(_) => "send",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["warning", "id", "ready", "send"]);
    // The other order, and a refusal: a server out of reach never fails the session.
    let mut fed = Fed::new(record);
    let refused = json!({"type": "control_response", "response": {"subtype": "error", "request_id": "tenure-2-servers", "error": "no"}});
    assert_eq!(fed.frame(refused).len(), 2);
    let told = fed.frame(answer("tenure-1-initialize", json!({})));
    assert!(matches!(&told[..], [Signal::NativeId(_), Signal::Ready { .. }]), "{told:?}");
    let failed = json!({"type": "control_response", "response": {"subtype": "error", "request_id": "tenure-1-initialize", "error": "no"}});
    assert!(matches!(&Fed::new(start_record()).frame(failed)[..], [Signal::HandshakeFailed(_)]));
}

/// So does the real program when it is to resume what it does not know.
#[test]
fn a_result_before_the_handshake_means_that_nothing_was_resumed() {
    let record = StartRecord { resume: ResumeHow::Resume("gone".to_owned()), ..start_record() };
    let frame = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": "gone",
        "errors": ["No conversation found with session ID: gone"]});
    let told = Fed::new(record).frame(frame.clone());
    assert!(
        matches!(&told[..], [Signal::HandshakeFailed(error)]
            if error.code == "resume_failed" && error.message.starts_with("No conversation found")),
        "{told:?}"
    );
    let told = Fed::new(start_record()).frame(frame);
    assert!(matches!(&told[..], [Signal::HandshakeFailed(error)] if error.code == "agent_error"));
}

#[test]
fn the_native_id_is_the_one_that_the_process_shows() {
    let mut fed = Fed::new(StartRecord { resume: ResumeHow::Resume("a title".to_owned()), ..start_record() });
    let frame = |id: &str| json!({"type": "keep_alive", "session_id": id});
    assert_eq!(fed.frame(frame("one")), [Signal::NativeId("one".to_owned())]);
    assert!(fed.frame(frame("one")).is_empty());
    assert_eq!(fed.frame(json!({"type": "conversation_reset", "session_id": "one"})), [Signal::Cleared]);
    assert!(fed.frame(frame("one")).is_empty(), "frames of the old one may still come");
    assert_eq!(fed.frame(frame("two")), [Signal::NativeId("two".to_owned())]);
}

#[test]
fn a_compaction_that_fails_or_says_nothing_more_ends_too() {
    let status = |fields: Value| {
        let mut frame = json!({"type": "system", "subtype": "status", "status": null});
        for (key, value) in fields.as_object().unwrap() {
            frame[key] = value.clone();
        }
        frame
    };
    let ends = |signals: &[Signal]| -> Vec<(bool, bool)> {
        signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::Compaction { began, info } => Some((*began, info.error.is_some())),
                _ => None,
            })
            .collect()
    };
    let mut fed = Fed::ready();
    let told = fed.frames([
        status(json!({"status": "compacting"})),
        status(json!({"status": "compacting"})),
        status(json!({"compact_error": "x"})),
    ]);
    assert_eq!(ends(&told), [(true, false), (false, true)]);
    let told = fed.frames([status(json!({"status": "compacting"})), result(json!({}))]);
    assert_eq!(ends(&told), [(true, false), (false, false)]);
    let boundary =
        json!({"type": "system", "subtype": "compact_boundary", "compact_metadata": {"trigger": "auto"}});
    assert_eq!(ends(&fed.frame(boundary)), [(true, false), (false, false)]);
}

#[test]
fn a_broken_stream_is_dropped_when_another_message_follows_and_kept_when_the_process_dies() {
    let stream = |message: &str, event: Value| json!({"type": "stream_event", "api_message_id": message, "event": event});
    let begin = |message: &str| stream(message, json!({"type": "message_start", "message": {"id": message}}));
    let piece = |message: &str, text: &str| {
        stream(
            message,
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        )
    };
    let messages = |signals: &[Signal]| -> Vec<(String, bool)> {
        signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::Message(message) => match &message.parts[0].body {
                    PartBody::Text { text } => Some((text.clone(), message.partial)),
                    other => panic!("{other:?}"),
                },
                _ => None,
            })
            .collect()
    };
    let mut fed = Fed::ready();
    let told = fed.frames([begin("a"), piece("a", "lost"), begin("b"), piece("b", "sééñ"), piece("b", "!")]);
    assert!(messages(&told).is_empty());
    assert_eq!(fed.codec.open_text().deltas.len(), 1);
    assert_eq!(fed.codec.open_text().deltas[0].text, "sééñ!");
    let offsets: Vec<u64> = told
        .iter()
        .filter_map(|signal| if let Signal::Delta(d) = signal { Some(d.offset) } else { None })
        .collect();
    assert_eq!(offsets, [0, 0, 4], "characters, not bytes");
    assert_eq!(messages(&fed.codec.cut()), [("sééñ!".to_owned(), true)]);
    assert_eq!(fed.codec.open_offset(), None);
}

/// Two subagents at once, each in the middle of its own message.
#[test]
fn messages_of_parallel_subagents_do_not_mix() {
    let said = |parent: &str, message: &str, text: &str| {
        json!({"type": "assistant", "parent_tool_use_id": parent,
        "message": {"id": message, "content": [{"type": "text", "text": text}]}})
    };
    let mut fed = Fed::ready();
    let told = fed.frames([
        said("p1", "a", "one"),
        said("p2", "b", "two"),
        said("p1", "a", "more"),
        said("p1", "c", "next"),
    ]);
    let done: Vec<_> = told
        .iter()
        .filter_map(|signal| if let Signal::Message(m) = signal { Some(m) } else { None })
        .collect();
    assert_eq!(done.len(), 1, "what p1 said first ends when p1 says something else");
    assert_eq!(done[0].parts.len(), 2);
    assert_eq!(done[0].parent_tool_id.as_deref(), Some("p1"));
    let ended = fed.frame(json!({"type": "system", "subtype": "task_notification", "task_id": "t", "tool_use_id": "p2", "status": "completed"}));
    assert!(matches!(&ended[0], Signal::Message(m) if m.parent_tool_id.as_deref() == Some("p2")));
    assert_eq!(fed.codec.cut().len(), 1);
}
