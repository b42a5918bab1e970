//! One test for each rule: what an agent says, and what is made of it.

use serde_json::{Value, json};
use tenure_core::agent::{
    Answer, AskAnswer, Codec, Command, EncodeContext, McpServerSpec, McpTransport, ResumeHow, Signal,
    TurnVerdict,
};
use tenure_event::{AskKind, Decision, PartBody, Scope, TextKind, ToolKind, ToolState};

use super::{Talk, record};

fn text(update: &str, text: &str) -> Value {
    json!({"sessionUpdate": update, "content": {"type": "text", "text": text}})
}

fn agent(said: &str) -> Value {
    text("agent_message_chunk", said)
}

fn done(out: &[Signal]) -> Vec<(&PartBody, bool)> {
    let messages = out.iter().filter_map(|signal| match signal {
        Signal::Message(done) => Some(done.parts.iter().map(|part| (&part.body, done.partial))),
        _ => None,
    });
    messages.flatten().collect()
}

fn said(text: &str) -> PartBody {
    PartBody::Text { text: text.to_owned() }
}

fn end_turn(n: u64) -> Value {
    json!({"id": n * 16 + 4, "result": {"stopReason": "end_turn"}})
}

fn failed(out: &[Signal]) -> (&str, &str) {
    match out.last() {
        Some(Signal::HandshakeFailed(error)) => (&error.code, &error.message),
        other => panic!("{other:?}"),
    }
}

fn sends(out: &[Signal]) -> &Command {
    match out.last() {
        Some(Signal::Send(command)) => command,
        other => panic!("{other:?}"),
    }
}

// The handshake.

#[test]
fn a_conversation_is_continued_by_resume_then_by_load_else_not() {
    let table = [
        (json!({"sessionCapabilities": {"resume": {}}, "loadSession": true}), Some("session/resume")),
        (json!({"loadSession": true}), Some("session/load")),
        (json!({"loadSession": false}), None),
    ];
    for (caps, method) in table {
        let mut start = record();
        start.resume = ResumeHow::Resume("old".to_owned());
        let mut talk = Talk::new(start);
        let out = talk.hears(json!({"id": 16, "result": {"protocolVersion": 1, "agentCapabilities": caps}}));
        let Some(method) = method else {
            assert_eq!(failed(&out).0, "resume_failed");
            continue;
        };
        let written = talk.says(2, sends(&out));
        assert_eq!((&written["method"], &written["params"]["sessionId"]), (&json!(method), &json!("old")));
    }
}

#[test]
fn settings_of_the_start_record_are_set_one_after_the_other() {
    let mut start = record();
    (start.model, start.mode, start.effort) = (Some("big".into()), Some("plan".into()), Some("high".into()));
    let mut talk = Talk::new(start);
    talk.hears(json!({"id": 16, "result": {"agentCapabilities": {}}}));
    let option = |id: &str, category: &str, current: &str| json!({"id": id, "category": category, "currentValue": current, "options": []});
    let out = talk.hears(json!({"id": 33, "result": {
        "sessionId": "s",
        "modes": {"currentModeId": "plan", "availableModes": [{"id": "plan", "name": "Plan"}]},
        "configOptions": [option("m", "model", "small"), option("t", "thought_level", "low")],
    }}));
    assert_eq!(out[0], Signal::NativeId("s".into()));
    assert_eq!(sends(&out), &Command::SetModel("big".into()));
    let written = talk.says(3, sends(&out));
    assert_eq!(written["params"], json!({"sessionId": "s", "configId": "m", "value": "big"}));
    // The mode is in force already; the effort comes next.
    let out = talk.hears(json!({"id": 3 * 16 + 6, "result": {}}));
    assert_eq!(sends(&out), &Command::SetEffort("high".into()));
    // The same answer again must not count for the next one.
    let out = talk.hears(json!({"id": 3 * 16 + 6, "result": {}}));
    assert!(matches!(&out[..], [Signal::Native { kind, .. }] if kind == "late"));
    let out = talk.hears(json!({"id": 4 * 16 + 6, "result": {}}));
    let Signal::Ready { model, mode, effort, .. } = &out[0] else { panic!("{out:?}") };
    let in_force = [model, mode, effort].map(|value| value.as_deref().unwrap());
    assert_eq!(in_force, ["big", "plan", "high"]);
}

#[test]
fn what_was_asked_for_and_cannot_be_had_fails_the_handshake() {
    let mut start = record();
    start.model = Some("big".into());
    let mut talk = Talk::new(start.clone());
    talk.hears(json!({"id": 16, "result": {"agentCapabilities": {}}}));
    let out = talk.hears(json!({"id": 33, "result": {"sessionId": "s"}}));
    assert_eq!(failed(&out).0, "unsupported");

    let mut talk = Talk::new(start);
    talk.hears(json!({"id": 16, "result": {}}));
    talk.hears(json!({"id": 33, "result": {"sessionId": "s", "models": {"availableModels": [{"modelId": "small"}]}}}));
    let out = talk.hears(json!({"id": 3 * 16 + 7, "error": {"code": -32602, "message": "no such model"}}));
    assert_eq!(failed(&out), ("invalid", "the agent refused the model `big`: no such model"));

    let mut start = record();
    start.replace_instructions = Some("be brief".into());
    let mut talk = Talk::new(start);
    assert_eq!(failed(&talk.hears(json!({"id": 16, "result": {}}))).0, "unsupported");
}

#[test]
fn a_login_that_is_wanted_names_the_ways() {
    let mut start = record();
    start.preset = Some("goose".into());
    let mut talk = Talk::new(start);
    talk.hears(json!({"id": 16, "result": {"authMethods": [{"id": "a", "name": "Browser"}, {"id": "key"}]}}));
    let out = talk.hears(json!({"id": 33, "error": {"code": -32000, "message": "Authentication required"}}));
    let (code, message) = failed(&out);
    assert_eq!(code, "auth_required");
    assert!(message.contains("Browser, key") && message.contains("goose configure"), "{message}");
}

#[test]
fn errors_before_the_first_prompt_fail_the_handshake() {
    for (greeted, answer, code) in [
        (false, json!({"id": 16, "error": {"code": -32603, "message": "broken"}}), "agent_error"),
        (
            false,
            json!({"id": 16, "result": {"protocolVersion": 2, "info": {}, "capabilities": {}}}),
            "unsupported",
        ),
        (true, json!({"id": 33, "error": {"code": -32603, "message": "broken"}}), "agent_error"),
        (true, json!({"id": 33, "result": {}}), "agent_error"),
        (true, json!({"id": 33, "result": {"sessionId": 7}}), "agent_error"),
    ] {
        let mut talk = Talk::new(record());
        if greeted {
            talk.hears(json!({"id": 16, "result": {}}));
        }
        assert_eq!(failed(&talk.hears(answer.clone())).0, code, "{answer}");
    }
}

#[test]
fn tool_servers_that_cannot_be_reached_are_left_out_with_a_warning() {
    let server = |name: &str, transport| McpServerSpec { name: name.into(), transport };
    let url = || "http://127.0.0.1:1/".to_owned();
    let mut start = record();
    start.mcp_servers = vec![
        server(
            "files",
            McpTransport::Stdio { command: "files".into(), args: vec!["-x".into()], env: Default::default() },
        ),
        server("web", McpTransport::Http { url: url(), headers: [("A".into(), "b".into())].into() }),
        server("old", McpTransport::Sse { url: url(), headers: Default::default() }),
    ];
    let mut talk = Talk::new(start);
    let out =
        talk.hears(json!({"id": 16, "result": {"agentCapabilities": {"mcpCapabilities": {"http": true}}}}));
    assert!(
        matches!(&out[0], Signal::Warning { code, message } if code == "mcp_unsupported" && message.contains("`old`"))
    );
    let secret = |name: &str| [(name.to_owned(), "s3cret".to_owned())].into();
    let context = EncodeContext {
        mcp_secrets: [("web".to_owned(), secret("Authorization")), ("files".to_owned(), secret("TOKEN"))]
            .into(),
    };
    let written = super::one_line(&talk.codec.encode(2, sends(&out), &context).unwrap());
    assert_eq!(
        written["params"]["mcpServers"],
        json!([
            {"name": "files", "command": "files", "args": ["-x"], "env": [{"name": "TOKEN", "value": "s3cret"}]},
            {"type": "http", "name": "web", "url": url(), "headers":
                [{"name": "A", "value": "b"}, {"name": "Authorization", "value": "s3cret"}]},
        ])
    );
}

#[test]
fn instructions_go_where_the_agent_takes_them() {
    let with = |caps: Value| {
        let mut start = record();
        start.append_instructions = Some("be brief".into());
        let mut talk = Talk::new(start);
        let out = talk.hears(json!({"id": 16, "result": {"agentCapabilities": caps}}));
        let opening = talk.says(2, sends(&out));
        talk.hears(json!({"id": 33, "result": {"sessionId": "s"}}));
        (opening, talk)
    };
    let prompt =
        |talk: &Talk| talk.says(3, &super::wire::prompt(vec![said("hi")]))["params"]["prompt"].clone();
    let (opening, talk) = with(json!({"sessionCapabilities": {"systemPrompt": {}}}));
    assert_eq!(
        opening["params"]["systemPrompt"],
        json!({"mode": "append", "content": [{"type": "text", "text": "be brief"}]})
    );
    assert_eq!(prompt(&talk), json!([{"type": "text", "text": "hi"}]));
    let (opening, mut talk) = with(json!({}));
    assert_eq!(opening["params"].get("systemPrompt"), None);
    assert_eq!(prompt(&talk)[0]["text"], "<instructions>\nbe brief\n</instructions>");
    talk.hears(end_turn(3));
    assert_eq!(prompt(&talk), json!([{"type": "text", "text": "hi"}]));
}

#[test]
fn what_is_told_while_a_conversation_is_loaded_is_replay() {
    let mut start = record();
    start.resume = ResumeHow::Resume("s".into());
    let mut talk = Talk::new(start);
    talk.hears(json!({"id": 16, "result": {"agentCapabilities": {"loadSession": true}}}));
    assert_eq!(talk.update(text("user_message_chunk", "hello")), []);
    let out = talk.update(agent("I "));
    assert!(matches!(&out[..], [Signal::Message(done)] if done.replayed));
    talk.update(
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash", "status": "pending"}),
    );
    talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "rawOutput": "ok"}));
    assert_eq!(talk.codec.open_text().deltas, []);
    let out = talk.hears(json!({"id": 34, "result": {}}));
    let Signal::Message(done) = &out[0] else { panic!("{out:?}") };
    let PartBody::Tool(tool) = &done.parts[1].body else { panic!("{done:?}") };
    assert_eq!(
        (tool.tool.as_str(), tool.state, &tool.output),
        ("bash", ToolState::Completed, &Some(json!("ok")))
    );
    assert!(done.replayed && matches!(out.last(), Some(Signal::Ready { .. })));
    let out = talk.update(agent("now"));
    assert!(matches!(&out[..], [Signal::Delta(_)]));
}

// Messages.

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
    let out = talk.hears(end_turn(3));
    assert_eq!(done(&out), [(&said("b"), false)]);
}

#[test]
fn an_echo_of_the_prompt_and_empty_text_make_no_message() {
    let mut talk = Talk::ready();
    assert_eq!(talk.update(text("user_message_chunk", "what I said")), []);
    assert_eq!(talk.update(agent("")), []);
    assert_eq!(done(&talk.hears(end_turn(3))), []);
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
    let out = talk.hears(end_turn(3));
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
    assert_eq!(done(&talk.hears(end_turn(3)))[0].0, &said("main goes on"));
}

// Tools.

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
    talk.hears(end_turn(3));
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
    assert!(talk.codec.save().to_string().len() < 200 << 10);
    let out =
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"}));
    let [Signal::ToolEnded(end)] = &out[..] else { panic!("{out:?}") };
    assert!(end.output.as_ref().unwrap().as_str().unwrap().ends_with("[the rest was too long to keep]"));
}

#[test]
fn tools_that_nobody_ends_are_cancelled_with_the_turn_and_late_news_are_kept_aside() {
    let mut talk = Talk::ready();
    talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
    let out = talk.hears(end_turn(3));
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

// Asks.

fn permission(id: &Value, options: &[(&str, &str)], kind: &str) -> Value {
    let options: Vec<Value> =
        options.iter().map(|(id, kind)| json!({"optionId": id, "name": id, "kind": kind})).collect();
    json!({"id": id, "method": "session/request_permission", "params": {"sessionId": "s",
        "toolCall": {"toolCallId": "t", "title": "ls", "kind": kind, "rawInput": {"command": "ls"}}, "options": options}})
}

fn asked(out: &[Signal]) -> &tenure_core::agent::AskSignal {
    match out.last() {
        Some(Signal::Ask(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

fn answer(keep: &Value, token: &str, decision: Decision, scope: Scope, option_id: Option<&str>) -> Command {
    Command::Answer(Answer::Ask(AskAnswer {
        token: token.to_owned(),
        keep: keep.clone(),
        decision,
        scope,
        message: None,
        updated_input: None,
        answers: None,
        option_id: option_id.map(ToOwned::to_owned),
        input: None,
    }))
}

#[test]
fn an_option_is_chosen_by_its_kind() {
    let all = [("A", "allow_always"), ("a", "allow_once"), ("R", "reject_always"), ("r", "reject_once")];
    let only_always = [("A", "allow_always"), ("R", "reject_always")];
    let no_reject = [("a", "allow_once"), ("a2", "allow_once")];
    let strange = [("x", "maybe")];
    let (allow, deny, cancel) = (Decision::Allow, Decision::Deny, Decision::Cancel);
    let (once, session, always) = (Scope::Once, Scope::Session, Scope::Always);
    type Row<'a> = (&'a [(&'a str, &'a str)], Decision, Scope, Option<&'a str>, Option<&'a str>);
    let table: [Row<'_>; 15] = [
        (&all, allow, once, None, Some("a")),
        (&all, allow, session, None, Some("a")),
        (&all, allow, always, None, Some("A")),
        (&all, deny, once, None, Some("r")),
        (&all, deny, always, None, Some("R")),
        (&all, cancel, once, None, None),
        (&all, allow, once, Some("A"), Some("A")),
        (&all, cancel, once, Some("A"), None),
        (&only_always, allow, once, None, Some("A")),
        (&only_always, deny, once, None, Some("R")),
        (&no_reject, deny, once, None, None),
        (&no_reject, allow, always, None, Some("a")),
        (&strange, allow, once, None, None),
        (&strange, deny, once, None, None),
        (&[], allow, once, None, None),
    ];
    for (options, decision, scope, option_id, expected) in table {
        let mut talk = Talk::ready();
        let out = talk.hears(permission(&json!(0), options, "execute"));
        let ask = asked(&out).clone();
        assert_eq!(ask.can_always, options.iter().any(|(_, kind)| *kind == "allow_always"));
        let written = talk.says(4, &answer(&ask.keep, &ask.token, decision, scope, option_id));
        let outcome = match expected {
            Some(id) => json!({"outcome": "selected", "optionId": id}),
            None => json!({"outcome": "cancelled"}),
        };
        assert_eq!(written["result"]["outcome"], outcome, "{options:?} {decision:?} {scope:?} {option_id:?}");
    }
}

#[test]
fn the_agents_id_goes_back_exactly() {
    for id in [
        "0",
        "-7",
        "1.0",
        "1e2",
        "\"a\\u0062\"",
        "\"39cc2e09-5ed6\"",
        "null",
        "123456789012345678901234567890",
    ] {
        let mut talk = Talk::ready();
        let line =
            permission(&json!("@"), &[("a", "allow_once")], "execute").to_string().replace("\"@\"", id);
        let out = talk.hears_bytes(line.as_bytes());
        let ask = asked(&out);
        assert_eq!(ask.token, id);
        let written = talk.codec.encode(
            4,
            &answer(&ask.keep, id, Decision::Allow, Scope::Once, None),
            &EncodeContext::default(),
        );
        let written = String::from_utf8(written.unwrap()).unwrap();
        assert!(written.starts_with(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\"")), "{written}");
    }
}

#[test]
fn the_tool_of_a_permission_is_told_first_and_a_plan_is_a_plan() {
    let mut talk = Talk::ready();
    let out = talk.hears(permission(&json!(1), &[("a", "allow_once")], "switch_mode"));
    let [Signal::ToolStarted(start), Signal::Ask(ask)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((start.tool_id.as_str(), start.state), ("t", ToolState::Pending));
    assert_eq!(
        (ask.kind, ask.tool.as_deref(), ask.tool_id.as_deref()),
        (AskKind::Plan, Some("ls"), Some("t"))
    );
    // A request that says next to nothing is an ask all the same.
    let out = talk.hears(json!({"id": 2, "method": "session/request_permission", "params": {"options": 3}}));
    assert!(matches!(&out[..], [Signal::Ask(ask)] if ask.tool_id.is_none() && ask.options.is_empty()));
    let out = talk.hears(json!({"method": "$/cancel_request", "params": {"requestId": "x-1"}}));
    assert_eq!(out, [Signal::AskWithdrawn { token: "\"x-1\"".into() }]);
}

#[test]
fn a_simple_form_is_asked_and_answered_in_its_types() {
    let mut talk = Talk::ready();
    let out = talk.hears(json!({"id": 5, "method": "elicitation/create", "params": {"sessionId": "s", "mode": "form",
        "message": "Settings", "requestedSchema": {"type": "object", "properties": {
            "name": {"type": "string", "title": "Name", "description": "Your name"},
            "count": {"type": "integer"},
            "sure": {"type": "boolean"},
            "color": {"type": "string", "oneOf": [{"const": "#f00", "title": "Red"}, {"const": "#0f0", "title": "Green"}]},
            "many": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    }}}}));
    let ask = asked(&out).clone();
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Elicitation, "Settings"));
    let questions: Vec<&str> = ask.questions.iter().map(|question| question.question.as_str()).collect();
    assert_eq!(questions, ["Your name", "count", "sure", "color", "many"]);
    let reply = |decision, answers: Value| {
        let Command::Answer(Answer::Ask(mut answer)) = answer(&ask.keep, "5", decision, Scope::Once, None)
        else {
            unreachable!()
        };
        answer.answers = Some(answers);
        talk.says(6, &Command::Answer(Answer::Ask(answer)))["result"].clone()
    };
    let answers = json!({"Your name": "Ada", "count": "3", "sure": "yes", "color": ["Green"], "many": ["a", "b"], "x": 1});
    assert_eq!(
        reply(Decision::Allow, answers),
        json!({"action": "accept", "content": {"name": "Ada", "count": 3, "sure": true, "color": "#0f0", "many": ["a", "b"]}})
    );
    assert_eq!(reply(Decision::Allow, Value::Null), json!({"action": "accept", "content": {}}));
    assert_eq!(reply(Decision::Deny, Value::Null), json!({"action": "decline"}));
    assert_eq!(reply(Decision::Cancel, Value::Null), json!({"action": "cancel"}));
}

#[test]
fn forms_that_are_not_simple_are_refused() {
    for params in [
        json!({"mode": "url", "url": "https://example.com"}),
        json!({"requestedSchema": {"properties": {"deep": {"type": "object"}}}}),
        json!({"requestedSchema": {"properties": {"free": {"type": "array", "items": {"type": "string"}}}}}),
        json!({}),
        json!(3),
    ] {
        let mut talk = Talk::ready();
        let out = talk.hears(json!({"id": 5, "method": "elicitation/create", "params": params}));
        assert!(matches!(sends(&out), Command::Answer(Answer::Unknown { .. })), "{params}");
    }
}

// Turns.

#[test]
fn a_stop_reason_is_a_verdict() {
    let limit = |what: &str| TurnVerdict::Limit(what.to_owned());
    for (word, verdict) in [
        (json!("end_turn"), TurnVerdict::Finished),
        (json!("refusal"), TurnVerdict::Finished),
        (json!("something_new"), TurnVerdict::Finished),
        (json!(7), TurnVerdict::Finished),
        (json!("cancelled"), TurnVerdict::Cancelled),
        (json!("max_tokens"), limit("tokens")),
        (json!("max_turn_requests"), limit("turns")),
    ] {
        let mut talk = Talk::ready();
        talk.update(agent("x"));
        let out = talk.hears(json!({"id": 3 * 16 + 4, "result": {"stopReason": word}}));
        let Some(Signal::TurnEnded(end)) = out.last() else { panic!("{out:?}") };
        assert_eq!((end.prompt_n, &end.verdict, end.said), (Some(3), &verdict, true), "{word}");
        assert_eq!(end.stop_reason.as_deref(), word.as_str());
        // Told again: reported again, for the machine to ignore.
        let out = talk.hears(json!({"id": 3 * 16 + 4, "result": {"stopReason": word}}));
        assert!(matches!(&out[..], [Signal::TurnEnded(end)] if end.prompt_n == Some(3) && !end.said));
    }
}

#[test]
fn errors_inside_a_turn_that_ended_well_are_found() {
    let verdict = |preset: &str, updates: &[Value]| {
        let mut start = record();
        start.preset = Some(preset.to_owned());
        let mut talk = Talk::new(start);
        talk.hears(json!({"id": 16, "result": {}}));
        talk.hears(json!({"id": 33, "result": {"sessionId": "s"}}));
        for update in updates {
            talk.update(update.clone());
        }
        match talk.hears(end_turn(3)).pop() {
            Some(Signal::TurnEnded(end)) => end.verdict,
            other => panic!("{other:?}"),
        }
    };
    let code = |verdict: TurnVerdict| match verdict {
        TurnVerdict::Failed(error) => error.code,
        other => format!("{other:?}"),
    };
    let goose = agent(
        "Ran into this error: Rate limit exceeded.\n\nPlease retry if you think this is a transient or recoverable error.",
    );
    assert_eq!(code(verdict("goose", std::slice::from_ref(&goose))), "rate_limited");
    assert_eq!(code(verdict("other", &[goose])), "Finished");
    let broken = json!({"sessionUpdate": "session_info_update", "_meta": {"codex": {"threadStatus": {"type": "systemError"}}}});
    assert_eq!(
        code(verdict("codex-acp", &[broken, agent("{\"error\": {\"message\": \"no\"}}")])),
        "model_error"
    );
    let retry = agent("Retrying (attempt 1/3, waiting 2s)...");
    assert_eq!(code(verdict("pi-acp", std::slice::from_ref(&retry))), "model_error");
    assert_eq!(code(verdict("pi-acp", &[retry, agent("here I am")])), "Finished");
}

#[test]
fn cost_is_what_this_turn_added() {
    let mut talk = Talk::ready();
    let cost = |amount: f64, currency: &str| json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": currency}});
    let of = |talk: &mut Talk| match talk.hears(end_turn(3)).pop() {
        Some(Signal::TurnEnded(end)) => end.cost_usd,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        &talk.update(cost(0.1, "USD"))[..],
        [Signal::Usage { cost_usd: Some(_), context: Some(_), .. }]
    ));
    assert_eq!(talk.update(cost(0.1, "USD")), [], "nothing is told twice");
    assert_eq!(of(&mut talk), Some(0.1));
    talk.update(cost(0.30000000000000004, "USD"));
    talk.update(cost(99.0, "EUR"));
    assert_eq!(of(&mut talk), Some(0.2));
}

#[test]
fn a_steered_prompt_leads_back_to_its_input() {
    let mut talk = Talk::ready_with(json!({"_meta": {"steering": {"supported": true}}}), json!({}));
    let steer = Command::Steer {
        input_id: tenure_event::InputId::parse("inp").unwrap(),
        attempt: 1,
        parts: super::wire::parts(vec![said("also this")]),
    };
    let written = talk.says(5, &steer);
    assert_eq!(written["method"], "_session/steering");
    let native = tenure_core::agent::input_uuid(
        &record().session_id,
        &tenure_event::InputId::parse("inp").unwrap(),
        1,
    );
    let out = talk.hears(json!({"id": written["id"], "result": {"outcome": "injected"}}));
    assert_eq!(out, [Signal::InputTaken { native_input: native.to_string() }]);
    for refusal in
        [json!({"result": {"outcome": "rejected"}}), json!({"error": {"code": -32603}}), json!({"result": 1})]
    {
        let mut line = refusal;
        line["id"] = written["id"].clone();
        assert!(matches!(&talk.hears(line)[..], [Signal::SteerRefused { n: 5, .. }]));
    }
}

// Everything else.

#[test]
fn news_of_the_session_are_told_when_they_are_news() {
    let mut talk = Talk::ready_with(
        json!({}),
        json!({"modes": {"currentModeId": "a", "availableModes": [{"id": "a"}, {"id": "b"}]}}),
    );
    let mode = |id: &str| json!({"sessionUpdate": "current_mode_update", "currentModeId": id});
    assert_eq!(talk.update(mode("a")), []);
    assert!(matches!(&talk.update(mode("b"))[..], [Signal::Config { mode: Some(mode), .. }] if mode == "b"));
    let title = json!({"sessionUpdate": "session_info_update", "title": "T"});
    assert_eq!(talk.update(title.clone()), [Signal::Title("T".into())]);
    assert_eq!(talk.update(title), []);
    let commands = json!({"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "/compact", "input": {"hint": "how"}}]});
    let out = talk.update(commands.clone());
    let [Signal::Capabilities(told)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((told.commands[0].name.as_str(), told.supports["compact"].is_supported()), ("compact", true));
    assert_eq!(talk.update(commands), []);
    let out = talk.update(json!({"sessionUpdate": "plan", "entries": [
        {"content": "a", "status": "in_progress", "priority": "high"}, {"status": "completed"}, {"content": "c", "status": "x"}]}));
    assert!(matches!(&out[..], [Signal::Todos(todos)] if todos.len() == 2 && todos[1].id == "3"));
    let out = talk.update(json!({"sessionUpdate": "notice", "severity": "warning", "title": "Low disk", "description": "1 MB left"}));
    assert_eq!(
        out,
        [Signal::Warning { code: "agent_warning".into(), message: "Low disk: 1 MB left".into() }]
    );
    let compaction =
        |status: &str| json!({"sessionUpdate": "compaction_update", "compactionId": "c", "status": status});
    for (status, begins, fails) in [
        ("in_progress", true, false),
        ("completed", false, false),
        ("failed", false, true),
        ("cancelled", false, true),
    ] {
        let out = talk.update(compaction(status));
        assert!(
            matches!(&out[..], [Signal::Compaction { began, info }] if *began == begins && info.error.is_some() == fails),
            "{status}"
        );
    }
    let out = talk.hears(json!({"method": "_auth/status_update", "params": {"authStatus": {"kind": "api_key", "detail": "KEY_NAME"}}}));
    assert!(
        matches!(&out[..], [Signal::Capabilities(told)] if told.account.as_ref().unwrap().key_source.as_deref() == Some("KEY_NAME"))
    );
}

#[test]
fn gemini_says_a_mode_as_text_and_goes_on_replaying() {
    let mut start = record();
    start.preset = Some("gemini".into());
    start.resume = ResumeHow::Resume("s".into());
    let mut talk = Talk::new(start);
    talk.hears(json!({"id": 16, "result": {"agentCapabilities": {"loadSession": true}}}));
    let modes = json!({"currentModeId": "default", "availableModes": [{"id": "default"}, {"id": "plan"}]});
    talk.hears(json!({"id": 34, "result": {"modes": modes}}));
    assert_eq!(talk.update(agent("said before")), []);
    let out = talk.update(json!({"sessionUpdate": "available_commands_update", "availableCommands": []}));
    assert!(matches!(&out[..], [Signal::Message(done)] if done.replayed));
    let out = talk.update(agent("[MODE_UPDATE] plan"));
    assert_eq!(out, [Signal::Config { model: None, mode: Some("plan".into()), effort: None }]);
}

#[test]
fn the_end_of_the_process_completes_what_is_open() {
    let mut talk = Talk::ready();
    talk.update(json!({"sessionUpdate": "tool_call", "toolCallId": "t", "status": "in_progress"}));
    talk.update(agent("half a"));
    let out = talk.codec.cut();
    assert_eq!(done(&out), [(&said("half a"), true)]);
    assert!(matches!(&out[1], Signal::ToolEnded(end) if end.state == ToolState::Cancelled));
    assert_eq!((talk.codec.open_offset(), talk.codec.cut()), (None, vec![]));
}
