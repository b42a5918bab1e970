//! Version 2: how it is agreed on, how turns begin and end, and what comes in another shape.

use serde_json::{Value, json};
use tenure_core::agent::{Command, Signal, ToolEnd, TurnVerdict};

use super::super::{Talk, record};
use super::{agent, done, failed, said, sends, text};

fn greeting() -> Value {
    json!({"protocolVersion": 2, "info": {"name": "two"}, "capabilities": {"session": {"mcp": {"stdio": {}}}}})
}

/// A codec past the handshake in version 2.
fn ready() -> Talk {
    Talk::ready_with(greeting(), json!({}))
}

fn state(state: &str) -> Value {
    json!({"sessionUpdate": "state_update", "state": state})
}

fn idle(stop: &str) -> Value {
    json!({"sessionUpdate": "state_update", "state": "idle", "stopReason": stop})
}

fn echo() -> Value {
    let content = json!([{"type": "text", "text": "go"}]);
    json!({"sessionUpdate": "user_message", "messageId": "u", "content": content})
}

fn accepted(n: u64) -> Value {
    json!({"id": n * 16 + 4, "result": {"messageId": "u"}})
}

/// The prompts whose turns ended; `None` for one of the agent's own.
fn ends(out: &[Signal]) -> Vec<Option<u64>> {
    let end = |signal: &Signal| match signal {
        Signal::TurnEnded(end) => {
            assert_eq!(end.native_inputs.is_some(), end.prompt_n.is_none());
            Some(end.prompt_n)
        }
        _ => None,
    };
    out.iter().filter_map(end).collect()
}

fn ended_tool(out: &[Signal]) -> &ToolEnd {
    match out.last() {
        Some(Signal::ToolEnded(end)) => end,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_is_offered_to_who_serves_it_and_taken_back_once() {
    let hello = |preset: &str| {
        let mut start = record();
        start.preset = Some(preset.to_owned());
        Talk::new(start)
    };
    let says = |talk: &Talk, n| talk.says(n, &Command::Hello)["params"].clone();
    for (preset, version) in [("codex-acp", 2), ("claude-agent-acp", 2), ("goose", 1), ("other", 1)] {
        let words = says(&hello(preset), 1);
        assert_eq!(words["protocolVersion"], version, "{preset}");
        assert_eq!(words["info"].is_object() && words["capabilities"].is_object(), version == 2);
        assert!(words["clientInfo"].is_object() && words["clientCapabilities"].is_object());
    }
    let mut talk = hello("codex-acp");
    let refusal = json!({"code": -32602, "message": "Invalid params"});
    let out = talk.frame(json!({"id": 16, "error": refusal}));
    assert_eq!(sends(&out), &Command::Hello);
    assert_eq!(says(&talk, 2)["protocolVersion"], 1);
    assert_eq!(failed(&talk.frame(json!({"id": 2 * 16, "error": refusal}))).0, "invalid");
    // An older release answers in its own version, and is spoken with so.
    let mut talk = hello("codex-acp");
    talk.frame(json!({"id": 16, "result": {"protocolVersion": 1, "agentCapabilities": {}}}));
    assert!(!talk.codec.state.about.two);
}

#[test]
fn a_turn_ends_when_the_agent_rests() {
    let mut talk = ready();
    talk.update(echo());
    assert_eq!(ends(&talk.frame(accepted(3))), []);
    assert_eq!(talk.update(state("running")), []);
    talk.update(agent("x"));
    assert_eq!(talk.update(state("requires_action")), []);
    assert_eq!(talk.update(state("running")), []);
    let out = talk.update(idle("end_turn"));
    let Some(Signal::TurnEnded(end)) = out.last() else { panic!("{out:?}") };
    assert_eq!((end.prompt_n, &end.verdict, end.said), (Some(3), &TurnVerdict::Finished, true));
    // Said again it is no end of the next one.
    assert_eq!(talk.update(idle("end_turn")), []);
    talk.update(echo());
    talk.frame(accepted(4));
    assert_eq!(talk.update(state("idle")), [], "it does not run yet");
    assert_eq!(ends(&talk.update(idle("cancelled"))), [Some(4)]);
    let refused = json!({"id": 5 * 16 + 4, "error": {"code": -32603, "message": "no"}});
    assert_eq!(ends(&talk.frame(refused)), [Some(5)]);
    talk.frame(accepted(6));
    let mut failed = idle("error");
    failed["error"] = json!({"code": -32603, "message": "API Error: 429"});
    let out = talk.update(failed);
    let Some(Signal::TurnEnded(end)) = out.last() else { panic!("{out:?}") };
    assert!(matches!(&end.verdict, TurnVerdict::Failed(error) if error.code == "rate_limited"), "{out:?}");
}

#[test]
fn an_answer_that_comes_after_the_end_tells_whose_turn_it_was() {
    let mut talk = ready();
    assert_eq!(talk.update(state("running")), [Signal::TurnBegan]);
    talk.update(echo());
    assert_eq!(ends(&talk.update(idle("end_turn"))), []);
    assert_eq!(ends(&talk.frame(accepted(3))), [Some(3)]);
}

#[test]
fn a_turn_without_a_prompt_is_the_agents_own() {
    let mut talk = ready();
    assert_eq!(talk.update(state("running")), [Signal::TurnBegan]);
    talk.update(agent("a task has ended"));
    assert_eq!(ends(&talk.update(idle("end_turn"))), [None]);
    assert_eq!(talk.update(state("idle")), []);
}

#[test]
fn a_message_is_told_in_chunks_or_whole() {
    let mut talk = ready();
    let whole = |id: &str, said: &[&str]| {
        let content: Vec<Value> = said.iter().map(|text| json!({"type": "text", "text": text})).collect();
        json!({"sessionUpdate": "agent_message", "messageId": id, "content": content})
    };
    let chunk = |id: &str, said: &str| {
        let mut chunk = text("agent_message_chunk", said);
        chunk["messageId"] = json!(id);
        chunk
    };
    talk.frame(accepted(3));
    talk.update(whole("a", &["one ", "two "]));
    talk.update(chunk("a", "three"));
    let out = talk.update(whole("b", &[]));
    assert_eq!(out, []);
    let out = talk.update(chunk("b", "wrong"));
    assert_eq!(done(&out), [(&said("one two three"), false)]);
    // The whole takes the place of what was said so far.
    talk.update(whole("b", &["right"]));
    let out = talk.update(whole("a", &["one two three"]));
    assert!(matches!(&out[..], [Signal::Native { kind, .. }] if kind == "told_again"), "{out:?}");
    let out = talk.update(idle("end_turn"));
    assert_eq!(done(&out), [(&said("right"), false)]);
}

#[test]
fn a_terminal_shows_what_a_call_wrote() {
    let mut talk = ready();
    let call = |more: Value| {
        let mut call = json!({"sessionUpdate": "tool_call_update", "toolCallId": "c"});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    let terminal = |word: &str, more: Value| {
        let mut told = json!({"sessionUpdate": word, "terminalId": "t"});
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told
    };
    let run = || {
        json!({"status": "in_progress", "title": "cat", "rawInput": {"command": "cat"},
            "content": [{"type": "terminal", "terminalId": "t"}]})
    };
    let chunk = |data: &str| terminal("terminal_output_chunk", json!({"data": data}));
    talk.update(terminal("terminal_update", json!({"command": "cat"})));
    talk.update(call(run()));
    // "aé", cut within the character, and then all of it with more.
    let piece = |out: Vec<Signal>| match &out[..] {
        [Signal::ToolProgressed { output, .. }] => output.clone().unwrap(),
        _ => panic!("{out:?}"),
    };
    assert_eq!(piece(talk.update(chunk("YcM="))), "a");
    assert_eq!(piece(talk.update(chunk("qQ=="))), "é");
    let all =
        terminal("terminal_update", json!({"output": {"data": "YcOpIQ=="}, "exitStatus": {"exitCode": 3}}));
    assert_eq!(piece(talk.update(all)), "!");
    let end = talk.update(call(json!({"status": "failed"})));
    assert_eq!(ended_tool(&end).output, Some(json!("aé!")));
    assert_eq!(ended_tool(&end).error.as_deref(), Some("exit code 3"));
    // Of a terminal that no call shows, the line is kept.
    let out = talk.update(chunk("YQ=="));
    assert!(matches!(&out[..], [Signal::Native { kind, .. }] if kind == "terminal_update"), "{out:?}");
}

#[test]
fn a_call_gives_what_it_gives_piece_by_piece() {
    let mut talk = ready();
    let begun = json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "in_progress", "title": "find"});
    talk.update(begun);
    for piece in ["one", "two"] {
        let content = json!({"type": "content", "content": {"type": "text", "text": piece}});
        talk.update(
            json!({"sessionUpdate": "tool_call_content_chunk", "toolCallId": "c", "content": content}),
        );
    }
    let out =
        talk.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed"}));
    assert_eq!(ended_tool(&out).output, Some(json!("onetwo")));
}

#[test]
fn a_permission_says_what_it_is_for() {
    let mut talk = ready();
    let options = json!([{"optionId": "y", "name": "Yes", "kind": "allow_once"}]);
    let out = talk.frame(json!({"id": 1, "method": "session/request_permission", "params": {
        "sessionId": "s", "title": "Run command?", "description": "It looks around.", "options": options,
        "subject": {"type": "command", "command": "ls", "cwd": "/w", "toolCallId": "c"},
    }}));
    let Some(Signal::Ask(ask)) = out.last() else { panic!("{out:?}") };
    assert_eq!((ask.title.as_str(), ask.tool_id.as_deref()), ("ls: It looks around.", Some("c")));
    assert_eq!(ask.input, Some(json!({"command": "ls", "cwd": "/w"})));
    let out = talk.frame(json!({"id": 2, "method": "session/request_permission", "params": {
        "sessionId": "s", "title": "Leave the sandbox?", "options": options,
    }}));
    let Some(Signal::Ask(ask)) = out.last() else { panic!("{out:?}") };
    assert_eq!((ask.title.as_str(), &ask.tool_id), ("Leave the sandbox?", &None));
}

#[test]
fn settings_and_servers_are_written_in_its_words() {
    let option = json!({"configId": "m", "category": "model", "currentValue": "a", "options": [{"value": "b", "name": "B"}]});
    let talk = Talk::ready_with(greeting(), json!({"configOptions": [option]}));
    let set = talk.says(5, &Command::SetModel("b".to_owned()));
    assert_eq!(set["params"], json!({"sessionId": "s", "configId": "m", "type": "id", "value": "b"}));
}

#[test]
fn what_a_subagent_asks_comes_with_the_way_to_it_and_its_call_ends() {
    let mut talk = ready();
    let update = |session: &str, update: Value| json!({"method": "session/update", "params": {"sessionId": session, "update": update}});
    let begun = |by: &str, id: &str| update(by, json!({"sessionUpdate": "subagent_update", "sessionId": id}));
    talk.frame(begun("s", "outer"));
    talk.frame(begun("outer", "inner"));
    // One that is said to have begun itself leads nowhere.
    talk.frame(begun("loop", "loop"));
    let options = json!([{"optionId": "y", "name": "Yes", "kind": "allow_once"}]);
    let mut path = |session: &str| {
        let call = json!({"toolCallId": session, "title": "ls", "rawInput": {"command": "ls"}});
        let out = talk.frame(json!({"id": 1, "method": "session/request_permission", "params": {
            "sessionId": session, "title": "ls", "options": options, "subject": {"type": "tool_call", "toolCall": call},
        }}));
        match out.into_iter().next_back() {
            Some(Signal::Ask(ask)) => ask.path,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(path("s"), Vec::<String>::new());
    assert_eq!(path("inner"), ["outer", "inner"]);
    assert_eq!(path("unheard"), ["unheard"]);
    assert!(path("loop").iter().all(|id| id == "loop"));
    let done = json!({"sessionUpdate": "tool_call_update", "toolCallId": "inner", "status": "completed"});
    assert_eq!(ended_tool(&talk.frame(update("inner", done))).start.tool_id, "inner");
}
