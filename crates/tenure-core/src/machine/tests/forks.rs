//! Forks and conversations that are taken back: how the next process begins, and what is believed until it is ready.

use tenure_api::ErrorCode;
use tenure_event::{Kind, Lifecycle, Parent, Seq};

use super::scenes::{end_turn, idle_as, running_as};
use super::stage::Stage;
use super::words::{exit_code, ready_with, says, spec};
use crate::Request;
use crate::agent::{AgentError, Back, Fork, Point, ResumeHow, Signal};
use crate::machine::{Act, Cut, Input, Spec, Way};

fn point(kept: &str) -> Point {
    Point { kept: vec![kept.to_owned()] }
}

fn fork() -> Fork {
    Fork { from: "p1".to_owned(), point: Some(point("a")), chosen: Some("n9".to_owned()) }
}

fn forked() -> Spec {
    let parent =
        Parent { session_id: "parent".parse().expect("valid"), seq: Seq(7), messages_left_out: None };
    Spec { parent: Some(parent), fork: Some(fork()), ..spec() }
}

fn plan(stage: &mut Stage) -> ResumeHow {
    let at = stage.acts.iter().rposition(|act| matches!(act, Act::Spawn(_))).expect("a process is wanted");
    match stage.acts.remove(at) {
        Act::Spawn(plan) => plan.resume,
        other => panic!("{other:?}"),
    }
}

fn way(point: Option<Point>) -> Request {
    let cut = Cut::new("x".to_owned(), Seq(4), point, vec!["m1".parse().expect("valid")]);
    Request::Rewind(Box::new(Way { files: None, conversation: Some(cut) }))
}

/// Idle after a turn in which something was said, with an agent that can.
fn spoken() -> Stage {
    let mut stage = running_as(spec());
    stage.agent(vec![ready_with(&["rewind"]), says("hello")]);
    end_turn(&mut stage);
    stage.acts.clear();
    stage.news();
    stage
}

fn completed(stage: &Stage) -> Vec<Seq> {
    let told = stage.log.iter().filter_map(|event| match &event.kind {
        Kind::RewindCompleted(data) => data.kept_seq,
        _ => None,
    });
    told.collect()
}

#[test]
fn a_fork_is_asked_for_until_its_conversation_has_a_name() {
    let mut stage = Stage::created(forked(), true);
    assert_eq!(plan(&mut stage), ResumeHow::Fork(fork()));
    stage.started();
    stage.exited(exit_code(1));
    let mut stage = Stage::created(forked(), true);
    stage.started();
    stage.agent(vec![Signal::AtPoint { lasting: false }, Signal::NativeId("n9".into()), ready_with(&[])]);
    stage.ask(Request::Suspend).expect("it can be");
    stage.exited(exit_code(0));
    stage.send("b").expect("it wakes up");
    // Nothing was said in it yet: whoever starts it decides whether there is anything to continue.
    assert_eq!(plan(&mut stage), ResumeHow::Resume("n9".into()));
}

#[test]
fn the_session_that_was_forked_is_told_until_it_has_recorded_it() {
    let mut stage = Stage::created(forked(), false);
    let tells = |stage: &mut Stage| {
        let found = stage.acts.iter().filter(|act| matches!(act, Act::TellParent(_))).count();
        stage.acts.clear();
        found
    };
    assert_eq!((tells(&mut stage), stage.state().is_live()), (1, true));
    stage.restart();
    stage.step(Input::Recovered);
    assert_eq!(tells(&mut stage), 1);
    stage.step(Input::ParentTold);
    stage.step(Input::Recovered);
    assert_eq!((tells(&mut stage), stage.state().is_live()), (0, false));
}

#[test]
fn what_is_too_old_to_be_shown_is_told_of_once() {
    let told = |left_out: Option<u64>| {
        let parent = forked().parent.map(|parent| Parent { messages_left_out: left_out, ..parent });
        let mut stage = Stage::created(Spec { parent, ..forked() }, false);
        stage.restart();
        stage.step(Input::Recovered);
        let warnings = stage.log.iter().filter_map(|event| match &event.kind {
            Kind::WarningRaised(warning) => Some(format!("{}: {}", warning.code, warning.message)),
            _ => None,
        });
        warnings.collect::<Vec<_>>()
    };
    assert_eq!(told(None), Vec::<String>::new());
    let warnings = told(Some(12));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("past_left_out: ")
            && warnings[0].contains("12 oldest messages of session parent"),
        "{warnings:?}"
    );
}

#[test]
fn what_was_said_is_taken_back_by_another_process() {
    let mut stage = spoken();
    stage.ask(way(Some(point("a")))).expect("begun");
    stage.send("b").expect("it waits");
    stage.restart();
    stage.exited(exit_code(0));
    assert_eq!(plan(&mut stage), ResumeHow::Back(Back { id: "n1".into(), point: point("a") }));
    stage.started();
    assert!(completed(&stage).is_empty());
    stage.agent(vec![Signal::AtPoint { lasting: false }, ready_with(&["rewind"])]);
    assert_eq!((completed(&stage), stage.state().branch), (vec![Seq(4)], 1));
    assert!(stage.state().turn.is_some(), "what waited is served");
    // Until the agent has gone on from there it is told again; then no more.
    assert_eq!(stage.state().point, Some(point("a")));
    stage.agent(vec![says("more")]);
    end_turn(&mut stage);
    assert_eq!(stage.state().point, None);
}

#[test]
fn one_that_goes_back_for_good_is_told_once() {
    let mut stage = spoken();
    stage.ask(way(Some(point("a")))).expect("begun");
    stage.exited(exit_code(0));
    stage.started();
    stage.agent(vec![Signal::AtPoint { lasting: true }, Signal::NativeId("n2".into()), ready_with(&[])]);
    assert_eq!((stage.state().point.clone(), stage.state().native_id.as_deref()), (None, Some("n2")));
    assert!(!stage.news().iter().any(|line| line.contains("other_conversation")));
}

#[test]
fn all_of_it_is_taken_back_by_an_empty_conversation() {
    let mut stage = spoken();
    stage.ask(Request::Suspend).expect("it can be");
    stage.exited(exit_code(0));
    stage.ask(way(None)).expect("begun");
    assert_eq!(plan(&mut stage), ResumeHow::New);
    stage.started();
    stage.agent(vec![ready_with(&["rewind"])]);
    assert_eq!((completed(&stage).len(), stage.state().epoch), (1, 0));
}

#[test]
fn what_the_agent_cannot_take_back_is_as_it_was() {
    let mut stage = spoken();
    stage.ask(way(None)).expect("begun");
    stage.exited(exit_code(0));
    stage.started();
    let error = AgentError { code: "agent_error".into(), message: "no such turn".into(), data: None };
    stage.agent(vec![Signal::HandshakeFailed(error)]);
    stage.exited(exit_code(1));
    assert!(completed(&stage).is_empty());
    let news = stage.news();
    assert!(news.iter().any(|line| line.contains("rewind_failed")), "{news:?}");
    assert_eq!((stage.state().lifecycle, stage.state().branch), (Lifecycle::Suspended, 0));
    stage.send("b").expect("it wakes up");
    assert_eq!(plan(&mut stage), ResumeHow::Resume("n1".into()));
}

#[test]
fn nothing_else_is_done_to_a_conversation_meanwhile() {
    let mut stage = spoken();
    stage.ask(way(Some(point("a")))).expect("begun");
    for request in [way(None), Request::Clear, Request::Suspend] {
        let refused = stage.ask(request.clone()).expect_err("it is busy");
        assert_eq!(refused.code, ErrorCode::Busy, "{request:?}");
    }
    stage.ask(Request::Close).expect("it can always be closed");
    stage.exited(exit_code(0));
    assert_eq!((stage.state().lifecycle, stage.state().point.clone()), (Lifecycle::Closed, None));
    let refused = stage.ask(way(None)).expect_err("it is closed");
    assert_eq!(refused.code, ErrorCode::Closed);
    let mut lacking = idle_as(spec());
    lacking.agent(vec![ready_with(&["fork"])]);
    let refused = lacking.ask(way(None)).expect_err("its agent cannot");
    assert_eq!((refused.code, refused.capability.as_deref()), (ErrorCode::Unsupported, Some("rewind")));
}
