//! What is written: compared in meaning with what the client of the recordings wrote, and
//! by tables for what it never wrote.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{
    Answer, AskAnswer, AskSignal, Codec, CodecError, Command, EncodeContext, McpServerSpec, McpTransport,
    ResumeHow, Signal, StartRecord, input_uuid,
};
use tenure_event::{Decision, InputId, Part, PartBody, Scope};

use super::super::{ClaudeCodec, command_line, environment, scrub, write::read_request_id};
use super::{Way, names, recording, start_record};

fn encoded(record: &StartRecord, command: &Command) -> Value {
    let bytes = ClaudeCodec::new(record.clone()).encode(7, command, &EncodeContext::default()).unwrap();
    let (newline, line) = bytes.split_last().unwrap();
    assert_eq!(*newline, b'\n');
    assert!(!line.contains(&b'\n'), "one command is one line");
    serde_json::from_slice(line).unwrap()
}

fn text(text: &str) -> Part {
    part(PartBody::Text { text: text.to_owned() })
}

fn part(body: PartBody) -> Part {
    Part { id: "p.0".to_owned(), body, bytes: None, blob: None }
}

fn prompt(parts: Vec<Part>) -> Command {
    Command::Prompt { input_id: InputId::parse("inp_1").unwrap(), attempt: 0, parts }
}

/// An answer as the machine hands it over, before anything is decided.
fn answer_to(ask: &AskSignal) -> AskAnswer {
    AskAnswer {
        token: ask.token.clone(),
        keep: ask.keep.clone(),
        decision: Decision::Allow,
        scope: Scope::Once,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
        input: ask.input.clone(),
    }
}

#[test]
fn prompts_are_what_the_client_of_the_recordings_wrote() {
    let mut compared = 0;
    for name in names() {
        let recording = recording(&name);
        for (_, theirs) in
            recording.lines.iter().filter(|(way, line)| *way == Way::In && line["type"] == "user")
        {
            let content = theirs["message"]["content"].as_str().unwrap();
            let mut ours = encoded(&recording.record, &prompt(vec![text(content)]));
            let input = InputId::parse("inp_1").unwrap();
            assert_eq!(ours["uuid"], json!(input_uuid(&recording.record.session_id, &input, 0).to_string()));
            ours["uuid"] = theirs["uuid"].clone();
            assert_eq!(&ours, theirs, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 60, "only {compared}");
}

#[test]
fn control_requests_are_what_the_client_of_the_recordings_wrote() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for name in names() {
        let recording = recording(&name);
        let theirs =
            recording.lines.iter().filter(|(way, line)| *way == Way::In && line["type"] == "control_request");
        for (_, theirs) in theirs {
            let asked = &theirs["request"];
            let word = asked["subtype"].as_str().unwrap();
            let command = match word {
                "initialize" => Command::Hello,
                "interrupt" => Command::Interrupt,
                "end_session" => Command::End,
                "stop_task" => Command::StopTask { task_id: asked["task_id"].as_str().unwrap().to_owned() },
                "set_model" if asked["model"].is_string() => {
                    Command::SetModel(asked["model"].as_str().unwrap().to_owned())
                }
                "set_permission_mode" if asked["mode"] != "bypassPermissions" => {
                    Command::SetMode(asked["mode"].as_str().unwrap().to_owned())
                }
                "apply_flag_settings" => {
                    Command::SetEffort(asked["settings"]["effortLevel"].as_str().unwrap().to_owned())
                }
                _ => continue,
            };
            let ours = encoded(&recording.record, &command);
            assert_eq!(ours["type"], "control_request");
            assert_eq!(read_request_id(ours["request_id"].as_str().unwrap()).unwrap().0, 7);
            let ours = ours["request"].as_object().unwrap();
            for (key, value) in asked.as_object().unwrap() {
                let told_otherwise = matches!(
                    key.as_str(),
                    "sdkMcpServers" | "agentProgressSummaries" | "jsonSchema" | "appendSystemPrompt"
                );
                let more = matches!(
                    (word, key.as_str()),
                    ("initialize", "hooks" | "title") | ("end_session", "reason")
                );
                if !told_otherwise && !more {
                    assert_eq!(ours.get(key), Some(value), "{name}: {word}.{key}");
                }
            }
            *seen.entry(word.to_owned()).or_default() += 1;
        }
    }
    for word in [
        "initialize",
        "interrupt",
        "stop_task",
        "end_session",
        "set_model",
        "set_permission_mode",
        "apply_flag_settings",
    ] {
        assert!(seen.contains_key(word), "{word} was compared nowhere");
    }
}

/// The answer in our words that means what the client of the recording answered.
fn in_our_words(ask: &AskSignal, theirs: &Value) -> AskAnswer {
    let mut answer = answer_to(ask);
    if theirs["behavior"] == "deny" {
        let cut = theirs["interrupt"] == json!(true);
        answer.decision = if cut { Decision::Cancel } else { Decision::Deny };
        answer.message = theirs["message"].as_str().map(str::to_owned);
        return answer;
    }
    let input = &theirs["updatedInput"];
    if input["answers"].is_object() {
        answer.answers = Some(input["answers"].clone());
    } else if input.is_object() && Some(input) != ask.input.as_ref() {
        answer.updated_input = Some(input.clone());
    }
    if theirs["updatedPermissions"].is_array() {
        answer.scope = Scope::Always;
    }
    answer
}

#[test]
fn answers_mean_what_the_client_of_the_recordings_answered() {
    let mut compared = 0;
    for name in names() {
        let recording = recording(&name);
        let mut codec = ClaudeCodec::new(recording.record.clone());
        let mut at = 0;
        let mut asks: Vec<AskSignal> = Vec::new();
        for (way, line) in &recording.lines {
            if *way == Way::Out {
                let bytes = line.to_string().into_bytes();
                asks.extend(codec.decode(at, &bytes).into_iter().filter_map(|signal| match signal {
                    Signal::Ask(ask) => Some(ask),
                    _ => None,
                }));
                at += bytes.len() as u64 + 1;
                continue;
            }
            let token = line["response"]["request_id"].to_string();
            let Some(ask) = asks.iter().find(|ask| ask.token == token) else { continue };
            let mut theirs = line.clone();
            let body = &mut theirs["response"]["response"];
            let answer = in_our_words(ask, body);
            if body["behavior"] == "allow" {
                // One recording leaves the input out; we always send it.
                body["updatedInput"] = answer
                    .updated_input
                    .clone()
                    .or_else(|| body.get("updatedInput").cloned())
                    .unwrap_or_else(|| answer.input.clone().unwrap());
            }
            if let Some(all) = body.get_mut("updatedPermissions").and_then(Value::as_array_mut) {
                // "Always" is the rule alone: the other suggestions reach further.
                all.retain(|one| one["type"] == "addRules");
            }
            let ours = encoded(&recording.record, &Command::Answer(Answer::Ask(answer)));
            assert_eq!(ours, theirs, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 10, "only {compared}");
}

#[test]
fn answers_to_questions_in_every_shape() {
    let question = |text: &str| json!({"question": text, "options": [{"label": "A"}, {"label": "B"}]});
    let input = json!({"questions": [question("One?"), question("Two?")]});
    let cases = [
        (json!({"One?": "A", "Two?": ["A", "B"]}), json!({"One?": "A", "Two?": "A, B"})),
        (json!({"One?": 3, "Two?": null}), json!({"One?": "3", "Two?": ""})),
        (json!(["A", ["B", "free text"]]), json!({"One?": "A", "Two?": "B, free text"})),
        (json!("A"), json!({"One?": "A"})),
    ];
    for (given, expected) in cases {
        let answer = AskAnswer { answers: Some(given), ..plain_answer(&input) };
        let line = encoded(&start_record(), &Command::Answer(Answer::Ask(answer)));
        let body = &line["response"]["response"];
        assert_eq!(body["updatedInput"]["answers"], expected);
        assert_eq!(body["updatedInput"]["questions"], input["questions"]);
    }
    let one = json!({"questions": [question("One?")]});
    let answer = AskAnswer { message: Some("neither".to_owned()), ..plain_answer(&one) };
    let line = encoded(&start_record(), &Command::Answer(Answer::Ask(answer)));
    assert_eq!(line["response"]["response"]["updatedInput"]["answers"], json!({"One?": "neither"}));
}

fn plain_answer(input: &Value) -> AskAnswer {
    AskAnswer {
        token: "\"r1\"".to_owned(),
        keep: json!({"what": "tool", "suggestions": []}),
        decision: Decision::Allow,
        scope: Scope::Once,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
        input: Some(input.clone()),
    }
}

#[test]
fn answers_to_forms_and_to_what_is_not_served() {
    let form = |decision, answers| AskAnswer {
        decision,
        answers,
        keep: json!({"what": "elicitation"}),
        token: "17".to_owned(),
        ..plain_answer(&json!({}))
    };
    let body = |answer| encoded(&start_record(), &Command::Answer(Answer::Ask(answer)))["response"].clone();
    let accepted = body(form(Decision::Allow, Some(json!({"name": "x"}))));
    assert_eq!(accepted["request_id"], json!(17), "the id is given back as it came");
    assert_eq!(accepted["response"], json!({"action": "accept", "content": {"name": "x"}}));
    assert_eq!(body(form(Decision::Deny, None))["response"], json!({"action": "decline"}));
    assert_eq!(body(form(Decision::Cancel, None))["response"], json!({"action": "cancel"}));
    let unknown = Answer::Unknown { token: "\"x\"".to_owned(), method: "hook_callback".to_owned() };
    let line = encoded(&start_record(), &Command::Answer(unknown));
    assert_eq!(line["response"]["subtype"], "error");
    assert_eq!(line["response"]["request_id"], "x");
}

#[test]
fn parts_become_content_blocks() {
    let image = PartBody::Image { data: "AAAA".to_owned(), mime_type: "image/png".to_owned() };
    let file = |mime: Option<&str>, text: Option<&str>, data: Option<&str>| PartBody::File {
        uri: "a.bin".to_owned(),
        mime_type: mime.map(str::to_owned),
        text: text.map(str::to_owned),
        data: data.map(str::to_owned),
    };
    let link =
        PartBody::ResourceLink { uri: "file:///x".to_owned(), name: Some("x".to_owned()), mime_type: None };
    let parts = vec![
        text("see"),
        part(image),
        part(file(Some("application/pdf"), None, Some("BBBB"))),
        part(file(None, Some("words"), None)),
        part(file(Some("image/gif"), None, Some("CCCC"))),
        part(link),
    ];
    let line = encoded(&start_record(), &prompt(parts));
    insta::assert_json_snapshot!("claude-blocks", line["message"]["content"]);
    let odd = prompt(vec![text("x"), part(file(Some("application/zip"), None, Some("DDDD")))]);
    let refused = ClaudeCodec::new(start_record()).encode(1, &odd, &EncodeContext::default());
    assert!(matches!(refused, Err(CodecError::Unsupported { verb: "input", .. })), "{refused:?}");
}

#[test]
fn the_same_input_is_the_same_message_and_a_new_attempt_another() {
    let uuid = |attempt| {
        let command =
            Command::Steer { input_id: InputId::parse("inp_9").unwrap(), attempt, parts: vec![text("x")] };
        encoded(&start_record(), &command)["uuid"].clone()
    };
    assert_eq!(uuid(0), uuid(0));
    assert_ne!(uuid(0), uuid(1));
}

#[test]
fn bypass_needs_to_have_been_asked_for() {
    let command = Command::SetMode("bypassPermissions".to_owned());
    let mut record = start_record();
    let refused = ClaudeCodec::new(record.clone()).encode(1, &command, &EncodeContext::default());
    assert!(matches!(refused, Err(CodecError::Unsupported { verb: "set_mode", .. })), "{refused:?}");
    record.mode = Some("bypassPermissions".to_owned());
    assert!(!command_line(&record).iter().any(|arg| arg.contains("bypass") || arg.contains("dangerously")));
    record.allow_bypass = true;
    assert_eq!(encoded(&record, &command)["request"]["mode"], "bypassPermissions");
    let args = command_line(&record);
    assert!(args.contains(&"--allow-dangerously-skip-permissions".to_owned()));
    assert!(args.contains(&"--permission-mode=bypassPermissions".to_owned()));
}

fn with_servers() -> StartRecord {
    let stdio = McpTransport::Stdio {
        command: "srv".to_owned(),
        args: vec!["-x".to_owned()],
        env: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
    };
    let http = McpTransport::Http { url: "https://h".to_owned(), headers: BTreeMap::new() };
    StartRecord {
        mcp_servers: vec![
            McpServerSpec { name: "files".to_owned(), transport: stdio },
            McpServerSpec { name: "web".to_owned(), transport: http },
        ],
        append_instructions: Some("be brief".to_owned()),
        replace_instructions: Some("you are".to_owned()),
        ..start_record()
    }
}

#[test]
fn instructions_and_tool_servers_go_over_stdin_with_their_secrets() {
    let record = with_servers();
    let codec = ClaudeCodec::new(record.clone());
    let hello = codec.hello();
    assert_eq!(hello, [Command::Hello, Command::Open { how: ResumeHow::New }]);
    let asked = encoded(&record, &hello[0])["request"].clone();
    assert_eq!(asked["appendSystemPrompt"], "be brief");
    assert_eq!(asked["systemPrompt"], json!(["you are"]));
    let secret = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let context = EncodeContext {
        mcp_secrets: BTreeMap::from([
            ("files".to_owned(), secret("TOKEN", "s3")),
            ("web".to_owned(), secret("Authorization", "Bearer s4")),
        ]),
        ..EncodeContext::default()
    };
    let line: Value = serde_json::from_slice(&codec.encode(2, &hello[1], &context).unwrap()).unwrap();
    assert_eq!(
        line["request"],
        json!({"subtype": "mcp_set_servers", "servers": {
            "files": {"type": "stdio", "command": "srv", "args": ["-x"], "env": {"A": "1", "TOKEN": "s3"}},
            "web": {"type": "http", "url": "https://h", "headers": {"Authorization": "Bearer s4"}},
        }})
    );
    let args = command_line(&record).join(" ");
    assert!(!args.contains("be brief") && !args.contains("you are") && !args.contains("srv"), "{args}");
}

#[test]
fn command_lines() {
    let record = StartRecord {
        resume: ResumeHow::NewAs("0b6e".to_owned()),
        model: Some("--opus".to_owned()),
        mode: Some("plan".to_owned()),
        effort: Some("high".to_owned()),
        project_trusted: false,
        ..start_record()
    };
    insta::assert_snapshot!("claude-arguments", command_line(&record).join("\n"));
    assert!(command_line(&record).iter().all(|arg| arg.starts_with("--")), "no value stands alone");
    let resumed = StartRecord { resume: ResumeHow::Resume("0b6e".to_owned()), ..start_record() };
    let args = command_line(&resumed);
    assert!(args.contains(&"--resume=0b6e".to_owned()));
    assert!(!args.iter().any(|arg| arg.starts_with("--session-id") || arg.starts_with("--setting-sources")));
    let names: Vec<String> = environment(&record).into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS".to_owned()));
    assert!(scrub().contains(&"CLAUDECODE") && scrub().contains(&"NODE_OPTIONS"));
    assert!(!scrub().iter().any(|name| names.contains(&(*name).to_owned())));
}

#[test]
fn request_ids_can_be_read_back_and_no_other_id_is_taken_for_ours() {
    for command in [
        Command::Hello,
        Command::Interrupt,
        Command::SetModel("m".to_owned()),
        Command::SetMode("plan".to_owned()),
        Command::SetEffort("very-high".to_owned()),
        Command::End,
    ] {
        let line = encoded(&start_record(), &command);
        let id = line["request_id"].as_str().unwrap();
        assert!(id.starts_with("tenure-7-"), "{id}");
        assert_eq!(read_request_id(id).map(|(n, _)| n), Some(7));
    }
    for id in ["req_1", "tenure-", "tenure-7", "tenure-x-model", "tenure-7-what", "tenure--1-model", ""] {
        assert_eq!(read_request_id(id), None, "{id}");
    }
}
