//! Rules, each with the lines that show it.

use serde_json::json;
use tenure_core::agent::{Codec, Command, ResumeHow, Signal, StartRecord, TurnVerdict};
use tenure_event::{AskKind, CostBasis, Role, ToolState, WaitReason};

use super::{Fed, ends, model_said, start_record, user};

fn sent(signals: &[Signal]) -> Vec<&str> {
    let mut lines = Vec::new();
    for signal in signals {
        if let Signal::Send(Command::Raw(line)) = signal {
            lines.push(line.as_str());
        }
    }
    lines
}

fn taken(signals: &[Signal]) -> Vec<&str> {
    let mut inputs = Vec::new();
    for signal in signals {
        if let Signal::InputTaken { native_input } = signal {
            inputs.push(native_input.as_str());
        }
    }
    inputs
}

fn refused(signals: &[Signal]) -> Vec<u64> {
    signals
        .iter()
        .filter_map(|s| if let Signal::SteerRefused { n, .. } = s { Some(*n) } else { None })
        .collect()
}

#[test]
fn a_turn_goes_on_until_the_program_has_settled() {
    let mut fed = Fed::ready();
    fed.runs(3);
    let told = fed.frames(&[
        model_said(&json!([]), "error"),
        json!({"type": "agent_end", "messages": [], "willRetry": true}),
        json!({"type": "auto_retry_start", "delayMs": 50, "errorMessage": "429: slow down"}),
        json!({"type": "agent_start"}),
        model_said(&json!([{"type": "text", "text": "At last."}]), "stop"),
    ]);
    assert!(ends(&told).is_empty());
    let waits: Vec<_> =
        told.iter().filter_map(|s| if let Signal::Waiting(w) = s { Some(w.clone()) } else { None }).collect();
    assert_eq!(waits[0].as_ref().map(|w| (w.reason, w.for_ms)), Some((WaitReason::RateLimit, Some(50))));
    assert_eq!(waits[1], None);
    let told = fed.settled();
    let [end] = ends(&told)[..] else { panic!("{told:?}") };
    assert_eq!((end.prompt_n, &end.verdict, end.said), (Some(3), &TurnVerdict::Finished, true));
    let usage = end.usage.unwrap();
    // Both calls are counted.
    assert_eq!((usage.input_tokens, usage.cost_usd, usage.cost_basis), (20, Some(1.0), CostBasis::Estimated));
    // A second word of the same ends nothing of ours.
    let told = fed.settled();
    assert_eq!(ends(&told)[0].prompt_n, None);
}

#[test]
fn how_the_last_message_ended_is_how_the_turn_ended() {
    let failed = |message: &str| {
        let mut fed = Fed::ready();
        fed.runs(2);
        let mut said = model_said(&json!([{"type": "text", "text": "Half"}]), "error");
        said["message"]["errorMessage"] = json!(message);
        fed.frame(&said);
        match &ends(&fed.settled())[0].verdict {
            TurnVerdict::Failed(error) => error.code.clone(),
            other => panic!("{other:?}"),
        }
    };
    for (message, code) in [
        ("401: no", "auth_required"),
        ("429 Too many requests", "rate_limited"),
        ("Error: 529: {}", "overloaded"),
        ("503", "overloaded"),
        ("400: This model's maximum context length is 5", "context_full"),
        ("400: bad", "model_error"),
        ("Connection error.", "model_error"),
        ("4012 apples", "model_error"),
        ("", "model_error"),
    ] {
        assert_eq!(failed(message), code, "{message}");
    }
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.frame(model_said(&json!([]), "aborted"));
    let told = fed.settled();
    assert_eq!((&ends(&told)[0].verdict, ends(&told)[0].said), (&TurnVerdict::Cancelled, false));
}

#[test]
fn a_prompt_that_is_not_accepted_fails_with_its_reason() {
    let mut fed = Fed::ready();
    for (error, code) in [
        ("No API key found for anthropic.", "auth_required"),
        ("Authentication failed for \"x\".", "auth_required"),
        ("No model selected. Use /model.", "auth_required"),
        ("Cannot submit a prompt while compaction is in progress.", "agent_error"),
    ] {
        let told = fed.refuse("tenure-4-prompt", error);
        let [end] = ends(&told)[..] else { panic!("{told:?}") };
        assert_eq!(end.prompt_n, Some(4));
        assert!(
            matches!(&end.verdict, TurnVerdict::Failed(e) if e.code == code && e.message == error),
            "{end:?}"
        );
    }
}

#[test]
fn a_prompt_that_an_extension_deals_with_ends_at_once() {
    let mut fed = Fed::ready();
    let told = fed.answer("tenure-2-prompt", &json!({"disposition": "handled"}));
    assert_eq!(ends(&told)[0].prompt_n, Some(2));
    // An older version does not say it, and is asked.
    let told = fed.answer("tenure-3-prompt", &json!(null));
    assert_eq!(sent(&told).len(), 1, "{told:?}");
    assert!(sent(&told)[0].contains("tenure-3-began") && ends(&told).is_empty());
    let told = fed.answer("tenure-3-began", &json!({"isStreaming": false}));
    assert_eq!(ends(&told)[0].prompt_n, Some(3));
    // One that works is left to end by itself.
    fed.answer("tenure-4-prompt", &json!(null));
    assert!(ends(&fed.answer("tenure-4-began", &json!({"isStreaming": true}))).is_empty());
    fed.frame(json!({"type": "agent_start"}));
    assert_eq!(ends(&fed.settled())[0].prompt_n, Some(4));
    // And one that has ended already is not ended twice.
    assert!(ends(&fed.answer("tenure-4-began", &json!({"isStreaming": false}))).is_empty());
}

#[test]
fn work_of_its_own_is_a_turn_of_its_own() {
    let mut fed = Fed::ready();
    assert_eq!(fed.frame(json!({"type": "agent_start"})), [Signal::TurnBegan]);
    let told = fed.frame(user("From an extension."));
    assert!(matches!(&told[..], [Signal::Message(m)] if m.role == Role::User), "{told:?}");
    let told = fed.settled();
    assert_eq!((ends(&told)[0].prompt_n, &ends(&told)[0].native_inputs), (None, &Some(Vec::new())));
    // A prompt that comes meanwhile is served by it, and ends with it.
    fed.frame(json!({"type": "agent_start"}));
    fed.answer("tenure-5-prompt", &json!({"disposition": "queued"}));
    assert_eq!(ends(&fed.settled())[0].prompt_n, Some(5));
}

#[test]
fn an_interrupt_that_overtook_its_prompt_is_said_again() {
    let mut fed = Fed::ready();
    let told = fed.answer("tenure-3-abort", &json!(null));
    assert!(matches!(told[..], [Signal::Answered { n: 3, .. }]));
    let told = fed.answer("tenure-2-prompt", &json!({"disposition": "started"}));
    assert_eq!(sent(&told), [r#"{"id":"tenure-0-abort","type":"abort"}"#]);
    assert!(fed.answer("tenure-0-abort", &json!(null)).is_empty());
    // A later prompt is not touched.
    fed.settled();
    assert!(fed.answer("tenure-4-prompt", &json!({"disposition": "started"})).is_empty());
}

#[test]
fn steered_inputs_are_taken_in_by_their_place() {
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.queue(&["a"]);
    fed.answer("tenure-3-steer-one", &json!({"disposition": "queued"}));
    fed.queue(&["a", "b"]);
    fed.answer("tenure-4-steer-two", &json!(null));
    assert!(fed.queue(&["b"]).is_empty(), "it left, and nobody said why yet");
    assert_eq!(taken(&fed.frame(user("a"))), ["one"]);
    fed.queue(&[]);
    assert_eq!(taken(&fed.frame(user("b"))), ["two"]);
    assert!(sent(&fed.settled()).is_empty());
    // The prompt's own message takes nothing in.
    fed.runs(5);
    assert!(taken(&fed.frame(user("again"))).is_empty());
}

#[test]
fn an_answer_may_come_after_the_input_was_taken_in() {
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.queue(&["a"]);
    fed.queue(&[]);
    assert!(taken(&fed.frame(user("a"))).is_empty(), "it has no name yet");
    assert_eq!(taken(&fed.answer("tenure-3-steer-one", &json!(null))), ["one"]);
    // An extension may deal with it: then it is never queued.
    assert_eq!(taken(&fed.answer("tenure-4-steer-two", &json!({"disposition": "handled"}))), ["two"]);
    assert_eq!(taken(&fed.answer("tenure-5-steer-three", &json!(null))), ["three"]);
    assert_eq!(refused(&fed.refuse("tenure-6-steer-four", "Extension command cannot be queued")), [6]);
}

#[test]
fn an_interrupt_gives_back_what_was_steered() {
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.queue(&["a"]);
    fed.answer("tenure-3-steer-one", &json!(null));
    assert!(refused(&fed.queue(&[])).is_empty());
    assert_eq!(refused(&fed.answer("tenure-4-clear", &json!({"steering": ["a"], "followUp": []}))), [3]);
}

/// What Pi keeps in its queue it would say in a later turn.
#[test]
fn what_is_queued_after_the_end_is_dropped_there_and_given_back() {
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.answer("tenure-4-clear", &json!({"steering": [], "followUp": []}));
    fed.queue(&["late"]);
    let told = fed.settled();
    let clear = [r#"{"id":"tenure-0-clear","type":"clear_queue"}"#];
    assert_eq!(sent(&told), clear);
    let before = |s: &Signal| matches!(s, Signal::Send(_));
    assert!(told.iter().position(before) < told.iter().position(|s| matches!(s, Signal::TurnEnded(_))));
    fed.queue(&[]);
    assert!(refused(&fed.answer("tenure-0-clear", &json!({"steering": ["late"]}))).is_empty());
    assert_eq!(refused(&fed.answer("tenure-3-steer-one", &json!(null))), [3], "its name came last");
    // One that comes while nothing runs at all.
    assert_eq!(sent(&fed.queue(&["idle"])), clear);
    assert!(sent(&fed.answer("tenure-5-steer-two", &json!(null))).is_empty(), "it is asked for once");
    fed.queue(&[]);
    assert_eq!(refused(&fed.answer("tenure-0-clear", &json!({"steering": ["idle"]}))), [5]);
}

#[test]
fn a_call_that_never_ran_ends_with_its_turn() {
    let mut fed = Fed::ready();
    fed.runs(2);
    let call = json!([{"type": "toolCall", "id": "c", "name": "bash", "arguments": {"command": "ls"}}]);
    let told = fed.frame(model_said(&call, "aborted"));
    assert!(matches!(&told[..], [Signal::Message(_), Signal::ToolStarted(_)]), "{told:?}");
    let told = fed.settled();
    assert!(matches!(&told[0], Signal::ToolEnded(end) if end.state == ToolState::Cancelled), "{told:?}");
}

#[test]
fn output_of_a_tool_is_told_piece_by_piece() {
    let mut fed = Fed::ready();
    fed.runs(2);
    let call = json!([{"type": "toolCall", "id": "c", "name": "bash", "arguments": {"command": "ls"}}]);
    fed.frame(model_said(&call, "toolUse"));
    let update = |text: &str| {
        json!({"type": "tool_execution_update", "toolCallId": "c",
            "partialResult": {"content": [{"type": "text", "text": text}]}})
    };
    let mut told = |text: &str| match &fed.frame(update(text))[..] {
        [] => None,
        [Signal::ToolProgressed { output, .. }] => output.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told("a\n").as_deref(), Some("a\n"));
    assert_eq!(told("a\nb\n").as_deref(), Some("b\n"));
    assert_eq!(told("a\nb\n"), None);
    // Where only the end is shown, no more can be told.
    assert_eq!(told("b\n"), None);
}

#[test]
fn a_question_about_a_running_tool_names_it_and_ends_with_it() {
    let mut fed = Fed::ready();
    fed.runs(2);
    let call =
        |id: &str| json!({"type": "toolCall", "id": id, "name": "bash", "arguments": {"command": "ls"}});
    fed.frame(model_said(&json!([call("c"), call("d")]), "toolUse"));
    let confirm = |id: &str| json!({"type": "extension_ui_request", "id": id, "method": "confirm", "title": "Run?", "message": "ls"});
    let asked = |told: Vec<Signal>| match told.into_iter().next() {
        Some(Signal::Ask(ask)) => ask,
        other => panic!("{other:?}"),
    };
    fed.frame(json!({"type": "tool_execution_start", "toolCallId": "c", "toolName": "bash", "args": {}}));
    let ask = asked(fed.frame(confirm("u1")));
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Permission, "Run?: ls"));
    assert_eq!((ask.tool.as_deref(), ask.tool_id.as_deref()), (Some("bash"), Some("c")));
    assert_eq!(ask.input, Some(json!({"command": "ls"})));
    // With two at once nobody can tell which.
    fed.frame(json!({"type": "tool_execution_start", "toolCallId": "d", "toolName": "bash", "args": {}}));
    assert_eq!(asked(fed.frame(confirm("u2"))).tool_id, None);
    let told = fed.frame(json!({"type": "tool_execution_end", "toolCallId": "c", "isError": true,
        "result": {"content": [{"type": "text", "text": "no"}]}}));
    assert!(matches!(&told[0], Signal::AskWithdrawn { token } if token == "\"u1\""), "{told:?}");
    assert!(matches!(&told[1], Signal::ToolEnded(end) if end.error.as_deref() == Some("no")), "{told:?}");
}

fn resumed(generation: u32, session: &str, messages: u64) -> Vec<Signal> {
    let resume = ResumeHow::Resume("mine".to_owned());
    let mut fed = Fed::new(StartRecord { resume, generation, ..start_record() });
    let mut told = fed.answer("tenure-1-state", &json!({"sessionId": session, "messageCount": messages}));
    told.extend(fed.answer("tenure-1-commands", &json!({"commands": []})));
    told
}

#[test]
fn another_conversation_than_the_wanted_one_is_of_no_use() {
    let told = resumed(2, "another", 4);
    assert!(matches!(&told[..], [Signal::HandshakeFailed(e)] if e.code == "resume_failed"), "{told:?}");
    let told = resumed(2, "mine", 4);
    assert!(matches!(&told[..], [Signal::NativeId(_), Signal::Ready { fresh: false, .. }]), "{told:?}");
    // Nothing was written before the first answer.
    let told = resumed(2, "mine", 0);
    assert!(matches!(&told[..], [Signal::NativeId(_), Signal::Ready { fresh: true, .. }]), "{told:?}");
}

#[test]
fn a_handshake_without_its_first_answer_fails() {
    let mut fed = Fed::new(start_record());
    assert!(matches!(&fed.refuse("tenure-1-state", "no")[..], [Signal::HandshakeFailed(_)]));
    assert!(fed.answer("tenure-1-commands", &json!({})).is_empty(), "and only once");
    let mut fed = Fed::new(start_record());
    assert!(matches!(&fed.answer("tenure-1-commands", &json!({}))[..], [Signal::HandshakeFailed(_)]));
}

#[test]
fn that_nobody_will_be_asked_is_told_once() {
    let warned = |record: StartRecord| {
        let mut fed = Fed::new(record);
        fed.answer("tenure-1-state", &json!({"sessionId": "s"}));
        let told = fed.answer("tenure-1-commands", &json!({}));
        told.iter().any(|s| matches!(s, Signal::Warning { code, .. } if code == "no_permissions"))
    };
    assert!(warned(start_record()));
    assert!(!warned(StartRecord { allow_bypass: true, ..start_record() }));
    assert!(!warned(StartRecord { generation: 2, ..start_record() }));
}

#[test]
fn a_message_that_never_ended_is_told_as_far_as_it_was_seen() {
    let mut fed = Fed::ready();
    fed.runs(2);
    fed.frames(&[
        json!({"type": "message_start", "message": {"role": "assistant", "content": []}}),
        json!({"type": "message_update",
            "assistantMessageEvent": {"type": "text_delta", "contentIndex": 0, "delta": "Half"}}),
    ]);
    assert!(fed.codec.open_offset().is_some());
    let told = fed.codec.cut();
    assert!(matches!(&told[..], [Signal::Message(m)] if m.partial && m.parts.len() == 1), "{told:?}");
    assert!(fed.codec.cut().is_empty());
}

/// A codec whose conversation has a file, and what came of a copy of it.
fn copied(copy: &serde_json::Value, back: &serde_json::Value) -> Vec<Signal> {
    let mut fed = Fed::new(start_record());
    fed.answer("tenure-1-state", &json!({"sessionId": "mine", "sessionFile": "/s/mine.jsonl"}));
    fed.answer("tenure-1-commands", &json!({"commands": []}));
    let told = fed.answer("tenure-4-clone", &json!({"cancelled": false}));
    assert_eq!(sent(&told), [r#"{"id":"tenure-4-copy","type":"get_state"}"#]);
    let told = fed.answer("tenure-4-copy", copy);
    let [line] = sent(&told)[..] else { panic!("{told:?}") };
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["type"], &line["sessionPath"]), (&json!("switch_session"), &json!("/s/mine.jsonl")));
    fed.answer(line["id"].as_str().unwrap(), back)
}

#[test]
fn a_copy_is_told_once_the_program_is_back_where_it_was() {
    let told = copied(&json!({"sessionId": "copy"}), &json!({"cancelled": false}));
    assert_eq!(told, [Signal::Answered { n: 4, result: Ok(json!({"native_id": "copy"})) }]);
    for nothing in [json!({"sessionId": "mine"}), json!({}), json!(null)] {
        let told = copied(&nothing, &json!({"cancelled": false}));
        assert!(matches!(told[..], [Signal::Answered { n: 4, result: Err(_) }]), "{told:?}");
    }
    // A process that stays in the copy is of no use to this session.
    let told = copied(&json!({"sessionId": "copy"}), &json!({"cancelled": true}));
    assert!(
        matches!(told[..], [Signal::Answered { result: Err(_), .. }, Signal::HandshakeFailed(_)]),
        "{told:?}"
    );
    let mut fed = Fed::ready();
    for told in [
        fed.refuse("tenure-4-clone", "not saved yet"),
        fed.answer("tenure-4-clone", &json!({"cancelled": true})),
    ] {
        assert!(matches!(told[..], [Signal::Answered { n: 4, result: Err(_) }]), "{told:?}");
    }
}
