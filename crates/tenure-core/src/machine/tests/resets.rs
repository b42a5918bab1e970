//! A provider's rate limit: the turn waits for the reset that it was told, and goes on once.

use serde_json::json;
use tenure_api::QueueChoice;
use tenure_event::{Delivery, HealthReason, Usage};

use super::scenes::{comes_up, end_turn, running, running_as};
use super::stage::Stage;
use super::words;
use super::words::{answer_to, exit_code, failure, result_of, says, spec};
use crate::Request;
use crate::agent::{AgentError, Command, Signal, TurnEnd, TurnVerdict};
use crate::machine::Spec;

fn refused(ms: u64) -> TurnVerdict {
    let data = Some(json!({ "resets_in_ms": ms }));
    TurnVerdict::Failed(AgentError { data, ..failure("rate_limited") })
}

fn limited(stage: &mut Stage) {
    let n = stage.prompt_n();
    stage.agent(vec![Signal::TurnEnded(answer_to(n, refused(60_000)))]);
}

fn prompts(stage: &Stage) -> Vec<(String, u32, String)> {
    let told = stage.commands.iter().filter_map(|(_, _, command)| match command {
        Command::Prompt { input_id, attempt, parts } => match &parts[0].body {
            tenure_event::PartBody::Text { text } => Some((input_id.to_string(), *attempt, text.clone())),
            _ => None,
        },
        _ => None,
    });
    told.collect()
}

fn prompt(input: &str, attempt: u32, text: &str) -> (String, u32, String) {
    (input.to_owned(), attempt, text.to_owned())
}

#[test]
fn a_turn_waits_for_the_reset_and_goes_on_once_over_restarts() {
    let mut stage = running();
    stage.send("b").expect("admitted");
    stage.news();
    limited(&mut stage);
    assert_eq!(stage.axes(), "live/waiting rate_limit");
    assert_eq!(stage.state().axes().health.why, Some(HealthReason::RateLimited));
    let until = stage.state().activity.as_ref().and_then(|a| a.until).expect("it is told until when");
    assert_eq!((until.millis_since(stage.now), stage.due_in()), (61_000, Some(61)));
    // What the agent says meanwhile changes nothing of it.
    stage.agent(vec![Signal::Idle, Signal::Waiting(None)]);
    assert_eq!((stage.axes().as_str(), stage.queue()), ("live/waiting rate_limit", vec!["b"]));
    stage.restart();
    stage.started();
    stage.deadline();
    assert_eq!(stage.axes(), "live/running");
    stage.restart();
    stage.started();
    assert_eq!(stage.machine.next_deadline(), None, "it was done");
    assert_eq!(prompts(&stage), [prompt("a", 0, "a"), prompt("a", 1, "a")]);
    end_turn(&mut stage);
    let news = stage.news();
    assert_eq!(news.iter().filter(|line| line.starts_with("turn.completed")).count(), 1, "{news:?}");
    assert!(news.contains(&"turn.completed completed [a]".to_owned()), "{news:?}");
    assert_eq!(prompts(&stage).last(), Some(&prompt("b", 0, "b")));
}

#[test]
fn one_that_had_begun_is_told_to_go_on_and_not_to_begin_again() {
    let mut stage = running();
    stage.agent(vec![says("half")]);
    limited(&mut stage);
    stage.deadline();
    let (input, attempt, text) = prompts(&stage).pop().expect("asked again");
    assert_eq!((input.as_str(), attempt), ("a", 1));
    assert!(text.contains("Go on"), "{text}");
}

#[test]
fn each_reset_is_waited_for_once_and_not_for_ever() {
    let mut stage = running();
    for _ in 0..8 {
        limited(&mut stage);
        assert_eq!(stage.axes(), "live/waiting rate_limit");
        stage.deadline();
    }
    limited(&mut stage);
    assert!(stage.news().contains(&"turn.completed failed rate_limited [a]".to_owned()));
    // Where nobody says when, nobody waits; nor for weeks.
    for verdict in [TurnVerdict::Failed(failure("rate_limited")), refused(30 * 86_400_000)] {
        let mut stage = running();
        let n = stage.prompt_n();
        stage.agent(vec![Signal::TurnEnded(answer_to(n, verdict))]);
        assert_eq!(stage.axes(), "live/idle");
    }
}

#[test]
fn what_ends_a_turn_ends_one_that_waits_at_once() {
    let mut stage = running();
    stage.send("b").expect("admitted");
    limited(&mut stage);
    stage.news();
    let sent = stage.commands.len();
    stage.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    assert!(stage.news().contains(&"turn.completed interrupted [a]".to_owned()));
    assert_eq!(stage.commands.len(), sent + 1, "there is nothing to interrupt, and the next begins");
    assert_eq!(prompts(&stage).last(), Some(&prompt("b", 0, "b")));

    let mut urgent = running();
    urgent.send("b").expect("admitted");
    limited(&mut urgent);
    urgent.ask(words::delivered("u", Delivery::Interrupt)).expect("admitted");
    assert_eq!((prompts(&urgent).last(), urgent.queue()), (Some(&prompt("u", 0, "u")), vec!["b"]));

    let mut steered = running();
    limited(&mut steered);
    steered.ask(words::delivered("s", Delivery::Steer)).expect("admitted");
    assert_eq!((steered.queue(), steered.axes().as_str()), (vec!["s"], "live/waiting rate_limit"));

    for verb in [Request::Close, Request::Kill] {
        let mut stage = running();
        limited(&mut stage);
        stage.ask(verb).expect("ends");
        stage.exited(exit_code(0));
        assert!(stage.news().contains(&"turn.completed interrupted [a]".to_owned()));
        assert_eq!(stage.axes(), "closed");
    }
}

#[test]
fn an_end_that_comes_while_it_waits_is_late() {
    let mut stage = running();
    let n = stage.prompt_n();
    limited(&mut stage);
    stage.agent(vec![
        Signal::TurnEnded(answer_to(n, TurnVerdict::Finished)),
        Signal::TurnEnded(result_of(&[words::native("a", 0)], TurnVerdict::Finished)),
    ]);
    assert_eq!(stage.axes(), "live/waiting rate_limit");
}

#[test]
fn a_process_that_ends_meanwhile_is_replaced() {
    let mut stage = running();
    limited(&mut stage);
    stage.exited(exit_code(1));
    assert_eq!(stage.axes(), "live/waiting rate_limit");
    stage.later(100_000);
    assert_eq!(stage.state().process.as_ref().map(|p| p.generation), Some(2));
    comes_up(&mut stage);
    stage.deadline();
    assert_eq!(prompts(&stage).last(), Some(&prompt("a", 1, "a")));
    end_turn(&mut stage);
    // Not for ever.
    stage.send("b").expect("admitted");
    limited(&mut stage);
    for _ in 0..3 {
        stage.exited(exit_code(1));
        assert_eq!(stage.axes(), "live/waiting rate_limit");
        comes_up(&mut stage);
    }
    stage.exited(exit_code(1));
    assert_eq!(stage.axes(), "suspended by crash");
}

#[test]
fn what_all_tries_used_is_counted_and_the_wait_is_no_time_of_the_turn() {
    let mut stage = running_as(Spec { turn_seconds: 90, ..spec() });
    let used = |n| Some(Usage { input_tokens: n, ..Usage::default() });
    let end = |stage: &Stage, verdict, n| {
        Signal::TurnEnded(TurnEnd { usage: used(n), ..answer_to(stage.prompt_n(), verdict) })
    };
    stage.later(50_000);
    stage.agent(vec![end(&stage, refused(600_000), 5)]);
    assert_eq!(stage.due_in(), Some(601));
    stage.deadline();
    assert_eq!((stage.axes().as_str(), stage.due_in()), ("live/running", Some(40)));
    stage.agent(vec![end(&stage, TurnVerdict::Finished, 7)]);
    assert_eq!(stage.state().usage.input_tokens, 12);
}
