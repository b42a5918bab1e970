//! Lines that make no sense, and what we write.

use serde_json::{Value, json};
use tenure_core::agent::{
    AgentError, AgentRequest, Answer, Codec, CodecError, Command, EncodeContext, FsAnswer, ResumeHow, Signal,
};
use tenure_event::{InputId, Part, PartBody};

use super::{Talk, record};

pub(super) fn parts(bodies: Vec<PartBody>) -> Vec<Part> {
    let part = |(i, body)| Part { id: format!("p.{i}"), body, bytes: None, blob: None };
    bodies.into_iter().enumerate().map(part).collect()
}

pub(super) fn prompt(bodies: Vec<PartBody>) -> Command {
    Command::Prompt { input_id: InputId::parse("inp").unwrap(), attempt: 1, parts: parts(bodies) }
}

fn kinds(out: &[Signal]) -> Vec<&str> {
    out.iter()
        .map(|signal| match signal {
            Signal::Native { kind, .. } => kind.as_str(),
            _ => "?",
        })
        .collect()
}

#[test]
fn lines_that_make_no_sense_are_kept_and_skipped() {
    let deep = format!("{{\"method\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let table: [(&[u8], &[&str]); 15] = [
        (b"", &[]),
        (b"  \r", &[]),
        (b"Loading model...", &["malformed"]),
        (b"\xff\xfe", &["malformed"]),
        (b"{\"id\":", &["malformed"]),
        (deep.as_bytes(), &["malformed"]),
        (b"[]", &["malformed"]),
        (b"[{\"id\":16,\"result\":{}}]", &["malformed"]),
        (b"7", &["malformed"]),
        (b"null", &["malformed"]),
        (b"{}", &["unknown"]),
        (b"{\"id\":16}", &["unknown"]),
        (b"{\"id\":\"nobody\",\"result\":1}", &["unknown"]),
        (b"{\"method\":7,\"id\":1}", &["malformed"]),
        (b"{\"id\":16,\"result\":{}}", &["late"]),
    ];
    let mut talk = Talk::ready();
    for (line, expected) in table {
        assert_eq!(kinds(&talk.line(line)), expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn updates_that_are_not_known_are_kept_by_their_own_name() {
    let mut talk = Talk::ready();
    for (update, kind) in [
        (json!({"sessionUpdate": "subagent_update", "x": 1}), "subagent_update"),
        (json!({"sessionUpdate": "compaction_summary_chunk"}), "compaction_summary_chunk"),
        (json!({"sessionUpdate": "notice", "severity": "info", "title": "x"}), "notice"),
        (json!({"sessionUpdate": "plan_update", "planId": "p", "markdown": "x"}), "plan_update"),
        (json!({"sessionUpdate": 3}), "malformed"),
        (json!({"sessionUpdate": "tool_call"}), "malformed"),
        (json!({"sessionUpdate": "current_mode_update", "currentModeId": 1}), "malformed"),
        (json!(null), "malformed"),
    ] {
        assert_eq!(kinds(&talk.update(update.clone())), [kind], "{update}");
    }
    assert_eq!(kinds(&talk.frame(json!({"method": "_vendor/thing", "params": 1}))), ["_vendor/thing"]);
    let other = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "x"}});
    let out =
        talk.frame(json!({"method": "session/update", "params": {"sessionId": "another", "update": other}}));
    assert_eq!(kinds(&out), ["other_session"]);
}

#[test]
fn files_are_served_and_everything_else_is_refused() {
    let mut talk = Talk::ready();
    let out = talk.frame(json!({"id": "u-1", "method": "fs/read_text_file", "params": {"sessionId": "s", "path": "/a", "line": 3, "limit": 99999999999_u64}}));
    let read = AgentRequest::FsRead { path: "/a".into(), line: Some(3), limit: Some(u32::MAX) };
    assert_eq!(out, [Signal::Request { token: "\"u-1\"".into(), request: read }]);
    let out = talk
        .frame(json!({"id": 2, "method": "fs/write_text_file", "params": {"path": "/a", "content": "x"}}));
    let write = AgentRequest::FsWrite { path: "/a".into(), content: "x".into() };
    assert_eq!(out, [Signal::Request { token: "2".into(), request: write }]);
    for method in ["terminal/create", "craft/drainMidTurnQueue", "fs/read_text_file"] {
        let out = talk.frame(json!({"id": 3, "method": method, "params": {}}));
        let [Signal::Send(command)] = &out[..] else { panic!("{out:?}") };
        let written = talk.says(4, command);
        assert_eq!((&written["id"], &written["error"]["code"]), (&json!(3), &json!(-32601)), "{method}");
    }
    let fs = |answer| talk.says(5, &Command::Answer(Answer::Fs { token: "2".into(), answer }));
    assert_eq!(fs(FsAnswer::Read("text".into()))["result"], json!({"content": "text"}));
    assert_eq!(fs(FsAnswer::Written)["result"], json!({}));
    let gone = AgentError { code: "not_found".into(), message: "no such file".into(), data: None };
    assert_eq!(fs(FsAnswer::Error(gone))["error"]["code"], json!(-32002));
}

#[test]
fn a_prompt_is_told_in_the_blocks_that_the_agent_takes() {
    let image = || PartBody::Image { data: "AA==".into(), mime_type: "image/png".into() };
    let file = |text: Option<&str>, data: Option<&str>| PartBody::File {
        uri: "file:///d/a.txt".into(),
        mime_type: Some("text/plain".into()),
        text: text.map(Into::into),
        data: data.map(Into::into),
    };
    let link = PartBody::ResourceLink { uri: "file:///d/b/".into(), name: None, mime_type: None };
    let rich = Talk::ready_with(
        json!({"agentCapabilities": {"promptCapabilities": {"image": true, "embeddedContext": true}}}),
        json!({}),
    );
    let blocks =
        |talk: &Talk, body: PartBody| talk.says(3, &prompt(vec![body]))["params"]["prompt"][0].clone();
    let refused = |talk: &Talk, body: PartBody| {
        let error = talk.codec.encode(3, &prompt(vec![body]), &EncodeContext::default());
        matches!(error, Err(CodecError::Unsupported { .. }))
    };
    assert_eq!(blocks(&rich, image()), json!({"type": "image", "data": "AA==", "mimeType": "image/png"}));
    assert_eq!(
        blocks(&rich, file(Some("x"), None)),
        json!({"type": "resource", "resource": {"uri": "file:///d/a.txt", "mimeType": "text/plain", "text": "x"}})
    );
    assert_eq!(blocks(&rich, file(None, Some("AA==")))["resource"]["blob"], "AA==");
    assert_eq!(
        blocks(&rich, link.clone()),
        json!({"type": "resource_link", "uri": "file:///d/b/", "name": "b"})
    );
    let plain = Talk::ready();
    assert!(refused(&plain, image()) && refused(&plain, file(None, Some("AA=="))));
    assert!(refused(&rich, PartBody::Other { value: Value::Null }));
    assert_eq!(
        blocks(&plain, file(Some("x"), None)),
        json!({"type": "text", "text": "File file:///d/a.txt:\n\nx"})
    );
    assert_eq!(blocks(&plain, file(None, None))["type"], "resource_link");
    assert_eq!(blocks(&plain, link)["type"], "resource_link");
}

#[test]
fn commands_that_the_agent_has_no_way_for_are_refused_by_name() {
    let talk = Talk::ready();
    let steer = Command::Steer { input_id: InputId::parse("i").unwrap(), attempt: 1, parts: vec![] };
    for command in
        [steer, Command::SetModel("m".into()), Command::SetMode("m".into()), Command::SetEffort("e".into())]
    {
        let refused = talk.codec.encode(3, &command, &EncodeContext::default());
        assert!(matches!(refused, Err(CodecError::Unsupported { .. })), "{command:?}");
    }
    let early = Talk::new(record());
    for command in [prompt(vec![]), Command::Interrupt, Command::Open { how: ResumeHow::Resume("x".into()) }]
    {
        assert!(early.codec.encode(1, &command, &EncodeContext::default()).is_err(), "{command:?}");
    }
    assert_eq!(talk.codec.encode(9, &Command::End, &EncodeContext::default()), Ok(vec![]));
    let closes = json!({"agentCapabilities": {"sessionCapabilities": {"close": {}}}});
    let talk = Talk::ready_with(closes, json!({}));
    assert_eq!(talk.says(9, &Command::End)["method"], "session/close");
    assert_eq!(
        talk.codec.encode(9, &Command::Raw("{}".into()), &EncodeContext::default()),
        Ok(b"{}\n".to_vec())
    );
}

#[test]
fn the_greeting_says_what_we_serve() {
    let talk = Talk::new(record());
    assert_eq!(talk.codec.hello(), [Command::Hello]);
    let written = talk.says(1, &Command::Hello);
    assert_eq!((&written["id"], &written["params"]["protocolVersion"]), (&json!(16), &json!(1)));
    assert_eq!(
        written["params"]["clientCapabilities"]["fs"],
        json!({"readTextFile": true, "writeTextFile": true})
    );
    assert_eq!(written["params"]["clientCapabilities"]["terminal"], json!(false));
}
