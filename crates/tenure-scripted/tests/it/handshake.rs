//! What is said before the first turn, and the settings of a session.

use serde_json::json;

use crate::driver::Scratch;

#[test]
fn initialize_tells_what_the_agent_can() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let hello = agent.initialize();
    assert_eq!(hello["protocolVersion"], 1);
    assert_eq!(hello["agentInfo"]["name"], "scripted");
    assert_eq!(hello["agentCapabilities"]["loadSession"], true);
    assert_eq!(
        hello["agentCapabilities"]["sessionCapabilities"],
        json!({"close": {}, "list": {}, "resume": {}})
    );
    assert_eq!(hello["agentCapabilities"]["promptCapabilities"]["image"], true);
    assert_eq!(hello["_meta"]["steering"]["supported"], true);
    assert_eq!(hello["authMethods"], json!([]));
}

#[test]
fn a_new_session_has_modes_settings_and_commands() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    agent.initialize();
    let session = agent.call("session/new", json!({"cwd": scratch.work(""), "mcpServers": []}));
    assert_eq!(session["modes"]["currentModeId"], "default");
    let options = session["configOptions"].as_array().unwrap();
    let told: Vec<_> = options.iter().map(|o| (o["id"].clone(), o["category"].clone())).collect();
    assert_eq!(told, [(json!("model"), json!("model")), (json!("effort"), json!("thought_level"))]);
    let commands = agent.until("available_commands_update");
    assert_eq!(commands["params"]["sessionId"], session["sessionId"]);
    assert_eq!(commands["params"]["update"]["availableCommands"][0]["name"], "echo");
}

#[test]
fn settings_can_be_set_and_what_is_unknown_is_refused() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let s = agent.open();
    assert_eq!(agent.call("session/set_mode", json!({"sessionId": s, "modeId": "plan"})), json!({}));
    let set = agent.call(
        "session/set_config_option",
        json!({"sessionId": s, "configId": "model", "value": "scripted-2"}),
    );
    assert_eq!(set["configOptions"][0]["currentValue"], "scripted-2");
    assert_eq!(set["configOptions"][1]["currentValue"], "medium");
    for (method, params) in [
        ("session/set_mode", json!({"sessionId": s, "modeId": "x"})),
        ("session/set_config_option", json!({"sessionId": s, "configId": "model", "value": "x"})),
        ("session/set_config_option", json!({"sessionId": s, "configId": "x", "value": "x"})),
        ("session/new", json!({"cwd": "relative", "mcpServers": []})),
        ("session/prompt", json!({"sessionId": s, "prompt": "text"})),
        (
            "session/prompt",
            json!({"sessionId": s, "prompt": [{"type": "text", "text": "@@[{\"txt\": 1}]@@"}]}),
        ),
    ] {
        assert_eq!(agent.call(method, params)["error"]["code"], -32602, "{method}");
    }
}

#[test]
fn unknown_sessions_methods_and_lines_get_their_errors() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    agent.initialize();
    for (method, code) in [
        ("session/prompt", -32002),
        ("session/close", -32002),
        ("session/load", -32002),
        ("session/resume", -32002),
        ("session/set_mode", -32002),
        ("_session/steering", -32002),
        ("session/fork", -32601),
    ] {
        let params = json!({"sessionId": "unknown", "cwd": "/", "modeId": "x", "prompt": []});
        assert_eq!(agent.call(method, params)["error"]["code"], code, "{method}");
    }
    for line in [&b"not json"[..], b"\xff", b"3", b"{}", b"[]"] {
        agent.write(line);
        let answer = agent.message();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(null), &json!(-32700)));
    }
    agent.write(b"");
    agent.notify("some/notification", json!({}));
    assert_eq!(agent.call("some/request", json!({}))["error"]["code"], -32601);
}

#[test]
fn a_second_prompt_on_a_busy_session_is_refused_and_harms_nothing() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let first = agent.prompt(&session, json!([{"gate": "gate"}, {"text": "first"}]));
    let second = agent.prompt(&session, json!([{"text": "second"}]));
    assert_eq!(agent.until_answer(&second).answer["error"]["code"], -32600);
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.until_answer(&first).said(), "first");
}

#[test]
fn two_sessions_work_side_by_side() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let (one, two) = (agent.open(), agent.open());
    let held = agent.prompt(&one, json!([{"gate": "gate"}, {"text": "one"}]));
    assert_eq!(agent.turn(&two, json!([{"text": "two"}])).said(), "two");
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.until_answer(&held).said(), "one");
}

#[test]
fn a_closed_session_ends_its_turn_and_is_gone() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turn = agent.prompt(&session, json!([{"gate": "never"}]));
    let close = agent.request("session/close", json!({"sessionId": session}));
    let mut answers = [agent.message(), agent.message()];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": turn, "result": {"stopReason": "cancelled"}}));
    assert_eq!(answers[1], json!({"jsonrpc": "2.0", "id": close, "result": {}}));
    assert_eq!(agent.call("session/close", json!({"sessionId": session}))["error"]["code"], -32002);
}
