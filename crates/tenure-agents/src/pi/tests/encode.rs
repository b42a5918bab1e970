//! What is said to the program.

use serde_json::{Value, json};
use tenure_core::agent::{
    Answer, AskAnswer, Codec, CodecError, Command, EncodeContext, ResumeHow, StartRecord, input_uuid,
};
use tenure_event::{Decision, InputId, Part, PartBody, Scope};

use super::super::launch::{Instructions, command_line};
use super::{Fed, start_record};

fn lines(fed: &Fed, command: &Command) -> Vec<Value> {
    let bytes = fed.codec.encode(7, command, &EncodeContext::default()).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    bytes
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn text(text: &str) -> Part {
    Part { id: "p".into(), body: PartBody::Text { text: text.into() }, bytes: None, blob: None }
}

fn input() -> InputId {
    InputId::parse("in_1").unwrap()
}

#[test]
fn each_command_has_its_line() {
    let fed = Fed::ready();
    let image = PartBody::Image { data: "AA==".into(), mime_type: "image/png".into() };
    let parts = vec![text("One."), Part { body: image, ..text("") }, text("Two.")];
    let prompt = Command::Prompt { input_id: input(), attempt: 0, parts: parts.clone() };
    assert_eq!(
        lines(&fed, &prompt),
        [json!({"id": "tenure-7-prompt", "type": "prompt", "message": "One.\n\nTwo.",
            "images": [{"type": "image", "data": "AA==", "mimeType": "image/png"}],
            "streamingBehavior": "followUp"})]
    );
    let native = input_uuid(&start_record().session_id, &input(), 2);
    let steer = Command::Steer { input_id: input(), attempt: 2, parts: vec![text("/x y")] };
    assert_eq!(
        lines(&fed, &steer),
        [json!({"id": format!("tenure-7-steer-{native}"), "type": "steer", "message": "/x y"})]
    );
    assert_eq!(
        lines(&fed, &Command::Interrupt),
        [
            json!({"id": "tenure-7-clear", "type": "clear_queue"}),
            json!({"id": "tenure-7-abort", "type": "abort"}),
        ]
    );
    assert_eq!(
        lines(&fed, &Command::SetModel("openrouter/maker/model".into())),
        [
            json!({"id": "tenure-7-model", "type": "set_model", "provider": "openrouter", "modelId": "maker/model"})
        ]
    );
    assert_eq!(
        lines(&fed, &Command::SetEffort("high".into())),
        [json!({"id": "tenure-7-effort", "type": "set_thinking_level", "level": "high"})]
    );
    assert_eq!(
        lines(&fed, &Command::Compact { instructions: Some("Keep names.".into()) }),
        [json!({"id": "tenure-7-compact", "type": "compact", "customInstructions": "Keep names."})]
    );
    assert_eq!(
        lines(&fed, &Command::Fork { through: None }),
        [json!({"id": "tenure-7-clone", "type": "clone"})]
    );
    let at = Command::Fork { through: Some("x".into()) };
    assert!(fed.codec.encode(7, &at, &EncodeContext::default()).is_err());
    assert_eq!(
        lines(&fed, &Command::Compact { instructions: None }),
        [json!({"id": "tenure-7-compact", "type": "compact"})]
    );
}

/// A model without a provider is one of the provider in use.
#[test]
fn a_bare_model_is_of_the_provider_in_use() {
    let mut fed = Fed::ready();
    fed.answer("tenure-3-model", &json!({"provider": "p", "id": "m", "contextWindow": 5}));
    let line = &lines(&fed, &Command::SetModel("other".into()))[0];
    assert_eq!((&line["provider"], &line["modelId"]), (&json!("p"), &json!("other")));
}

#[test]
fn what_has_no_word_is_refused_by_name() {
    let fed = Fed::ready();
    for (command, verb) in [
        (Command::SetMode("plan".into()), "set_mode"),
        (Command::StopTask { task_id: "t".into() }, "stop_task"),
        (Command::End, "end"),
    ] {
        let refused = fed.codec.encode(1, &command, &EncodeContext::default()).unwrap_err();
        let CodecError::Unsupported { agent, verb: named, .. } = refused;
        assert_eq!((agent, named), ("pi", verb));
        // And the table says so before.
        assert!(!super::super::supports()[verb].is_supported(), "{verb}");
    }
}

#[test]
fn questions_of_the_handshake_end_with_the_commands() {
    let types = |record: StartRecord| -> Vec<Value> {
        lines(&Fed::new(record), &Command::Hello).iter().map(|line| line["type"].clone()).collect()
    };
    let new = ["get_state", "get_available_models", "get_available_thinking_levels", "get_commands"];
    assert_eq!(types(start_record()), new);
    let adopted = StartRecord { resume: ResumeHow::Resume("s".into()), ..start_record() };
    assert_eq!(types(adopted.clone())[3], "get_messages");
    assert_eq!(types(StartRecord { generation: 2, ..adopted }), new, "what was said is known by then");
}

fn answer(method: &str, decision: Decision, answers: Option<Value>) -> Value {
    let ask = AskAnswer {
        token: "\"u-1\"".into(),
        keep: json!({"method": method, "question": "Which?"}),
        decision,
        scope: Scope::Once,
        message: None,
        updated_input: None,
        answers,
        option_id: None,
        input: None,
    };
    let mut line = lines(&Fed::ready(), &Command::Answer(Answer::Ask(ask))).remove(0);
    let fields = line.as_object_mut().unwrap();
    assert_eq!(fields.remove("type"), Some(json!("extension_ui_response")));
    assert_eq!(fields.remove("id"), Some(json!("u-1")));
    line
}

#[test]
fn answers_have_the_words_of_what_was_asked() {
    use Decision::{Allow, Cancel, Deny};
    let nothing = json!({"cancelled": true});
    assert_eq!(answer("confirm", Allow, None), json!({"confirmed": true}));
    assert_eq!(answer("confirm", Deny, None), json!({"confirmed": false}));
    assert_eq!(answer("confirm", Cancel, None), nothing);
    assert_eq!(answer("select", Allow, Some(json!({"Which?": "b"}))), json!({"value": "b"}));
    assert_eq!(answer("select", Allow, Some(json!({"Which?": ["b"]}))), json!({"value": "b"}));
    assert_eq!(answer("input", Allow, Some(json!({"x": "1", "Which?": "2"}))), json!({"value": "2"}));
    assert_eq!(answer("editor", Allow, Some(json!({"text": "T"}))), json!({"value": "T"}));
    assert_eq!(answer("editor", Allow, Some(json!({"body": "T"}))), json!({"value": "T"}));
    for (decision, answers) in [(Deny, None), (Cancel, None), (Allow, None), (Allow, Some(json!({})))] {
        assert_eq!(answer("select", decision, answers.clone()), nothing, "{decision:?} {answers:?}");
    }
}

#[test]
fn the_command_line_says_how_the_conversation_is_taken_up() {
    let line = |record: &StartRecord| command_line(record, &Instructions::default()).join(" ");
    let with = |resume, generation| StartRecord { resume, generation, ..start_record() };
    assert_eq!(line(&start_record()), "--mode rpc --approve");
    let id = "0a1b".to_owned();
    assert_eq!(line(&with(ResumeHow::NewAs(id.clone()), 1)), "--mode rpc --session-id 0a1b --approve");
    assert_eq!(line(&with(ResumeHow::Resume(id.clone()), 1)), "--mode rpc --session 0a1b --approve");
    assert_eq!(line(&with(ResumeHow::Resume(id), 2)), "--mode rpc --session-id 0a1b --approve");
    for path in ["/etc/passwd", "../x", "-r", "a/b.jsonl"] {
        let line = line(&with(ResumeHow::Resume(path.into()), 1));
        assert!(!line.contains("--session "), "{line}: a path is no id");
    }
    let record = StartRecord {
        model: Some("p/m".into()),
        effort: Some("high".into()),
        append_instructions: Some("Never in an argument.".into()),
        project_trusted: false,
        ..start_record()
    };
    let files = Instructions { append: Some("/s/a.md".into()), replace: Some("/s/r.md".into()) };
    assert_eq!(
        command_line(&record, &files).join(" "),
        "--mode rpc --model p/m --thinking high --system-prompt /s/r.md --append-system-prompt /s/a.md --no-approve"
    );
}
