//! What is written, command by command.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::Answer;
use tenure_core::agent::{
    Codec, CodecError, Command, EncodeContext, FsAnswer, McpServerSpec, McpTransport, ResumeHow, StartRecord,
    input_uuid,
};
use tenure_event::PartBody;

use super::{CodexCodec, Fed, THREAD, input, part, record, text};

fn said(record: StartRecord, command: &Command, context: &EncodeContext) -> Value {
    let bytes = CodexCodec::new(record).encode(2, command, context).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_thread_is_opened_with_all_that_was_asked_for() {
    let stdio = McpTransport::Stdio {
        command: "srv".into(),
        args: vec!["-x".into()],
        env: BTreeMap::from([("A".into(), "1".into())]),
    };
    let http = McpTransport::Http { url: "http://127.0.0.1:1/mcp".into(), headers: BTreeMap::new() };
    let record = StartRecord {
        model: Some("gpt-5.5".into()),
        mode: Some("ask".into()),
        effort: Some("high".into()),
        append_instructions: Some("Be kind.".into()),
        replace_instructions: Some("You are.".into()),
        mcp_servers: vec![
            McpServerSpec { name: "one.1".into(), transport: stdio },
            McpServerSpec { name: "two".into(), transport: http },
            McpServerSpec {
                name: "old".into(),
                transport: McpTransport::Sse { url: "http://x".into(), headers: BTreeMap::new() },
            },
        ],
        project_trusted: true,
        ..record()
    };
    let mut context = EncodeContext::default();
    context.mcp_secrets.insert("two".into(), BTreeMap::from([("Authorization".into(), "secret".into())]));
    let line = said(record.clone(), &Command::Open { how: ResumeHow::New }, &context);
    let wanted = json!({
        "cwd": "/home/dev/project", "approvalsReviewer": "user", "model": "gpt-5.5",
        "approvalPolicy": "untrusted", "sandbox": "workspace-write",
        "developerInstructions": "Be kind.", "baseInstructions": "You are.",
        "config": {
            "model_reasoning_effort": "high",
            "projects": {"/home/dev/project": {"trust_level": "trusted"}},
            "mcp_servers": {
                "one.1": {"command": "srv", "args": ["-x"], "env": {"A": "1"}, "startup_timeout_sec": 30},
                "two": {"url": "http://127.0.0.1:1/mcp", "http_headers": {"Authorization": "secret"}, "startup_timeout_sec": 30},
            },
        },
    });
    assert_eq!(line, json!({"id": "2.start", "method": "thread/start", "params": wanted}));
    let line =
        said(record, &Command::Open { how: ResumeHow::Resume("th".into()) }, &EncodeContext::default());
    assert_eq!((&line["method"], &line["params"]["threadId"]), (&json!("thread/resume"), &json!("th")));
    assert_eq!(line["params"]["excludeTurns"], true);
}

#[test]
fn nothing_is_said_of_what_was_not_asked_for() {
    let line = said(record(), &Command::Open { how: ResumeHow::New }, &EncodeContext::default());
    assert_eq!(line["params"], json!({"cwd": "/home/dev/project", "approvalsReviewer": "user"}));
    let line = said(record(), &Command::Hello, &EncodeContext::default());
    assert_eq!(
        (&line["id"], &line["params"]["clientInfo"]["name"]),
        (&json!("2.initialize"), &json!("tenure"))
    );
}

#[test]
fn a_prompt_carries_its_inputs_own_id() {
    let fed = Fed::ready();
    let parts = vec![
        text("look"),
        part(PartBody::Image { data: "QUJD".into(), mime_type: "image/png".into() }),
        part(PartBody::File { uri: "a.rs".into(), mime_type: None, text: Some("fn x".into()), data: None }),
        part(PartBody::ResourceLink { uri: "file:///w/b".into(), name: Some("b".into()), mime_type: None }),
    ];
    let line = fed.says(5, &Command::Prompt { input_id: input(), attempt: 1, parts });
    let native = input_uuid(&record().session_id, &input(), 1).to_string();
    let plain = |text: &str| json!({"type": "text", "text": text, "text_elements": []});
    let image = json!({"type": "image", "url": "data:image/png;base64,QUJD"});
    let said = json!([plain("look"), image, plain("File a.rs:\n\nfn x"), plain("b: file:///w/b")]);
    let params = json!({"threadId": THREAD, "clientUserMessageId": native, "input": said});
    assert_eq!(line, json!({"id": "5.turn", "method": "turn/start", "params": params}));
    let pdf = part(PartBody::File {
        uri: "a.pdf".into(),
        mime_type: Some("application/pdf".into()),
        text: None,
        data: Some("QQ==".into()),
    });
    let line = fed.says(5, &Command::Prompt { input_id: input(), attempt: 0, parts: vec![pdf] });
    assert_eq!(line["params"]["input"], json!([{"type": "file of application/pdf (a.pdf)"}]));
}

#[test]
fn verbs_name_thread_and_turn() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", json!({"type": "userMessage", "id": "u", "clientId": "mine"}));
    let table = [
        (Command::SetModel("m".into()), "thread/settings/update", json!({"model": "m"})),
        (Command::SetEffort("low".into()), "thread/settings/update", json!({"effort": "low"})),
        (
            Command::SetMode("read-only".into()),
            "thread/settings/update",
            json!({"approvalPolicy": "on-request", "sandboxPolicy": {"type": "readOnly", "networkAccess": false}}),
        ),
        (Command::Compact { instructions: None }, "thread/compact/start", json!({})),
        (Command::Fork { through: None }, "thread/fork", json!({"lastTurnId": null, "excludeTurns": true})),
        (
            Command::Fork { through: Some("mine".into()) },
            "thread/fork",
            json!({"lastTurnId": "t1", "excludeTurns": true}),
        ),
        (Command::Rollback { before: "mine".into() }, "thread/revert", json!({"beforeTurnId": "t1"})),
        (Command::Rollback { before: "t0".into() }, "thread/revert", json!({"beforeTurnId": "t0"})),
        (Command::Interrupt, "turn/interrupt", json!({"turnId": "t1"})),
    ];
    for (command, method, mut params) in table {
        params["threadId"] = json!(THREAD);
        let line = fed.says(8, &command);
        assert_eq!((&line["method"], &line["params"]), (&json!(method), &params));
    }
}

#[test]
fn what_cannot_be_said_names_the_verb() {
    let fed = Fed::ready_with(StartRecord { allow_bypass: false, ..record() });
    for (command, verb) in [
        (Command::SetMode("full-access".into()), "set_mode"),
        (Command::SetMode("nonsense".into()), "set_mode"),
        (Command::StopTask { task_id: "none".into() }, "stop_task"),
        (Command::Answer(Answer::Fs { token: "1".into(), answer: FsAnswer::Written }), "files"),
    ] {
        let refused = fed.codec.encode(8, &command, &EncodeContext::default());
        assert!(
            matches!(&refused, Err(CodecError::Unsupported { agent: "codex", verb: told, .. }) if *told == verb),
            "{refused:?}"
        );
    }
    let early = CodexCodec::new(record());
    assert!(early.encode(1, &Command::Interrupt, &EncodeContext::default()).is_err(), "no thread yet");
    assert_eq!(fed.codec.encode(8, &Command::End, &EncodeContext::default()), Ok(Vec::new()));
}

#[test]
fn a_fork_is_answered_with_its_id() {
    use tenure_core::agent::Signal;
    let mut fed = Fed::ready();
    let told = fed.frame(json!({"id": "8.fork", "result": {"thread": {"id": "new"}}}));
    assert_eq!(told, [Signal::Answered { n: 8, result: Ok(json!({"native_id": "new"})) }]);
    let told =
        fed.frame(json!({"id": "8.revert", "error": {"code": -32600, "message": "turn not found: x"}}));
    assert!(matches!(&told[..], [Signal::Answered { n: 8, result: Err(error) }] if error.code == "invalid"));
}
