//! Plain prompts, and the steps that only tell something.

use serde_json::json;

use crate::driver::Scratch;

#[test]
fn a_plain_prompt_is_said_back() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    for (prompt, answer) in [
        ("hello", "You said: hello"),
        ("one two three four five", "You said: one two three four five"),
        ("/echo the walls", "the walls"),
    ] {
        let id = agent.prompt_text(&session, prompt);
        let turned = agent.until_answer(&id);
        assert_eq!(turned.said(), answer);
        assert_eq!(turned.stop(), "end_turn");
    }
    let id = agent.prompt_text(&session, "/help");
    assert!(agent.until_answer(&id).said().contains("JSON array between @@[ and ]@@"));
}

#[test]
fn blocks_that_are_no_text_are_named() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let prompt = json!([
        {"type": "text", "text": "look"},
        {"type": "image", "mimeType": "image/png", "data": ""},
        {"type": "resource_link", "name": "a", "uri": "file:///a"},
        {"type": "resource", "resource": {"uri": "file:///b", "text": "inside"}},
        {"type": "hologram"},
    ]);
    let id = agent.request("session/prompt", json!({"sessionId": session, "prompt": prompt}));
    assert_eq!(
        agent.until_answer(&id).said(),
        "You said: look\n[image image/png]\n[resource_link file:///a]\ninside\n[hologram]"
    );
}

#[test]
fn text_comes_in_chunks_of_one_message() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(
        &session,
        json!([
            {"text": "abcdef", "chunks": 3, "delay_ms": 1},
            {"text": "ghi", "same_message": true},
            {"text": "other"},
            {"text": "bare", "message_id": false},
            {"think": "hm", "chunks": 2},
        ]),
    );
    assert_eq!(turned.chunks("agent_message_chunk"), ["ab", "cd", "ef", "ghi", "other", "bare"]);
    assert_eq!(turned.chunks("agent_thought_chunk"), ["h", "m"]);
    let ids: Vec<_> = turned.updates().iter().map(|u| u["messageId"].as_str().map(str::to_owned)).collect();
    assert!(ids[0].is_some());
    assert!(ids[..4].iter().all(|id| *id == ids[0]));
    assert!(ids[4] != ids[0] && ids[4].is_some());
    assert_eq!(ids[5], None);
    assert!(ids[6] == ids[7] && ids[6] != ids[4]);
}

#[test]
fn facts_that_are_updates() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(
        &session,
        json!([
            {"plan": ["first", {"content": "second", "priority": "low", "status": "completed"}]},
            {"usage": {"used": 7, "size": 100, "cost": 0.25, "tokens": {"input": 5, "output": 2, "cached_read": 3}}},
            {"title": "A name"},
            {"mode": "plan"},
            {"commands": [{"name": "go", "description": "Go"}]},
            "unknown_update",
            {"update": {"sessionUpdate": "notice", "severity": "info", "title": "t"}},
        ]),
    );
    let updates = turned.updates();
    assert_eq!(
        updates[0]["entries"],
        json!([
            {"content": "first", "priority": "medium", "status": "pending"},
            {"content": "second", "priority": "low", "status": "completed"},
        ])
    );
    let cost = json!({"amount": 0.25, "currency": "USD"});
    assert_eq!(updates[1], &json!({"sessionUpdate": "usage_update", "used": 7, "size": 100, "cost": cost}));
    assert_eq!(updates[2], &json!({"sessionUpdate": "session_info_update", "title": "A name"}));
    assert_eq!(updates[3], &json!({"sessionUpdate": "current_mode_update", "currentModeId": "plan"}));
    assert_eq!(updates[4]["availableCommands"], json!([{"name": "go", "description": "Go"}]));
    assert_eq!(updates[5]["sessionUpdate"], "scripted_unknown");
    assert_eq!(updates[6], &json!({"sessionUpdate": "notice", "severity": "info", "title": "t"}));
    assert_eq!(
        turned.answer["result"]["usage"],
        json!({"totalTokens": 7, "inputTokens": 5, "outputTokens": 2, "cachedReadTokens": 3})
    );
}

#[test]
fn the_process_tells_of_itself() {
    let scratch = Scratch::new();
    let mut agent = scratch.start_with(&["--string-ids"], &[("COLOUR", "green")]);
    let session = agent.open();
    let turned = agent.turn(&session, json!([{"env": "COLOUR"}, {"env": "NOT_THERE"}, "pwd", "args", "pid"]));
    let work = scratch.work("").canonicalize().unwrap();
    let pid = agent.pid().to_string();
    assert_eq!(
        turned.chunks("agent_message_chunk"),
        ["green", "(unset)", work.to_str().unwrap(), r#"["--string-ids"]"#, &pid]
    );
}

#[test]
fn steps_can_be_repeated() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent
        .turn(&session, json!([{"repeat": 3, "steps": [{"text": "a"}, {"sleep_ms": 1}]}, {"text": "b"}]));
    assert_eq!(turned.said(), "aaab");
}

#[test]
fn the_demo_asks_once_and_edits_when_allowed() {
    demo("allow_once", tenure_scripted::DEMO_AFTER);
}

#[test]
fn the_demo_leaves_the_file_when_denied() {
    demo("reject_once", tenure_scripted::DEMO_BEFORE);
}

fn demo(option: &str, after: &str) {
    let scratch = Scratch::new();
    let file = scratch.work(tenure_scripted::DEMO_FILE);
    std::fs::write(&file, tenure_scripted::DEMO_BEFORE).unwrap();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt_text(&session, &tenure_scripted::demo_prompt());
    let ask = agent.until("session/request_permission");
    assert_eq!(ask["params"]["toolCall"]["content"][0]["newText"], tenure_scripted::DEMO_AFTER);
    agent.choose(&ask, option);
    let turned = agent.until_answer(&id);
    assert_eq!(turned.stop(), "end_turn");
    assert!(turned.before.iter().all(|m| m["method"] == "session/update"), "asked twice");
    assert!(turned.said().contains("not asked again"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
}
