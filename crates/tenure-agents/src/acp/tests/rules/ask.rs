//! Requests to a person and their answers.

use serde_json::{Value, json};
use tenure_core::agent::{Answer, AskAnswer, AskSignal, Codec, Command, EncodeContext, Signal};
use tenure_event::{AskKind, Decision, Scope, ToolState};

use super::super::Talk;
use super::sends;

fn permission(id: &Value, options: &[(&str, &str)], kind: &str) -> Value {
    let options: Vec<Value> =
        options.iter().map(|(id, kind)| json!({"optionId": id, "name": id, "kind": kind})).collect();
    json!({"id": id, "method": "session/request_permission", "params": {"sessionId": "s",
        "toolCall": {"toolCallId": "t", "title": "ls", "kind": kind, "rawInput": {"command": "ls"}}, "options": options}})
}

fn asked(out: &[Signal]) -> &AskSignal {
    match out.last() {
        Some(Signal::Ask(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

fn answer(keep: &Value, token: &str, decision: Decision, scope: Scope, option_id: Option<&str>) -> Command {
    Command::Answer(Answer::Ask(AskAnswer {
        token: token.to_owned(),
        keep: keep.clone(),
        decision,
        scope,
        message: None,
        updated_input: None,
        answers: None,
        option_id: option_id.map(ToOwned::to_owned),
        input: None,
    }))
}

#[test]
fn an_option_is_chosen_by_its_kind() {
    let all = [("A", "allow_always"), ("a", "allow_once"), ("R", "reject_always"), ("r", "reject_once")];
    let only_always = [("A", "allow_always"), ("R", "reject_always")];
    let no_reject = [("a", "allow_once"), ("a2", "allow_once")];
    let strange = [("x", "maybe")];
    let (allow, deny, cancel) = (Decision::Allow, Decision::Deny, Decision::Cancel);
    let (once, session, always) = (Scope::Once, Scope::Session, Scope::Always);
    type Row<'a> = (&'a [(&'a str, &'a str)], Decision, Scope, Option<&'a str>, Option<&'a str>);
    let table: [Row<'_>; 15] = [
        (&all, allow, once, None, Some("a")),
        (&all, allow, session, None, Some("a")),
        (&all, allow, always, None, Some("A")),
        (&all, deny, once, None, Some("r")),
        (&all, deny, always, None, Some("R")),
        (&all, cancel, once, None, None),
        (&all, allow, once, Some("A"), Some("A")),
        (&all, cancel, once, Some("A"), None),
        (&only_always, allow, once, None, Some("A")),
        (&only_always, deny, once, None, Some("R")),
        (&no_reject, deny, once, None, None),
        (&no_reject, allow, always, None, Some("a")),
        (&strange, allow, once, None, None),
        (&strange, deny, once, None, None),
        (&[], allow, once, None, None),
    ];
    for (options, decision, scope, option_id, expected) in table {
        let mut talk = Talk::ready();
        let out = talk.frame(permission(&json!(0), options, "execute"));
        let ask = asked(&out).clone();
        assert_eq!(ask.can_always, options.iter().any(|(_, kind)| *kind == "allow_always"));
        let written = talk.says(4, &answer(&ask.keep, &ask.token, decision, scope, option_id));
        let outcome = match expected {
            Some(id) => json!({"outcome": "selected", "optionId": id}),
            None => json!({"outcome": "cancelled"}),
        };
        assert_eq!(written["result"]["outcome"], outcome, "{options:?} {decision:?} {scope:?} {option_id:?}");
    }
}

#[test]
fn the_agents_id_goes_back_exactly() {
    for id in [
        "0",
        "-7",
        "1.0",
        "1e2",
        "\"a\\u0062\"",
        "\"39cc2e09-5ed6\"",
        "null",
        "123456789012345678901234567890",
    ] {
        let mut talk = Talk::ready();
        let line =
            permission(&json!("@"), &[("a", "allow_once")], "execute").to_string().replace("\"@\"", id);
        let out = talk.line(line.as_bytes());
        let ask = asked(&out);
        assert_eq!(ask.token, id);
        let written = talk.codec.encode(
            4,
            &answer(&ask.keep, id, Decision::Allow, Scope::Once, None),
            &EncodeContext::default(),
        );
        let written = String::from_utf8(written.unwrap()).unwrap();
        assert!(written.starts_with(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\"")), "{written}");
    }
}

#[test]
fn the_tool_of_a_permission_is_told_first_and_a_plan_is_a_plan() {
    let mut talk = Talk::ready();
    let out = talk.frame(permission(&json!(1), &[("a", "allow_once")], "switch_mode"));
    let [Signal::ToolStarted(start), Signal::Ask(ask)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((start.tool_id.as_str(), start.state), ("t", ToolState::Pending));
    assert_eq!(
        (ask.kind, ask.tool.as_deref(), ask.tool_id.as_deref()),
        (AskKind::Plan, Some("ls"), Some("t"))
    );
    // A request that says next to nothing is an ask all the same.
    let out = talk.frame(json!({"id": 2, "method": "session/request_permission", "params": {"options": 3}}));
    assert!(matches!(&out[..], [Signal::Ask(ask)] if ask.tool_id.is_none() && ask.options.is_empty()));
    let out = talk.frame(json!({"method": "$/cancel_request", "params": {"requestId": "x-1"}}));
    assert_eq!(out, [Signal::AskWithdrawn { token: "\"x-1\"".into() }]);
}

#[test]
fn a_simple_form_is_asked_and_answered_in_its_types() {
    let mut talk = Talk::ready();
    let out = talk.frame(json!({"id": 5, "method": "elicitation/create", "params": {"sessionId": "s", "mode": "form",
        "message": "Settings", "requestedSchema": {"type": "object", "properties": {
            "name": {"type": "string", "title": "Name", "description": "Your name"},
            "count": {"type": "integer"},
            "sure": {"type": "boolean"},
            "color": {"type": "string", "oneOf": [{"const": "#f00", "title": "Red"}, {"const": "#0f0", "title": "Green"}]},
            "many": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
    }}}}));
    let ask = asked(&out).clone();
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Elicitation, "Settings"));
    let questions: Vec<&str> = ask.questions.iter().map(|question| question.question.as_str()).collect();
    assert_eq!(questions, ["Your name", "count", "sure", "color", "many"]);
    let reply = |decision, answers: Value| {
        let Command::Answer(Answer::Ask(mut answer)) = answer(&ask.keep, "5", decision, Scope::Once, None)
        else {
            unreachable!()
        };
        answer.answers = Some(answers);
        talk.says(6, &Command::Answer(Answer::Ask(answer)))["result"].clone()
    };
    let answers = json!({"Your name": "Ada", "count": "3", "sure": "yes", "color": ["Green"], "many": ["a", "b"], "x": 1});
    assert_eq!(
        reply(Decision::Allow, answers),
        json!({"action": "accept", "content": {"name": "Ada", "count": 3, "sure": true, "color": "#0f0", "many": ["a", "b"]}})
    );
    assert_eq!(reply(Decision::Allow, Value::Null), json!({"action": "accept", "content": {}}));
    assert_eq!(reply(Decision::Deny, Value::Null), json!({"action": "decline"}));
    assert_eq!(reply(Decision::Cancel, Value::Null), json!({"action": "cancel"}));
}

#[test]
fn forms_without_a_schema_are_refused_and_those_that_are_not_flat_have_no_questions() {
    for params in [json!({"mode": "url", "url": "https://example.com"}), json!({}), json!(3)] {
        let mut talk = Talk::ready();
        let out = talk.frame(json!({"id": 5, "method": "elicitation/create", "params": params}));
        assert!(matches!(sends(&out), Command::Answer(Answer::Unknown { .. })), "{params}");
    }
    for schema in [
        json!({"properties": {"deep": {"type": "object"}}}),
        json!({"properties": {"free": {"type": "array", "items": {"type": "string"}}}}),
    ] {
        let mut talk = Talk::ready();
        let params = json!({"requestedSchema": schema});
        let out = talk.frame(json!({"id": 5, "method": "elicitation/create", "params": params}));
        let ask = asked(&out);
        assert!(ask.questions.is_empty(), "{schema}");
        assert_eq!(ask.input.as_ref().map(|input| &input["schema"]), Some(&schema));
    }
}
