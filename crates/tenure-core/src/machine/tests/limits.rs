//! Limits of turns, money, time and memory: what is cut, what waits, and what goes on when they are raised.

use tenure_api::{ConfigPatch, ErrorCode, LimitsPatch, QueueChoice};
use tenure_event::{CostBasis, Kind, Usage};

use super::scenes::{answered, comes_up, end_turn, idle_as, running_as};
use super::stage::Stage;
use super::words::{answer_to, exit_code, native, result_of, spec};
use crate::Request;
use crate::agent::{Command, Signal, TurnEnd, TurnVerdict};
use crate::machine::{Ceilings, Input, Spec};

fn with(ceilings: Ceilings) -> Spec {
    Spec { ceilings, ..spec() }
}

fn turns(turns: u64) -> Spec {
    with(Ceilings { turns, ..Ceilings::default() })
}

fn dollars(cost_usd: f64) -> Spec {
    with(Ceilings { cost_usd, ..Ceilings::default() })
}

fn set(limits: LimitsPatch) -> Request {
    Request::Configure(Box::new(ConfigPatch { limits: Some(limits), ..ConfigPatch::default() }))
}

fn told(total: f64) -> Signal {
    Signal::Usage { usage: None, context: None, cost_usd: Some(total) }
}

fn prompts(stage: &Stage) -> Vec<&str> {
    let ids = stage.commands.iter().filter_map(|(_, _, command)| match command {
        Command::Prompt { input_id, .. } => Some(input_id.as_str()),
        _ => None,
    });
    ids.collect()
}

/// Ends the turn of the last prompt with a cost.
fn ends_at(stage: &mut Stage, cost: Option<f64>) {
    let usage =
        Usage { input_tokens: 10, cost_usd: cost, cost_basis: CostBasis::Reported, ..Usage::default() };
    let end = TurnEnd { usage: Some(usage), ..answer_to(stage.prompt_n(), TurnVerdict::Finished) };
    stage.agent(vec![Signal::TurnEnded(end)]);
}

#[test]
fn a_turn_beyond_the_limit_waits_and_starts_once_when_it_is_raised() {
    let mut stage = running_as(turns(1));
    stage.news();
    stage.send("b").expect("it is kept");
    stage.news();
    end_turn(&mut stage);
    assert_eq!(stage.news()[0], "turn.completed completed [a]", "the turn within the limit is whole");
    stage.exited(exit_code(0));
    assert_eq!((stage.axes().as_str(), stage.queue()), ("suspended by limit", vec!["b"]));
    assert_eq!((stage.machine.next_deadline(), stage.state().is_live()), (None, false));

    stage.send("c").expect("it is kept too");
    assert_eq!((stage.axes().as_str(), stage.queue()), ("suspended by limit", vec!["b", "c"]));
    let problem = stage.ask(Request::Resume).expect_err("it would stop at once");
    assert_eq!(problem.code, ErrorCode::Conflict);
    assert!(problem.detail.contains("limits.turns"), "{}", problem.detail);

    stage.restart();
    stage.news();
    stage.ask(set(LimitsPatch { turns: Some(2), ..LimitsPatch::default() })).expect("raised");
    assert_eq!(stage.news()[0], "config.changed by client");
    comes_up(&mut stage);
    end_turn(&mut stage);
    stage.exited(exit_code(0));
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a", "b"], "suspended by limit"));
    stage.ask(set(LimitsPatch { turns: Some(0), ..LimitsPatch::default() })).expect("taken away");
    comes_up(&mut stage);
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a", "b", "c"], "live/running"));
}

#[test]
fn a_limit_that_is_reached_with_nothing_queued_leaves_the_agent_alone() {
    let mut stage = running_as(turns(1));
    end_turn(&mut stage);
    assert_eq!((stage.axes().as_str(), stage.state().ending), ("live/idle", None));
    stage.send("b").expect("it is kept");
    stage.exited(exit_code(0));
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a"], "suspended by limit"));
    // Raised while the process was still being ended, it comes back all the same.
    let mut raised = running_as(turns(1));
    end_turn(&mut raised);
    raised.send("b").expect("it is kept");
    raised.ask(set(LimitsPatch { turns: Some(5), ..LimitsPatch::default() })).expect("raised");
    raised.exited(exit_code(0));
    comes_up(&mut raised);
    assert_eq!((prompts(&raised), raised.axes().as_str()), (vec!["a", "b"], "live/running"));
}

#[test]
fn a_turn_that_the_agent_begins_beyond_the_limit_is_cut() {
    let mut stage = running_as(turns(1));
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished)), Signal::Idle]);
    stage.news();
    stage.agent(vec![Signal::TurnBegan]);
    assert_eq!(stage.axes(), "live/interrupting");
    stage.agent(vec![
        answered(&stage),
        Signal::TurnEnded(result_of(&[], TurnVerdict::Cancelled)),
        Signal::Idle,
    ]);
    assert!(stage.news().contains(&"turn.completed limit turns []".to_owned()));
    stage.exited(exit_code(0));
    assert_eq!(stage.axes(), "suspended by limit");
}

#[test]
fn money_is_counted_as_the_agent_tells_it() {
    // While the turn runs.
    let mut stage = running_as(dollars(1.0));
    stage.send("b").expect("it is kept");
    stage.agent(vec![told(0.6), told(1.0)]);
    assert_eq!(stage.axes(), "live/running", "it may be spent to the last");
    stage.agent(vec![told(1.1)]);
    assert_eq!(stage.axes(), "live/interrupting");
    stage.news();
    ends_at(&mut stage, Some(1.2));
    assert_eq!(stage.news()[0], "turn.completed limit budget [a]");
    stage.exited(exit_code(0));
    assert_eq!((stage.axes().as_str(), stage.queue()), ("suspended by limit", vec!["b"]));
    let limits = stage.state().inside().config.limits;
    assert_eq!((limits.cost_used_usd, limits.reached.as_deref()), (1.2, Some("budget")));
    stage.ask(set(LimitsPatch { cost_usd: Some(1.1), ..LimitsPatch::default() })).expect("not enough");
    assert_eq!(stage.axes(), "suspended by limit");
    stage.ask(set(LimitsPatch { cost_usd: Some(2.0), ..LimitsPatch::default() })).expect("raised");
    comes_up(&mut stage);
    // The next process counts from nothing.
    stage.agent(vec![told(0.5)]);
    assert_eq!(stage.state().inside().config.limits.cost_used_usd, 1.7);
    ends_at(&mut stage, Some(0.5));
    assert_eq!(
        (stage.axes().as_str(), stage.state().inside().config.limits.cost_used_usd),
        ("live/idle", 1.7)
    );
}

#[test]
fn money_that_is_told_at_the_end_alone_ends_the_turn_as_over_budget() {
    let mut stage = running_as(dollars(1.0));
    stage.send("b").expect("it is kept");
    ends_at(&mut stage, Some(1.0));
    stage.exited(exit_code(0));
    assert!(stage.news().contains(&"turn.completed completed [a]".to_owned()), "it was not over it");
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a"], "suspended by limit"));

    let mut over = running_as(dollars(1.0));
    ends_at(&mut over, Some(1.5));
    assert!(over.news().contains(&"turn.completed limit budget [a]".to_owned()));
    over.exited(exit_code(0));
    assert_eq!(over.axes(), "suspended by limit");
}

#[test]
fn money_that_nobody_tells_is_named_once() {
    let mut stage = running_as(dollars(1.0));
    ends_at(&mut stage, None);
    stage.send("b").expect("admitted");
    ends_at(&mut stage, None);
    let warnings =
        stage.log.iter().filter(|e| matches!(&e.kind, Kind::WarningRaised(w) if w.code == "cost_unknown"));
    assert_eq!(warnings.count(), 1);
    assert!(stage.state().inside().config.limits.cost_incomplete);
}

#[test]
fn memory_is_measured_while_there_is_a_process_and_a_limit() {
    let mb = |n: u64| Input::Measured { generation: 1, bytes: n * 1_000_000 };
    let spec = || with(Ceilings { memory_mb: 100, ..Ceilings::default() });
    let mut stage = running_as(spec());
    stage.send("b").expect("it is kept");
    stage.acts.clear();
    assert_eq!(stage.due_in(), Some(2));
    stage.deadline();
    assert_eq!((stage.acts(), stage.machine.next_deadline()), (vec!["measure"], None));
    stage.step(mb(100));
    assert_eq!(stage.due_in(), Some(2));
    stage.step(mb(500));
    assert_eq!(stage.axes(), "live/running", "nobody asked for it");
    stage.deadline();
    stage.acts.clear();
    stage.step(mb(101));
    assert_eq!((stage.axes().as_str(), stage.acts()), ("live/interrupting", vec!["end"]));
    stage.news();
    stage.exited(exit_code(143));
    assert!(stage.news().contains(&"turn.completed limit memory [a]".to_owned()));
    assert_eq!((stage.axes().as_str(), stage.queue()), ("suspended by limit", vec!["b"]));
    stage.ask(set(LimitsPatch { memory_mb: Some(200), ..LimitsPatch::default() })).expect("raised");
    comes_up(&mut stage);
    assert_eq!((prompts(&stage), stage.due_in()), (vec!["a", "b"], Some(2)));

    // Also between turns; and the daemon's end in the middle of a look loses the look alone.
    let mut idle = idle_as(spec());
    idle.deadline();
    idle.restart();
    idle.started();
    assert_eq!(idle.due_in(), Some(0), "it is looked at again");
    idle.deadline();
    idle.step(mb(150));
    idle.exited(exit_code(0));
    assert_eq!(idle.axes(), "suspended by limit");
    idle.send("x").expect("another try");
    comes_up(&mut idle);
    assert_eq!(idle.axes(), "live/running");
}

#[test]
fn time_that_is_raised_before_the_turn_has_ended_holds_nothing() {
    let mut stage = running_as(Spec { turn_seconds: 30, ..spec() });
    stage.send("b").expect("it is kept");
    stage.deadline();
    stage.ask(set(LimitsPatch { turn_seconds: Some(60), ..LimitsPatch::default() })).expect("raised");
    end_turn(&mut stage);
    assert!(stage.news().contains(&"turn.completed limit time [a]".to_owned()), "it was cut");
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a", "b"], "live/running"));
    // Raised after: what is queued goes on.
    let mut later = running_as(Spec { turn_seconds: 30, ..spec() });
    later.send("b").expect("it is kept");
    later.deadline();
    end_turn(&mut later);
    later.exited(exit_code(0));
    later.ask(set(LimitsPatch { turn_seconds: Some(20), ..LimitsPatch::default() })).expect("lowered");
    assert_eq!(later.axes(), "suspended by limit");
    later.ask(set(LimitsPatch { turn_seconds: Some(0), ..LimitsPatch::default() })).expect("taken away");
    comes_up(&mut later);
    assert_eq!(prompts(&later), ["a", "b"]);
}

#[test]
fn the_time_of_a_turn_goes_on_while_the_daemon_is_down() {
    let mut stage = running_as(Spec { turn_seconds: 30, ..spec() });
    stage.later(40_000);
    stage.restart();
    stage.started();
    assert_eq!(stage.due_in(), Some(0));
    stage.deadline();
    end_turn(&mut stage);
    assert!(stage.news().contains(&"turn.completed limit time [a]".to_owned()));
}

#[test]
fn a_person_who_interrupts_first_is_told_so() {
    let mut stage = running_as(dollars(1.0));
    stage.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    stage.agent(vec![told(3.0)]);
    stage.news();
    end_turn(&mut stage);
    assert_eq!(stage.news()[0], "turn.completed interrupted [a]");
    stage.exited(exit_code(0));
    assert_eq!(stage.axes(), "suspended by limit");
}

#[test]
fn a_closed_session_is_held_by_nothing() {
    let mut stage = running_as(dollars(1.0));
    ends_at(&mut stage, Some(2.0));
    stage.exited(exit_code(0));
    stage.ask(Request::Close).expect("closes");
    assert_eq!(stage.state().limit_reached, None);
    stage.ask(Request::Resume).expect("it can be looked at");
    comes_up(&mut stage);
    stage.send("b").expect("it is kept");
    stage.exited(exit_code(0));
    assert_eq!((prompts(&stage), stage.axes().as_str()), (vec!["a"], "suspended by limit"));
}

#[test]
fn limits_that_cannot_be_kept_are_refused_by_name() {
    let none = LimitsPatch::default;
    for (limits, field) in [
        (LimitsPatch { cost_usd: Some(-1.0), ..none() }, "limits.cost_usd"),
        (LimitsPatch { cost_usd: Some(f64::NAN), ..none() }, "limits.cost_usd"),
        (LimitsPatch { turn_seconds: Some(u64::MAX), ..none() }, "limits.turn_seconds"),
        (LimitsPatch { idle_seconds: Some(u64::MAX), ..none() }, "limits.idle_seconds"),
        (LimitsPatch { turns: Some(1 << 63), ..none() }, "limits.turns"),
        (LimitsPatch { memory_mb: Some(u64::MAX), ..none() }, "limits.memory_mb"),
    ] {
        let problem = idle_as(spec()).ask(set(limits)).expect_err(field);
        assert_eq!(problem.field.as_deref(), Some(field));
    }
}
