//! Tool calls as they run.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Signal};
use tenure_event::{ToolKind, ToolState};

use super::super::Talk;
use super::{agent, end_turn};

#[test]
fn the_first_sight_of_a_tool_may_be_anything() {
    for update in [
        json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "title": "ls", "kind": "execute"}),
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "completed", "title": "ls", "kind": "execute"}),
    ] {
        let mut talk = Talk::ready();
        let out = talk.update(update);
        let [Signal::ToolStarted(start), Signal::ToolEnded(end)] = &out[..] else { panic!("{out:?}") };
        assert_eq!((start.tool.as_str(), start.kind), ("ls", ToolKind::Execute));
        assert_eq!((&end.start, end.state), (start, ToolState::Completed));
    }
}

#[test]
fn goose_names_tools_whose_kind_it_does_not_tell() {
    let table = [
        ("developer", "shell", ToolKind::Execute),
        ("developer", "write", ToolKind::Edit),
        ("developer", "tree", ToolKind::Read),
        ("mine", "shell", ToolKind::Other),
    ];
    for (extension, tool, kind) in table {
        let named = json!({"goose": {"toolCall": {"toolName": tool, "extensionName": extension}}});
        let mut talk = Talk::ready();
        let out = talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": tool, "rawInput": {"a": 1}, "_meta": named}));
        assert!(matches!(&out[..], [Signal::ToolStarted(start)] if start.kind == kind), "{tool}: {out:?}");
    }
}

#[test]
fn a_tool_is_told_once_its_input_is_known() {
    let mut talk = Talk::ready();
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "pending", "title": "Terminal", "rawInput": {}});
    assert_eq!(talk.update(call.clone()), []);
    let out = talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "rawInput": {"command": "ls"}, "title": "ls"}));
    assert!(
        matches!(&out[..], [Signal::ToolStarted(start)] if start.title == "ls" && start.input == json!({"command": "ls"}))
    );
    // Said by a duplicate of the announcement: nothing.
    assert!(matches!(&talk.update(call)[..], [Signal::ToolProgressed { title: Some(_), .. }]));
    // Text after a call that was held back: the call is told first.
    let mut talk = Talk::ready();
    talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Terminal"}));
    assert!(matches!(&talk.update(agent("x"))[..], [Signal::ToolStarted(_), Signal::Delta(_)]));
}

#[test]
fn a_tool_call_completes_the_message_before_it_and_belongs_to_it() {
    let mut talk = Talk::ready();
    talk.update(agent("I look"));
    let running = |id: &str| json!({"sessionUpdate": "tool_call", "toolCallId": id, "status": "in_progress"});
    let out = talk.update(running("a"));
    let [Signal::Message(message), Signal::ToolStarted(first)] = &out[..] else { panic!("{out:?}") };
    let out = talk.update(running("b"));
    let [Signal::ToolStarted(second)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((&first.message_id, &second.message_id), (&message.message_id, &message.message_id));
    talk.frame(end_turn(3));
    let out = talk.update(running("c"));
    assert!(matches!(&out[..], [Signal::ToolStarted(third)] if third.message_id != message.message_id));
}

#[test]
fn output_comes_from_where_the_agent_puts_it() {
    let end = |extra: Value| {
        let mut talk = Talk::ready();
        talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "_meta": {"terminal_output_delta": {"data": "a"}}}));
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "_meta": {"terminal_output": {"data": "b"}}}));
        let mut update =
            json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"});
        update.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        match talk.update(update).pop() {
            Some(Signal::ToolEnded(end)) => end,
            other => panic!("{other:?}"),
        }
    };
    let content = json!([{"type": "content", "content": {"type": "text", "text": "c"}}, {"type": "terminal", "terminalId": "t"},
        {"type": "diff", "path": "/f", "oldText": null, "newText": "n"}]);
    assert_eq!(end(json!({})).output, Some(json!("ab")));
    assert_eq!(end(json!({"rawOutput": {"x": 1}})).output, Some(json!({"x": 1})));
    assert_eq!(end(json!({"content": content})).diffs[0].new_text, "n");
    let failed = end(json!({"status": "failed", "content": content}));
    assert_eq!((failed.diffs.len(), failed.error.as_deref()), (0, Some("c")));
    let denied =
        end(json!({"status": "failed", "_meta": {"claudeCode": {"nonExecutionKind": "user-rejected"}}}));
    assert_eq!(denied.state, ToolState::Denied);
}

#[test]
fn output_without_end_is_kept_in_part() {
    let mut talk = Talk::ready();
    talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
    let piece = "y".repeat(300 << 10);
    for _ in 0..8 {
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "_meta": {"terminal_output": {"data": piece}}}));
    }
    // The spool need not be kept for it any longer.
    assert_eq!(talk.codec.open_offset(), None);
    assert!(talk.codec.save().as_str().len() < 200 << 10);
    let out =
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"}));
    let [Signal::ToolEnded(end)] = &out[..] else { panic!("{out:?}") };
    assert!(end.output.as_ref().unwrap().as_str().unwrap().ends_with("[the rest was too long to keep]"));
}

#[test]
fn tools_that_nobody_ends_are_cancelled_with_the_turn_and_late_news_are_kept_aside() {
    let mut talk = Talk::ready();
    talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
    let out = talk.frame(end_turn(3));
    assert!(
        matches!(&out[..], [Signal::ToolEnded(end), Signal::TurnEnded(_)] if end.state == ToolState::Cancelled)
    );
    for update in [
        json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"}),
        json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "title": "late"}),
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "failed"}),
    ] {
        assert!(matches!(&talk.update(update)[..], [Signal::Native { kind, .. }] if kind == "late"));
    }
    let again =
        talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
    assert!(matches!(&again[..], [Signal::ToolStarted(_)]), "an agent that counts its calls anew");
}

#[test]
fn memory_is_bounded_when_no_tool_ever_ends() {
    let mut talk = Talk::ready();
    let mut ended = 0;
    for i in 0..3000 {
        let out = talk.update(
            json!({"sessionUpdate": "tool_call", "toolCallId": format!("t{i}"), "status": "in_progress"}),
        );
        ended += out.iter().filter(|signal| matches!(signal, Signal::ToolEnded(_))).count();
    }
    assert_eq!(ended, 3000 - 1024);
}
