//! Tool calls, real files, and files through the client.

use serde_json::json;
use tenure_scripted::Act;

use crate::driver::Scratch;

#[test]
fn a_tool_call_is_told_and_completed() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let diff = json!({"path": "a.txt", "old": "x", "new": "y"});
    let turned = agent.turn(
        &session,
        json!([{"tool": "Edit a", "kind": "edit", "name": "Edit", "input": {"a": 1}, "output": "ok", "diff": diff}]),
    );
    assert_eq!(turned.kinds(), ["tool_call", "tool_call_update"]);
    let (call, done) = (turned.updates()[0], turned.updates()[1]);
    assert_eq!(
        (&call["title"], &call["kind"], &call["status"]),
        (&json!("Edit a"), &json!("edit"), &json!("pending"))
    );
    assert_eq!((&call["rawInput"], &call["name"]), (&json!({"a": 1}), &json!("Edit")));
    assert_eq!((&done["toolCallId"], &done["status"]), (&call["toolCallId"], &json!("completed")));
    assert_eq!(
        done["content"],
        json!([
            {"type": "content", "content": {"type": "text", "text": "ok"}},
            {"type": "diff", "path": scratch.work("a.txt"), "oldText": "x", "newText": "y"},
        ])
    );
}

#[test]
fn tools_fail_hang_and_skip_their_call() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(
        &session,
        json!([
            {"tool": "a", "fail": true, "delay_ms": 1, "id": "mine"},
            {"tool": "b", "unfinished": true},
            {"tool": "c", "no_tool_call": true, "kind": "read"},
        ]),
    );
    let told: Vec<_> =
        turned.updates().iter().map(|u| (u["sessionUpdate"].clone(), u["status"].clone())).collect();
    assert_eq!(
        told,
        [
            (json!("tool_call"), json!("pending")),
            (json!("tool_call_update"), json!("in_progress")),
            (json!("tool_call_update"), json!("failed")),
            (json!("tool_call"), json!("pending")),
            (json!("tool_call_update"), json!("completed")),
        ]
    );
    assert_eq!(turned.updates()[2]["toolCallId"], "mine");
    assert_eq!((&turned.updates()[4]["title"], &turned.updates()[4]["kind"]), (&json!("c"), &json!("read")));
}

#[test]
fn files_are_really_read_and_written() {
    let scratch = Scratch::new();
    std::fs::write(scratch.work("in.txt"), "inside\n").unwrap();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(
        &session,
        json!([{"read": "in.txt"}, {"read": "missing"}, {"write": "sub/out.txt", "text": "new"}, {"write": "in.txt", "text": ""}]),
    );
    let done: Vec<_> =
        turned.updates().into_iter().filter(|u| u["sessionUpdate"] == "tool_call_update").collect();
    assert_eq!(done[0]["rawOutput"]["output"], "inside\n");
    assert_eq!(done[1]["status"], "failed");
    assert_eq!(done[2]["content"][0]["oldText"], json!(null));
    assert_eq!(done[3]["content"][0]["oldText"], "inside\n");
    assert_eq!(std::fs::read_to_string(scratch.work("sub/out.txt")).unwrap(), "new");
    assert_eq!(std::fs::read_to_string(scratch.work("in.txt")).unwrap(), "");
    let written = scratch.record().into_iter().filter(|e| matches!(e.act, Act::FileWritten { .. })).count();
    assert_eq!(written, 2);
}

#[test]
fn a_write_that_asks_is_only_done_when_allowed() {
    for (option, status, exists) in [("allow_once", "completed", true), ("reject_once", "failed", false)] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&[]);
        let session = agent.open();
        let steps = json!([{"write": "new.txt", "text": "x", "ask": true, "on_reject": [{"text": "no"}], "on_allow": [{"text": "yes"}]}]);
        let id = agent.prompt(&session, steps);
        let ask = agent.until("session/request_permission");
        assert_eq!(ask["params"]["toolCall"]["kind"], "edit");
        assert!(!scratch.work("new.txt").exists());
        agent.choose(&ask, option);
        let turned = agent.until_answer(&id);
        assert_eq!(turned.updates()[0]["status"], status);
        assert_eq!(turned.said(), if exists { "yes" } else { "no" });
        assert_eq!(scratch.work("new.txt").exists(), exists);
    }
}

#[test]
fn a_cancel_while_a_write_asks_writes_nothing() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"write": "new.txt", "text": "x", "ask": true}]));
    agent.until("session/request_permission");
    agent.cancel(&session);
    let turned = agent.until_answer(&id);
    assert_eq!((turned.stop(), &turned.updates()[0]["status"]), ("cancelled", &json!("failed")));
    assert!(!scratch.work("new.txt").exists());
}

#[test]
fn files_can_go_through_the_client() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(
        &session,
        json!([{"fs_read": "a", "line": 2, "limit": 1}, {"fs_write": "/b", "text": "t"}, {"fs_read": "c"}]),
    );
    let read = agent.until("fs/read_text_file");
    assert_eq!(
        read["params"],
        json!({"sessionId": session, "path": scratch.work("a"), "line": 2, "limit": 1})
    );
    agent.answer(&read, json!({"content": "second"}));
    let write = agent.until("fs/write_text_file");
    assert_eq!(write["params"], json!({"sessionId": session, "path": "/b", "content": "t"}));
    agent.answer(&write, json!(null));
    let refused = agent.until("fs/read_text_file");
    agent.send(
        &json!({"jsonrpc": "2.0", "id": refused["id"], "error": {"code": -32602, "message": "outside"}}),
    );
    let said = agent.until_answer(&id).said();
    assert_eq!(said, "fs_read c: failed: -32602 outside");
    let texts = scratch.record().into_iter().filter_map(|e| match e.act {
        Act::Sent(sent) => sent.text,
        _ => None,
    });
    assert_eq!(texts.collect::<String>(), format!("fs_read a: secondfs_write /b: done{said}"));
}

#[test]
fn requests_that_no_client_knows_must_be_answered() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let id = agent.prompt(&session, json!(["unknown_request", {"request": "x/y", "params": {"z": 1}}]));
    let first = agent.until("_scripted/unknown");
    agent.send(&json!({"jsonrpc": "2.0", "id": first["id"], "error": {"code": -32601, "message": "no"}}));
    assert_eq!(
        agent.until("agent_message_chunk")["params"]["update"]["content"]["text"],
        "_scripted/unknown failed: -32601 no"
    );
    let second = agent.until("x/y");
    assert_eq!(second["params"], json!({"z": 1}));
    agent.answer(&second, json!({"a": 2}));
    assert_eq!(agent.until_answer(&id).said(), r#"x/y answered: {"a":2}"#);
}
