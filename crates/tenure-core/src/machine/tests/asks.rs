//! Asks: each ends once, by a person, a policy, its deadline or its withdrawal.

use tenure_api::{ErrorCode, PermissionDefault};
use tenure_event::{AskId, AskKind, AskOption, Decision, OptionKind, Question, Scope};

use super::scenes::{asked, asked_as, end_turn, idle, running, running_as};
use super::stage::Stage;
use super::words::{decide, exit_code, permission, ready_with, spec};
use crate::agent::{Answer, AskAnswer, AskSignal, Command, Signal};
use crate::machine::Spec;
use crate::{AnswerRequest, Reply, Request};

fn open(stage: &Stage) -> Vec<AskId> {
    stage.state().asks.keys().cloned().collect()
}

/// Answers that the agent got: token, decision, scope.
fn answers(stage: &Stage) -> Vec<(String, Decision, Scope)> {
    sent(stage).into_iter().map(|a| (a.token, a.decision, a.scope)).collect()
}

fn sent(stage: &Stage) -> Vec<AskAnswer> {
    let answer = |c: &(u32, u64, Command)| match &c.2 {
        Command::Answer(Answer::Ask(a)) => Some(a.clone()),
        _ => None,
    };
    stage.commands.iter().filter_map(answer).collect()
}

#[test]
fn an_answer_reaches_the_agent_with_what_the_codec_kept() {
    let mut stage = asked();
    let ask = open(&stage)[0].clone();
    stage.news();
    let request = AnswerRequest { message: Some("not there".into()), ..decide(&ask, Decision::Deny) };
    let Ok(Reply::Answered(answered)) = stage.ask(Request::Answer(request.clone())) else {
        panic!("answered")
    };
    assert_eq!((answered.decision, answered.scope), (Some(Decision::Deny), Some(Scope::Once)));
    assert_eq!(stage.news(), ["ask.resolved deny once by client", "session.activity_changed live/running"]);
    let told = sent(&stage).remove(0);
    assert_eq!((told.token.as_str(), told.message.as_deref()), ("p1", Some("not there")));
    assert_eq!((told.keep["kept"].as_str(), told.input.is_some()), (Some("p1"), true));
    // A second answer changes nothing.
    let refused = stage.ask(Request::Answer(request)).expect_err("it was answered");
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert_eq!((stage.news().len(), answers(&stage).len()), (0, 1));
}

/// A change to the answer, and the scope that it gets, or the refusal.
type Row = (fn(&mut AnswerRequest), Result<Scope, (ErrorCode, &'static str)>);

fn pwd() -> Option<serde_json::Value> {
    Some(serde_json::json!({"command": "pwd"}))
}

fn option(request: &mut AnswerRequest, decision: Decision, id: &str) {
    (request.decision, request.option_id) = (decision, Some(id.to_owned()));
}

const ROWS: [Row; 16] = [
    (|_| {}, Ok(Scope::Once)),
    (|r| r.scope = Scope::Session, Ok(Scope::Session)),
    (|r| r.scope = Scope::Always, Ok(Scope::Always)),
    (|r| r.updated_input = pwd(), Ok(Scope::Once)),
    (|r| option(r, Decision::Allow, "yes"), Ok(Scope::Once)),
    (|r| option(r, Decision::Allow, "always"), Ok(Scope::Always)),
    (|r| option(r, Decision::Deny, "no"), Ok(Scope::Once)),
    (|r| option(r, Decision::Allow, "what"), Err((ErrorCode::Invalid, "option_id"))),
    // The record must say what the agent is told.
    (|r| option(r, Decision::Allow, "no"), Err((ErrorCode::Invalid, "option_id"))),
    (|r| option(r, Decision::Deny, "yes"), Err((ErrorCode::Invalid, "option_id"))),
    (|r| option(r, Decision::Cancel, "no"), Err((ErrorCode::Invalid, "option_id"))),
    (|r| (r.decision, r.scope) = (Decision::Deny, Scope::Session), Err((ErrorCode::Invalid, "scope"))),
    (|r| (r.decision, r.scope) = (Decision::Cancel, Scope::Always), Err((ErrorCode::Invalid, "scope"))),
    (|r| (r.decision, r.scope) = (Decision::Deny, Scope::Always), Err((ErrorCode::Unsupported, "always"))),
    (|r| (r.decision, r.updated_input) = (Decision::Deny, pwd()), Err((ErrorCode::Invalid, "updated_input"))),
    (|r| r.answers = Some(serde_json::json!({})), Err((ErrorCode::Invalid, "answers"))),
];

#[test]
fn what_would_not_be_honoured_is_refused_by_name() {
    for (at, (change, wanted)) in ROWS.into_iter().enumerate() {
        let mut stage = asked();
        let mut request = decide(&open(&stage)[0], Decision::Allow);
        change(&mut request);
        let got = match stage.ask(Request::Answer(request)) {
            Ok(Reply::Answered(ask)) => Ok(ask.scope.expect("it has one")),
            Ok(other) => panic!("{other:?}"),
            Err(p) => Err((p.code, p.field.or(p.capability).unwrap_or_default())),
        };
        assert_eq!(got, wanted.map_err(|(code, field)| (code, field.to_owned())), "row {at}");
        assert_eq!(open(&stage).len(), usize::from(got.is_err()), "row {at}");
    }
    let mut stage = asked();
    let mut both = decide(&open(&stage)[0], Decision::Allow);
    option(&mut both, Decision::Allow, "always");
    both.scope = Scope::Session;
    assert_eq!(stage.ask(Request::Answer(both)).expect_err("two scopes").field.as_deref(), Some("scope"));
}

#[test]
fn an_agent_that_takes_no_changed_input_and_no_always_says_so() {
    let mut stage = running();
    let plain = AskSignal { can_update_input: false, can_always: false, ..permission("p") };
    stage.agent(vec![Signal::Ask(plain)]);
    let ask = open(&stage)[0].clone();
    let with = |change: fn(&mut AnswerRequest)| {
        let mut request = decide(&ask, Decision::Allow);
        change(&mut request);
        Request::Answer(request)
    };
    let refused = stage.ask(with(|r| r.updated_input = Some(serde_json::json!({})))).expect_err("cannot");
    assert_eq!(refused.capability.as_deref(), Some("updated_input"));
    for change in
        [(|r| r.scope = Scope::Always) as fn(&mut AnswerRequest), |r| r.option_id = Some("always".into())]
    {
        let refused = stage.ask(with(change)).expect_err("cannot");
        assert_eq!(refused.capability.as_deref(), Some("always"));
    }
}

#[test]
fn an_untrusted_project_gets_no_always_by_any_name() {
    let claude_like = || Spec { always_writes_settings: true, ..spec() };
    for option_id in [None, Some("always".to_owned())] {
        let mut stage = asked_as(claude_like());
        let always =
            AnswerRequest { scope: Scope::Always, option_id, ..decide(&open(&stage)[0], Decision::Allow) };
        let refused = stage.ask(Request::Answer(always.clone())).expect_err("untrusted");
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let mut trusted = asked_as(Spec { project_trusted: true, ..claude_like() });
        let always = AnswerRequest { ask_id: open(&trusted)[0].clone(), ..always };
        trusted.ask(Request::Answer(always)).expect("trusted");
    }
}

#[test]
fn a_rule_for_the_session_answers_the_like_at_once_and_no_other() {
    let mut stage = running();
    let other = AskSignal { input: Some(serde_json::json!({"command": "rm -r /"})), ..permission("p3") };
    stage.agent(vec![
        Signal::Ask(permission("p1")),
        Signal::Ask(permission("p2")),
        Signal::Ask(other.clone()),
    ]);
    stage.news();
    let first = stage.state().asks.values().find(|o| o.token == "p1").expect("open").ask.id.clone();
    let request = AnswerRequest { scope: Scope::Session, ..decide(&first, Decision::Allow) };
    stage.ask(Request::Answer(request)).expect("answered");
    // The one that was open already is alike, and is answered with it.
    assert_eq!(stage.news(), ["ask.resolved allow session by client", "ask.resolved allow once by policy"]);
    stage.restart();
    let again = AskSignal { token: "p5".into(), ..other };
    stage.agent(vec![Signal::Ask(permission("p4")), Signal::Ask(again)]);
    assert_eq!(
        stage.news(),
        ["ask.opened permission", "ask.resolved allow once by policy", "ask.opened permission"]
    );
    assert_eq!(open(&stage).len(), 2);
    assert_eq!(answers(&stage).len(), 3);
}

#[test]
fn the_oldest_of_too_many_rules_is_forgotten_and_said_to_be() {
    let mut stage = running();
    for n in 0..1001 {
        let command = serde_json::json!({"command": format!("make {n}")});
        let ask = AskSignal { input: Some(command), token: format!("p{n}"), ..permission("p") };
        stage.agent(vec![Signal::Ask(ask)]);
        let id = stage.state().asks.values().next().expect("open").ask.id.clone();
        stage.news();
        let request = AnswerRequest { scope: Scope::Session, ..decide(&id, Decision::Allow) };
        stage.ask(Request::Answer(request)).expect("answered");
    }
    assert!(stage.news().contains(&"warning.raised rule_forgotten".to_owned()));
    assert_eq!(stage.state().rules.len(), 1000);
    let first = AskSignal { input: Some(serde_json::json!({"command": "make 0"})), ..permission("again") };
    stage.agent(vec![Signal::Ask(first)]);
    assert_eq!(stage.news(), ["ask.opened permission", "session.activity_changed live/waiting permission"]);
}

#[test]
fn a_policy_answers_permissions_with_a_record_and_nothing_else() {
    for (default, decision) in [(PermissionDefault::Allow, "allow"), (PermissionDefault::Deny, "deny")] {
        let mut stage = running_as(Spec { permission_default: default, ..spec() });
        stage.news();
        stage.agent(vec![Signal::Ask(permission("p"))]);
        assert_eq!(
            stage.news(),
            ["ask.opened permission".to_owned(), format!("ask.resolved {decision} once by policy")]
        );
        stage.agent(vec![Signal::Ask(AskSignal { kind: AskKind::Plan, ..permission("plan") })]);
        assert_eq!(stage.axes(), "live/waiting plan");
    }
}

#[test]
fn a_deadline_denies_also_at_once_and_also_when_nobody_was_there() {
    let mut at_once = asked_as(Spec { ask_timeout_seconds: 0, ..spec() });
    assert_eq!((at_once.axes().as_str(), answers(&at_once)[0].1), ("live/running", Decision::Deny));
    assert!(at_once.news().contains(&"ask.expired deadline".into()));

    let minute = || asked_as(Spec { ask_timeout_seconds: 60, ..spec() });
    let mut watched = minute();
    assert_eq!(watched.due_in(), Some(60));
    watched.deadline();
    assert_eq!(answers(&watched)[0].1, Decision::Deny);
    assert!(sent(&watched)[0].message.is_some(), "the agent learns why");

    let mut away = minute();
    away.later(61_000);
    away.restart();
    // An answer that comes before anybody looked at the clock is too late all the same.
    let late = decide(&open(&away)[0], Decision::Allow);
    assert_eq!(away.ask(Request::Answer(late)).expect_err("too late").code, ErrorCode::Conflict);
    assert_eq!(answers(&away), [("p1".to_owned(), Decision::Deny, Scope::Once)]);
}

#[test]
fn the_agent_can_take_it_back_and_a_dead_one_gets_no_answer() {
    let mut stage = asked();
    stage.news();
    stage.agent(vec![
        Signal::AskWithdrawn { token: "p1".into() },
        Signal::AskWithdrawn { token: "p1".into() },
    ]);
    assert_eq!(stage.news(), ["ask.withdrawn agent", "session.activity_changed live/running"]);

    let mut stage = asked();
    stage.news();
    stage.exited(exit_code(1));
    assert!(stage.news().contains(&"ask.withdrawn process_exited".into()));
    assert_eq!(answers(&stage).len(), 0);
}

#[test]
fn interrupts_and_ends_give_open_asks_back() {
    let mut stage = asked();
    stage.agent(vec![Signal::Ask(permission("p2"))]);
    stage.ask(Request::Interrupt { queue: tenure_api::QueueChoice::Keep }).expect("interrupts");
    let cancelled = answers(&stage);
    assert_eq!(cancelled.iter().map(|a| a.1).collect::<Vec<_>>(), [Decision::Cancel; 2]);
    // What is asked while the interrupt is on its way gets the same.
    stage.agent(vec![Signal::Ask(permission("p3"))]);
    assert_eq!(answers(&stage)[2], ("p3".to_owned(), Decision::Cancel, Scope::Once));
    assert_eq!(stage.axes(), "live/interrupting");

    let mut ended = asked();
    ended.news();
    end_turn(&mut ended);
    assert_eq!(ended.news()[0], "ask.withdrawn turn_ended");
    assert_eq!(answers(&ended)[0].1, Decision::Cancel, "a request is never left without an answer");
}

#[test]
fn a_subagent_in_the_background_keeps_its_ask_when_the_turn_ends() {
    let mut stage = running();
    stage.agent(vec![Signal::Ask(AskSignal { path: vec!["agent-7".into()], ..permission("p") })]);
    end_turn(&mut stage);
    assert_eq!(stage.axes(), "live/waiting permission");
    stage.send("b").expect("the conversation goes on");
    assert_eq!(stage.state().turn.as_ref().map(|t| t.inputs.len()), Some(1));
    stage.ask(Request::Answer(decide(&open(&stage)[0], Decision::Allow))).expect("answered");
    assert_eq!(answers(&stage)[0].1, Decision::Allow);
}

#[test]
fn words_with_an_approval_are_an_input() {
    let with_words = |stage: &Stage| {
        let message = Some("and be quick".to_owned());
        Request::Answer(AnswerRequest { message, ..decide(&open(stage)[0], Decision::Allow) })
    };
    let mut stage = asked();
    stage.news();
    stage.ask(with_words(&stage)).expect("answered");
    assert!(matches!(stage.last_command(), Command::Steer { .. }));
    // Outside of a turn they are a plain input.
    let mut outside = idle();
    outside.agent(vec![Signal::Ask(permission("p"))]);
    outside.ask(with_words(&outside)).expect("answered");
    assert!(matches!(outside.last_command(), Command::Prompt { .. }));
    // Where the agent cannot be steered they are refused, and the ask stays open.
    let mut cannot = super::scenes::starting_as(spec());
    cannot.agent(vec![ready_with(&[])]);
    cannot.send("a").expect("admitted");
    cannot.agent(vec![Signal::Ask(permission("p"))]);
    assert_eq!(cannot.ask(with_words(&cannot)).expect_err("cannot").capability.as_deref(), Some("steer"));
    assert_eq!(open(&cannot).len(), 1);
}

#[test]
fn a_question_wants_an_answer_for_each() {
    let question = |question: &str, multiple| Question {
        question: question.to_owned(),
        header: None,
        choices: Vec::new(),
        multiple,
    };
    let questions = vec![question("which?", false), question("what else?", true)];
    let rows = [
        (serde_json::json!({"which?": "this", "what else?": ["a", "b"]}), true),
        (serde_json::json!({"which?": ["this"], "what else?": "a"}), true),
        (serde_json::json!({"which?": ["this", "that"], "what else?": "a"}), false),
        (serde_json::json!({"which?": "this"}), false),
        (serde_json::json!({"which?": 1, "what else?": "a"}), false),
        (serde_json::json!(["this", "a"]), false),
    ];
    for (given, fits) in rows {
        let mut stage = running();
        let ask = AskSignal { kind: AskKind::Question, questions: questions.clone(), ..permission("q") };
        stage.agent(vec![Signal::Ask(ask)]);
        assert_eq!(stage.axes(), "live/waiting question");
        let allow = decide(&open(&stage)[0], Decision::Allow);
        let session = AnswerRequest { scope: Scope::Session, answers: Some(given.clone()), ..allow.clone() };
        assert_eq!(stage.ask(Request::Answer(session)).expect_err("no rule").field.as_deref(), Some("scope"));
        let reply = stage.ask(Request::Answer(AnswerRequest { answers: Some(given.clone()), ..allow }));
        assert_eq!(reply.is_ok(), fits, "{given}");
    }
}

#[test]
fn a_lasting_denial_goes_where_the_agent_offers_one() {
    let mut stage = running();
    let never = AskOption { id: "never".into(), name: "Never".into(), kind: OptionKind::RejectAlways };
    stage.agent(vec![Signal::Ask(AskSignal { options: vec![never], ..permission("p") })]);
    let request = AnswerRequest { scope: Scope::Always, ..decide(&open(&stage)[0], Decision::Deny) };
    stage.ask(Request::Answer(request)).expect("offered");
    assert_eq!(answers(&stage), [("p".to_owned(), Decision::Deny, Scope::Always)]);
}

#[test]
fn an_agent_that_asks_without_end_is_answered_and_not_remembered() {
    let mut stage = running();
    stage.twin_every = 0;
    let flood = (0..300).map(|n| Signal::Ask(permission(&format!("p{n}")))).collect();
    stage.agent(flood);
    assert_eq!((open(&stage).len(), answers(&stage).len()), (256, 44));
}

#[test]
fn rules_of_the_configuration_come_after_those_of_the_session_and_before_its_default() {
    use tenure_api::{PermissionRule, PolicyRule};
    let rule = |decision, tool: &str| PermissionRule {
        decision,
        tool: Some(tool.to_owned()),
        kind: None,
        input: None,
    };
    let policy = |decision| crate::machine::Policy {
        rules: vec![PolicyRule {
            rule: rule(decision, "Bash"),
            from: "config.toml permissions[0].rules[0]".into(),
        }],
        ask_timeout_seconds: Some(60),
    };
    let asks = |spec: Spec, policy: crate::machine::Policy| {
        let mut stage = running_as(spec);
        stage.machine.set_policy(std::sync::Arc::new(policy));
        stage.agent(vec![Signal::Ask(permission("p1"))]);
        stage
    };
    let (allow, deny, ask) = (PermissionDefault::Allow, PermissionDefault::Deny, PermissionDefault::Ask);
    let answer = |stage: &Stage| answers(stage).first().map(|(_, decision, _)| *decision);
    let default = Spec { permission_default: deny, ..spec() };
    assert_eq!(answer(&asks(default, policy(allow))), Some(Decision::Allow), "before the default");
    let own = Spec { permission_rules: vec![rule(deny, "Bash")], ..spec() };
    assert_eq!(answer(&asks(own, policy(allow))), Some(Decision::Deny), "after the session's rules");
    let own = Spec { permission_rules: vec![rule(ask, "Ba*")], ..spec() };
    assert_eq!(answer(&asks(own, policy(allow))), None, "a person is asked, as the session says");
    let other = Spec { permission_rules: vec![rule(deny, "Edit")], ..spec() };
    let mut stage = asks(other, policy(ask));
    assert_eq!((answer(&stage), stage.due_in()), (None, Some(86_400)), "the session says how long");
    // It is told who answered.
    stage.news();
    stage.machine.set_policy(std::sync::Arc::new(policy(allow)));
    assert_eq!(open(&stage).len(), 1, "what is open stays open");
    stage.agent(vec![Signal::Ask(permission("p2"))]);
    assert!(stage.news().contains(&"ask.resolved allow once by policy".to_owned()));
    let silent = Spec { ask_timeout_by_default: true, ..spec() };
    assert_eq!(asks(silent, policy(ask)).due_in(), Some(60));
}
