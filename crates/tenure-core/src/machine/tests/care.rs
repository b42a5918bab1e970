//! Deadlines: limits of turns, idleness, stalls, and that none of them spins.

use tenure_api::QueueChoice;
use tenure_event::{ActivityState, Delivery, HealthReason, WaitReason};

use super::scenes::{answered, comes_up, end_turn, idle_as, running_as};
use super::stage::Stage;
use super::words;
use super::words::{exit_code, native, permission, result_of, says, spec, tool, tool_ends, waits};
use crate::Request;
use crate::agent::{Command, Signal, TaskSignal, TurnVerdict};
use crate::machine::{Input, Spec};

fn limited() -> Stage {
    running_as(Spec { turn_seconds: 30, ..spec() })
}

fn vitals(stage: &mut Stage, busy: bool, stopped: bool) {
    stage.step(Input::Vitals { generation: stage.generation(), busy, stopped });
}

#[test]
fn a_turn_over_its_time_is_interrupted_and_holds_the_queue() {
    let mut stage = limited();
    stage.send("b").expect("admitted");
    stage.ask(words::delivered("s", Delivery::Steer)).expect("admitted");
    assert_eq!(stage.due_in(), Some(30));
    stage.deadline();
    assert_eq!(
        (stage.axes().as_str(), stage.queue().as_slice()),
        ("live/interrupting", ["s", "b"].as_slice())
    );
    stage.news();
    stage.agent(vec![
        answered(&stage),
        Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Cancelled)),
        Signal::Idle,
    ]);
    assert_eq!(stage.news()[0], "turn.completed limit time [a]");
    // What was steered was dropped by the interrupt: the agent does not run it by itself.
    assert_eq!((stage.axes().as_str(), stage.machine.next_deadline()), ("live/queued", None));
    assert!(matches!(stage.state().ending, Some(super::super::state::Ending::Suspend(_))));
    stage.exited(exit_code(0));
    assert_eq!((stage.axes().as_str(), stage.queue().len()), ("suspended by limit", 2));
    stage.ask(Request::Resume).expect("goes on");
    comes_up(&mut stage);
    assert!(matches!(stage.last_command(), Command::Prompt { input_id, .. } if input_id.as_str() == "s"));
}

#[test]
fn a_deaf_agent_is_suspended_by_the_limit() {
    let mut stage = limited();
    stage.deadline();
    assert_eq!(stage.due_in(), Some(10));
    stage.deadline();
    assert_eq!((stage.machine.next_deadline(), stage.acts().last().copied()), (None, Some("end")));
    stage.news();
    stage.exited(exit_code(143));
    let news = stage.news();
    assert!(news.contains(&"turn.completed limit time [a]".into()), "{news:?}");
    assert_eq!(stage.axes(), "suspended by limit");
    stage.send("b").expect("admitted");
    comes_up(&mut stage);
    assert_eq!(stage.axes(), "live/running");
}

#[test]
fn an_interrupt_before_the_limit_wins_and_has_its_time() {
    let mut stage = limited();
    stage.later(29_000);
    stage.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    assert_eq!(stage.due_in(), Some(10));
    end_turn(&mut stage);
    assert!(stage.news().contains(&"turn.completed interrupted [a]".into()));

    let mut deaf = limited();
    deaf.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    deaf.deadline();
    deaf.exited(exit_code(143));
    assert!(deaf.news().contains(&"turn.completed interrupted [a]".into()));
    assert_eq!(deaf.axes(), "suspended by limit");
}

#[test]
fn an_idle_session_is_suspended_and_woken_by_an_input() {
    let mut stage = idle_as(Spec { idle_seconds: 60, ..spec() });
    assert_eq!(stage.due_in(), Some(60));
    stage.deadline();
    stage.exited(exit_code(0));
    assert_eq!(stage.axes(), "suspended by idle");
    assert_eq!(stage.state().last_outcome, None, "it is no outcome");
    stage.send("a").expect("admitted");
    comes_up(&mut stage);
    assert_eq!(stage.axes(), "live/running");
}

#[test]
fn idleness_counts_from_the_last_thing_that_worked_or_waited() {
    let idle = || idle_as(Spec { idle_seconds: 60, ask_timeout_seconds: 600, ..spec() });
    let mut turn = idle();
    turn.later(50_000);
    turn.send("a").expect("admitted");
    assert_eq!(turn.machine.next_deadline(), None);
    turn.later(50_000);
    end_turn(&mut turn);
    assert_eq!(turn.due_in(), Some(60));

    let mut task = idle();
    let started = tenure_event::TaskStarted {
        task_id: "t".into(),
        kind: "shell".into(),
        title: "make".into(),
        tool_id: None,
        background: true,
    };
    task.agent(vec![Signal::Task(TaskSignal::Started(started))]);
    assert_eq!(task.machine.next_deadline(), None);
    task.later(100_000);
    task.agent(vec![Signal::Task(TaskSignal::Running(Vec::new()))]);
    assert_eq!(task.due_in(), Some(60));

    // An ask outside of a turn, which nobody answers.
    let mut ask = idle();
    ask.agent(vec![Signal::Ask(permission("p"))]);
    assert_eq!(ask.due_in(), Some(600));
    ask.deadline();
    assert_eq!((ask.axes().as_str(), ask.due_in()), ("live/idle", Some(60)));

    // The agent has not said yet that it is done.
    let mut busy = idle_as(Spec { idle_seconds: 1, ..spec() });
    busy.send("a").expect("admitted");
    busy.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    assert_eq!(busy.due_in(), Some(10));
}

#[test]
fn a_silent_turn_is_stalled_only_when_a_probe_says_so() {
    let watched = || {
        let mut stage = running_as(Spec { stall_seconds: 120, ..spec() });
        stage.acts.clear();
        stage
    };
    /// Busy, stopped, a tool runs, stalled.
    const ROWS: [(bool, bool, bool, bool); 5] = [
        (false, false, false, true),
        (true, false, false, false),
        (false, false, true, false),
        (true, true, false, true),
        (false, true, true, true),
    ];
    for (busy, stopped, tool_runs, stalled) in ROWS {
        let mut stage = watched();
        if tool_runs {
            stage.agent(vec![Signal::ToolStarted(tool("t"))]);
        }
        stage.deadline();
        assert_eq!((stage.acts(), stage.axes().as_str()), (vec!["probe"], "live/running"));
        assert_eq!(stage.machine.next_deadline(), None, "a probe is waited for");
        vitals(&mut stage, busy, stopped);
        assert_eq!(stage.axes() == "live/stalled", stalled, "{busy} {stopped} {tool_runs}");
        let due = stage.due_in();
        assert_eq!(due, (!stalled).then_some(120), "it is looked at again later, or not at all");
        let since =
            stage.state().activity.as_ref().filter(|a| a.state == ActivityState::Stalled).map(|a| a.since);
        assert_eq!(since.is_some_and(|at| at == super::stage::START), stalled, "since the last sign of life");
        stage.agent(vec![says("back")]);
        assert_eq!(stage.axes(), "live/running");
    }
    let mut alive = watched();
    alive.deadline();
    alive.agent(vec![tool_ends("t")]);
    vitals(&mut alive, false, false);
    assert_eq!(alive.axes(), "live/running", "the answer to an old probe says nothing");
}

#[test]
fn who_waits_is_not_stalled() {
    let mut stage = running_as(Spec { stall_seconds: 120, ..spec() });
    stage.agent(vec![Signal::Ask(permission("p"))]);
    assert_eq!(stage.due_in(), Some(86_400));
    let mut waiting = running_as(Spec { stall_seconds: 120, ..spec() });
    waiting.agent(vec![waits(WaitReason::RateLimit)]);
    assert_eq!((waiting.axes().as_str(), waiting.due_in()), ("live/waiting rate_limit", None));
    assert_eq!(waiting.state().axes().health.why, Some(HealthReason::RateLimited));
    waiting.agent(vec![says("on")]);
    assert_eq!((waiting.axes().as_str(), waiting.due_in()), ("live/running", Some(120)));
}

#[test]
fn a_stalled_turn_can_still_be_interrupted_and_killed() {
    let mut stage = running_as(Spec { stall_seconds: 120, ..spec() });
    stage.deadline();
    vitals(&mut stage, false, true);
    stage.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    assert_eq!(stage.axes(), "live/interrupting");
    stage.ask(Request::Kill).expect("kills");
    stage.exited(exit_code(137));
    assert_eq!(stage.axes(), "closed");
}

#[test]
fn a_full_spool_is_told_once() {
    let mut stage = running_as(spec());
    stage.news();
    for blocked in [true, true, false] {
        stage.step(Input::Spool { generation: 1, blocked });
    }
    assert_eq!(
        stage.news(),
        [
            "warning.raised spool_full",
            "session.health_changed degraded spool_full",
            "session.health_changed healthy"
        ]
    );
}
