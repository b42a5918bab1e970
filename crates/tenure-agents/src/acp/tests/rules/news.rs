//! What an agent tells of its session, and its process's end.

use serde_json::json;
use tenure_core::agent::{Codec, ResumeHow, Signal};
use tenure_event::{TodoStatus, ToolState};

use super::super::{Talk, record};
use super::{agent, done, said};

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
    // OpenCode's way.
    let out = talk
        .update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
        "rawOutput": {"metadata": {"todos": [{"content": "a", "status": "cancelled"}]}}}));
    assert!(matches!(out.last(), Some(Signal::Todos(todos)) if todos[0].status == TodoStatus::Cancelled));
    let out = talk.update(json!({"sessionUpdate": "notice", "severity": "warning", "title": "Low disk", "description": "1 MB left"}));
    assert_eq!(
        out,
        [Signal::Warning { code: "agent_warning".into(), message: "Low disk: 1 MB left".into() }]
    );
    let compaction = |status: &str| json!({"sessionUpdate": "compaction_update", "compactionId": status, "status": status});
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
    assert_eq!(talk.update(compaction("cancelled")), [], "the end of one is told once");
    let out = talk.frame(json!({"method": "_auth/status_update", "params": {"authStatus": {"kind": "api_key", "detail": "KEY_NAME"}}}));
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
    talk.frame(json!({"id": 16, "result": {"agentCapabilities": {"loadSession": true}}}));
    let modes = json!({"currentModeId": "default", "availableModes": [{"id": "default"}, {"id": "plan"}]});
    talk.frame(json!({"id": 34, "result": {"modes": modes}}));
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
