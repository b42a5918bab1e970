//! From the greeting to the first prompt.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Command, EncodeContext, McpServerSpec, McpTransport, ResumeHow, Signal};
use tenure_event::{PartBody, ToolState};

use super::super::{Talk, record, wire};
use super::{agent, end_turn, failed, said, sends, text};
use crate::laws::one_line;

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
        let out = talk.frame(json!({"id": 16, "result": {"protocolVersion": 1, "agentCapabilities": caps}}));
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
    talk.frame(json!({"id": 16, "result": {"agentCapabilities": {}}}));
    let option = |id: &str, category: &str, current: &str| json!({"id": id, "category": category, "currentValue": current, "options": []});
    let out = talk.frame(json!({"id": 33, "result": {
        "sessionId": "s",
        "modes": {"currentModeId": "plan", "availableModes": [{"id": "plan", "name": "Plan"}]},
        "configOptions": [option("m", "model", "small"), option("t", "thought_level", "low")],
    }}));
    assert_eq!(out[0], Signal::NativeId("s".into()));
    assert_eq!(sends(&out), &Command::SetModel("big".into()));
    let written = talk.says(3, sends(&out));
    assert_eq!(written["params"], json!({"sessionId": "s", "configId": "m", "value": "big"}));
    // The mode is in force already; the effort comes next.
    let out = talk.frame(json!({"id": 3 * 16 + 6, "result": {}}));
    assert_eq!(sends(&out), &Command::SetEffort("high".into()));
    // The same answer again must not count for the next one.
    let out = talk.frame(json!({"id": 3 * 16 + 6, "result": {}}));
    assert!(matches!(&out[..], [Signal::Native { kind, .. }] if kind == "late"));
    let out = talk.frame(json!({"id": 4 * 16 + 6, "result": {}}));
    let Signal::Ready { model, mode, effort, .. } = &out[0] else { panic!("{out:?}") };
    let in_force = [model, mode, effort].map(|value| value.as_deref().unwrap());
    assert_eq!(in_force, ["big", "plan", "high"]);
}

#[test]
fn what_was_asked_for_and_cannot_be_had_fails_the_handshake() {
    let mut start = record();
    start.model = Some("big".into());
    let mut talk = Talk::new(start.clone());
    talk.frame(json!({"id": 16, "result": {"agentCapabilities": {}}}));
    let out = talk.frame(json!({"id": 33, "result": {"sessionId": "s"}}));
    assert_eq!(failed(&out).0, "unsupported");

    let mut talk = Talk::new(start);
    talk.frame(json!({"id": 16, "result": {}}));
    talk.frame(json!({"id": 33, "result": {"sessionId": "s", "models": {"availableModels": [{"modelId": "small"}]}}}));
    let out = talk.frame(json!({"id": 3 * 16 + 7, "error": {"code": -32602, "message": "no such model"}}));
    assert_eq!(failed(&out), ("invalid", "the agent refused the model `big`: no such model"));

    let mut start = record();
    start.replace_instructions = Some("be brief".into());
    let mut talk = Talk::new(start);
    assert_eq!(failed(&talk.frame(json!({"id": 16, "result": {}}))).0, "unsupported");
}

#[test]
fn a_mode_that_asks_nobody_needs_to_be_allowed() {
    let modes = |current: &str| {
        json!({"sessionId": "s", "modes":
        {"currentModeId": current, "availableModes": [{"id": "approve"}, {"id": "auto"}]}})
    };
    let opened = |mode: Option<&str>, current: &str, allow: bool| {
        let mut start = record();
        (start.preset, start.mode, start.allow_bypass) = (Some("goose".into()), mode.map(Into::into), allow);
        let mut talk = Talk::new(start);
        talk.frame(json!({"id": 16, "result": {}}));
        let out = talk.frame(json!({"id": 33, "result": modes(current)}));
        (talk, out)
    };
    assert_eq!(failed(&opened(Some("auto"), "approve", false).1).0, "forbidden");
    assert_eq!(sends(&opened(Some("auto"), "approve", true).1), &Command::SetMode("auto".into()));
    let (talk, out) = opened(None, "auto", false);
    let [_, Signal::Warning { code, .. }, Signal::Ready { capabilities, .. }] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!((code.as_str(), capabilities.modes.len()), ("mode_asks_nobody", 1));
    let set = |mode: &str| talk.codec.encode(3, &Command::SetMode(mode.into()), &EncodeContext::default());
    assert!(set("auto").is_err() && set("approve").is_ok());
}

#[test]
fn a_login_that_is_wanted_names_the_ways() {
    let mut start = record();
    start.preset = Some("goose".into());
    let mut talk = Talk::new(start);
    talk.frame(json!({"id": 16, "result": {"authMethods": [{"id": "a", "name": "Browser"}, {"id": "key"}]}}));
    let out = talk.frame(json!({"id": 33, "error": {"code": -32000, "message": "Authentication required"}}));
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
            talk.frame(json!({"id": 16, "result": {}}));
        }
        assert_eq!(failed(&talk.frame(answer.clone())).0, code, "{answer}");
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
        talk.frame(json!({"id": 16, "result": {"agentCapabilities": {"mcpCapabilities": {"http": true}}}}));
    assert!(
        matches!(&out[0], Signal::Warning { code, message } if code == "mcp_unsupported" && message.contains("`old`"))
    );
    let secret = |name: &str| [(name.to_owned(), "s3cret".to_owned())].into();
    let context = EncodeContext {
        mcp_secrets: [("web".to_owned(), secret("Authorization")), ("files".to_owned(), secret("TOKEN"))]
            .into(),
        ..EncodeContext::default()
    };
    let written = one_line(&talk.codec.encode(2, sends(&out), &context).unwrap());
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
        let out = talk.frame(json!({"id": 16, "result": {"agentCapabilities": caps}}));
        let opening = talk.says(2, sends(&out));
        talk.frame(json!({"id": 33, "result": {"sessionId": "s"}}));
        (opening, talk)
    };
    let prompt = |talk: &Talk| talk.says(3, &wire::prompt(vec![said("hi")]))["params"]["prompt"].clone();
    let (opening, talk) = with(json!({"sessionCapabilities": {"systemPrompt": {}}}));
    assert_eq!(
        opening["params"]["systemPrompt"],
        json!({"mode": "append", "content": [{"type": "text", "text": "be brief"}]})
    );
    assert_eq!(prompt(&talk), json!([{"type": "text", "text": "hi"}]));
    let (opening, mut talk) = with(json!({}));
    assert_eq!(opening["params"].get("systemPrompt"), None);
    assert_eq!(prompt(&talk)[0]["text"], "<instructions>\nbe brief\n</instructions>");
    talk.frame(end_turn(3));
    assert_eq!(prompt(&talk), json!([{"type": "text", "text": "hi"}]));
}

#[test]
fn what_is_told_while_a_conversation_is_loaded_is_replay() {
    let mut start = record();
    start.resume = ResumeHow::Resume("s".into());
    let mut talk = Talk::new(start);
    talk.frame(json!({"id": 16, "result": {"agentCapabilities": {"loadSession": true}}}));
    assert_eq!(talk.update(text("user_message_chunk", "hello")), []);
    let out = talk.update(agent("I "));
    assert!(matches!(&out[..], [Signal::Message(done)] if done.replayed));
    talk.update(
        json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash", "status": "pending"}),
    );
    talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "rawOutput": "ok"}));
    assert_eq!(talk.codec.open_text().deltas, []);
    let out = talk.frame(json!({"id": 34, "result": {}}));
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
