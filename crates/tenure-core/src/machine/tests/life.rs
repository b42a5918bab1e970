//! Processes: how they start, fail, crash, come back, and how often.

use tenure_api::{ErrorCode, RestartPolicy};
use tenure_event::Lifecycle;

use super::scenes::{
    asked, closed, comes_up, end_turn, failed, idle, idle_as, interrupting, running, running_as,
    running_queued, spawn_fails, starting_as, suspended,
};
use super::stage::Stage;
use super::words;
use super::words::{exit_code, failure, native, permission, ready, result_of, spec};
use crate::agent::{Command, ResumeHow, Signal, TaskSignal, TurnVerdict};
use crate::machine::{Act, ExitNews, Input, Spec};
use crate::{Reply, Request, Until};

fn plan(stage: &mut Stage) -> ResumeHow {
    let spawn = |act: Act| match act {
        Act::Spawn(plan) => Some(plan.resume),
        _ => None,
    };
    stage.acts.drain(..).filter_map(spawn).next_back().expect("a process was asked for")
}

#[test]
fn a_first_start_that_fails_fails_the_session_with_its_reason() {
    type Fail = fn(&mut Stage);
    let fails: [(&str, Fail); 4] = [
        ("agent_missing", |s| spawn_fails(s, "agent_missing")),
        ("agent_exited", |s| {
            s.started();
            s.exited(exit_code(1));
        }),
        ("auth_required", |s| {
            s.started();
            s.agent(vec![Signal::HandshakeFailed(failure("auth_required"))]);
            s.exited(exit_code(0));
        }),
        ("timeout", |s| {
            s.started();
            s.deadline();
            s.exited(exit_code(0));
        }),
    ];
    for (code, fail) in fails {
        let mut stage = Stage::created(spec(), true);
        stage.send("a").expect("admitted");
        stage.news();
        fail(&mut stage);
        let news = stage.news();
        assert!(news.contains(&"input.cancelled a failed".into()), "{code}: {news:?}");
        assert_eq!(news.last(), Some(&format!("session.failed {code}")));
        assert_eq!(stage.machine.next_deadline(), None);
        // Once the cause is mended it can be started again.
        stage.ask(Request::Resume).expect("resumes");
        comes_up(&mut stage);
        assert_eq!(stage.axes(), "live/idle");
    }
}

#[test]
fn a_later_start_that_fails_fails_one_input_and_leaves_the_session_suspended() {
    let mut missing = suspended();
    missing.send("a").expect("admitted");
    missing.news();
    spawn_fails(&mut missing, "agent_missing");
    let news = missing.news();
    assert!(news.contains(&"turn.completed failed agent_missing [a]".into()), "{news:?}");
    assert_eq!(missing.axes(), "suspended by crash");

    let mut stage = running();
    end_turn(&mut stage);
    stage.ask(Request::Suspend).expect("suspends");
    stage.exited(exit_code(0));
    stage.send("b").expect("admitted");
    stage.started();
    stage.news();
    stage.exited(exit_code(1));
    let news = stage.news();
    assert!(news.contains(&"turn.completed failed resume_failed [b]".into()), "{news:?}");
    assert_eq!(news.last().map(String::as_str), Some("session.suspended suspended by crash"));

    let mut asked_for = suspended();
    asked_for.ask(Request::Resume).expect("resumes");
    asked_for.news();
    spawn_fails(&mut asked_for, "agent_missing");
    assert_eq!(asked_for.news()[0], "warning.raised agent_missing", "nobody else would be told");
}

#[test]
fn starts_that_fail_again_and_again_back_off_until_the_breaker_opens() {
    let mut stage = suspended();
    for input in ["a", "b", "c", "d", "e"] {
        stage.send(input).expect("admitted");
    }
    stage.news();
    for (tries, wait_ms) in [(1, 1000), (2, 2000)] {
        spawn_fails(&mut stage, "agent_missing");
        let at = stage.machine.next_deadline().expect("it is tried again");
        assert_eq!((stage.state().crashes, at.millis_since(stage.now)), (tries, wait_ms));
        stage.deadline();
    }
    spawn_fails(&mut stage, "agent_missing");
    assert_eq!(stage.machine.next_deadline(), None);
    assert!(stage.news().contains(&"warning.raised breaker_open".into()));
    assert_eq!(stage.queue(), ["d", "e"], "the rest waits for a person");
    // An input is a person: one more try, and no more than one.
    stage.send("f").expect("admitted");
    spawn_fails(&mut stage, "agent_missing");
    assert_eq!(stage.machine.next_deadline(), None);
    stage.ask(Request::Resume).expect("resumes");
    comes_up(&mut stage);
    assert_eq!(stage.axes(), "live/running");
}

/// What is stored with every step must not grow for ever.
#[test]
fn tasks_beyond_the_bound_are_named_and_not_followed() {
    let mut stage = running_queued();
    stage.news();
    let task = |n: usize| {
        Signal::Task(TaskSignal::Started(tenure_event::TaskStarted {
            task_id: format!("t{n}"),
            kind: "shell".into(),
            title: "make".into(),
            tool_id: None,
            background: true,
        }))
    };
    stage.agent((0..258).map(task).collect());
    let news = stage.news();
    assert_eq!(news.iter().filter(|n| n.starts_with("task.started")).count(), 256);
    assert_eq!(news.iter().filter(|n| *n == "warning.raised too_many_tasks").count(), 2);
    assert_eq!(stage.state().tasks.len(), 256);
}

#[test]
fn a_crash_in_a_turn_ends_it_and_the_queue_goes_on_in_a_new_process() {
    let mut stage = running_queued();
    stage.agent(vec![
        Signal::Ask(permission("p")),
        Signal::Task(TaskSignal::Started(tenure_event::TaskStarted {
            task_id: "t".into(),
            kind: "shell".into(),
            title: "make".into(),
            tool_id: None,
            background: true,
        })),
    ]);
    stage.news();
    stage.exited(ExitNews { signal: Some(9), ..ExitNews::default() });
    assert_eq!(
        stage.news(),
        [
            "process.exited",
            "ask.withdrawn process_exited",
            "task.completed",
            "turn.completed crashed agent_exited [a]",
            "session.suspended suspended by crash",
        ]
    );
    stage.deadline();
    assert_eq!(plan(&mut stage), ResumeHow::Resume("n1".into()));
    comes_up(&mut stage);
    let Command::Prompt { input_id, .. } = stage.last_command() else { panic!("the next one is prompted") };
    assert_eq!(input_id.as_str(), "b", "never the one whose process died in its turn");
}

#[test]
fn a_crash_at_rest_waits_for_an_input_or_follows_the_policy() {
    let mut never = idle();
    never.news();
    never.exited(exit_code(0));
    assert_eq!(never.news(), ["process.exited", "session.suspended suspended by crash"]);
    assert_eq!((never.machine.next_deadline(), never.state().is_live()), (None, false));
    never.send("a").expect("admitted");
    comes_up(&mut never);
    assert_eq!(never.axes(), "live/running");

    let mut policy = idle_as(Spec { restart: RestartPolicy::on_crash(), ..spec() });
    for wait_ms in [1000, 2000, 4000] {
        policy.exited(exit_code(1));
        let at = policy.machine.next_deadline().expect("it is started again");
        assert_eq!(at.millis_since(policy.now), wait_ms);
        assert!(policy.state().is_live(), "the daemon must look at it");
        policy.deadline();
        comes_up(&mut policy);
    }
    policy.exited(exit_code(1));
    assert_eq!(policy.machine.next_deadline(), None);
    assert!(policy.news().contains(&"warning.raised breaker_open".into()));
    assert_eq!(policy.axes(), "suspended by crash");
    assert_eq!(policy.state().axes().health.why, Some(tenure_event::HealthReason::ProcessGone));
    // Somebody wants it: once more.
    policy.ask(Request::Resume).expect("resumes");
    comes_up(&mut policy);
    policy.exited(exit_code(1));
    assert_eq!(policy.machine.next_deadline(), None, "the breaker stays open");
    policy.later(600_000);
    policy.ask(Request::Resume).expect("resumes");
    comes_up(&mut policy);
    policy.exited(exit_code(1));
    assert!(policy.machine.next_deadline().is_some(), "what happened long ago does not count");
}

#[test]
fn a_restart_policy_says_how_often_and_can_be_changed() {
    let policy = |max| RestartPolicy::OnCrash(tenure_api::CrashPolicy { max, seconds: 60 });
    let change = |restart| {
        Request::Configure(Box::new(tenure_api::ConfigPatch { restart: Some(restart), ..Default::default() }))
    };
    let mut stage = idle_as(Spec { restart: policy(1), ..spec() });
    stage.exited(exit_code(1));
    stage.deadline();
    comes_up(&mut stage);
    stage.exited(exit_code(1));
    assert_eq!(stage.machine.next_deadline(), None);
    for (wrong, field) in [
        (policy(5000), "restart.on_crash.max"),
        (RestartPolicy::OnCrash(tenure_api::CrashPolicy { max: 1, seconds: 0 }), "restart.on_crash.seconds"),
    ] {
        let problem = stage.ask(change(wrong)).expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    stage.ask(change(policy(2))).expect("changed");
    stage.news();
    stage.ask(change(policy(2))).expect("nothing to change");
    assert_eq!(stage.news(), [""; 0]);
    stage.ask(Request::Resume).expect("resumes");
    comes_up(&mut stage);
    stage.exited(exit_code(1));
    assert!(stage.machine.next_deadline().is_some());
    stage.ask(change(RestartPolicy::Never)).expect("changed");
    assert_eq!(stage.machine.next_deadline(), None, "a restart that nobody wants any more is called off");
}

#[test]
fn a_turn_that_ends_makes_the_pause_short_again() {
    let often = RestartPolicy::OnCrash(tenure_api::CrashPolicy { max: 5, seconds: 600 });
    let mut stage = idle_as(Spec { restart: often, ..spec() });
    for round in 0..5 {
        stage.send(&format!("i{round}")).expect("admitted");
        end_turn(&mut stage);
        stage.exited(exit_code(1));
        assert_eq!(stage.due_in(), Some(1));
        stage.deadline();
        comes_up(&mut stage);
    }
    assert_eq!(stage.axes(), "live/idle");
}

#[test]
fn a_restart_that_is_due_is_called_off_by_every_verb_that_ends() {
    for request in
        [Request::Suspend, Request::Close, Request::Kill, Request::Destroy { keep_transcript: true }]
    {
        let mut stage = idle_as(Spec { restart: RestartPolicy::on_crash(), ..spec() });
        stage.exited(exit_code(1));
        stage.ask(request.clone()).expect("ends");
        assert_eq!(stage.machine.next_deadline(), None, "{request:?}");
        assert!(!stage.state().is_live());
    }
}

#[test]
fn what_a_resume_continues() {
    // Nothing was said: there is nothing to continue.
    let mut fresh = suspended();
    fresh.acts.clear();
    fresh.send("a").expect("admitted");
    assert_eq!(plan(&mut fresh), ResumeHow::New);

    let chosen = || Spec { native_id_chosen: Some("ours".into()), ..spec() };
    let mut stage = Stage::created(chosen(), true);
    assert_eq!(plan(&mut stage), ResumeHow::NewAs("ours".into()));
    stage.started();
    stage.agent(vec![ready()]);
    stage.send("a").expect("admitted");
    stage.exited(exit_code(1));
    stage.ask(Request::Resume).expect("resumes");
    assert_eq!(
        plan(&mut stage),
        ResumeHow::Resume("ours".into()),
        "the agent never told an id, and we chose it"
    );

    let mut continued = Stage::created(Spec { resumes: Some("old".into()), ..spec() }, true);
    assert_eq!(plan(&mut continued), ResumeHow::Resume("old".into()));
}

#[test]
fn after_a_clear_the_old_conversation_is_not_taken_up() {
    for first in [
        Spec { resumes: Some("old".into()), ..spec() },
        Spec { native_id_chosen: Some("old".into()), ..spec() },
        Spec { resumes: Some("old".into()), native_id_chosen: Some("other".into()), ..spec() },
    ] {
        let mut stage = running_as(first);
        stage.agent(vec![Signal::Cleared]);
        stage.exited(exit_code(1));
        stage.ask(Request::Resume).expect("resumes");
        assert_eq!(plan(&mut stage), ResumeHow::New);
    }
    let mut bound = running();
    bound.agent(vec![Signal::Cleared, Signal::NativeId("n2".into())]);
    assert!(!bound.news().contains(&"warning.raised other_conversation".into()));
    assert_eq!(bound.state().epoch, 1);
}

#[test]
fn an_agent_that_takes_up_another_conversation_is_told_of() {
    let mut stage = starting_as(Spec { resumes: Some("old".into()), ..spec() });
    stage.news();
    stage.agent(vec![Signal::NativeId("new".into()), ready()]);
    let news = stage.news();
    assert_eq!(news[..2], ["warning.raised other_conversation", "session.native_bound creating"]);
    let mut right = starting_as(Spec { resumes: Some("old".into()), ..spec() });
    right.agent(vec![Signal::NativeId("old".into()), ready()]);
    assert!(!right.news().contains(&"warning.raised other_conversation".into()));
}

#[test]
fn an_end_while_the_process_is_being_started_is_not_forgotten() {
    let ends = [
        (Request::Close, "closed"),
        (Request::Destroy { keep_transcript: false }, "destroyed"),
        (Request::Suspend, "suspended by request"),
    ];
    for (end, axes) in ends {
        let mut stage = Stage::created(spec(), true);
        stage.ask(end.clone()).expect("ends");
        assert_eq!(stage.acts(), ["spawn", "end"]);
        stage.started();
        assert_eq!(stage.acts(), ["end"], "the first may have found nothing to end");
        assert!(stage.commands.is_empty(), "it is not greeted any more");
        // A handshake that comes through all the same brings nothing to life.
        stage.agent(vec![ready()]);
        stage.exited(exit_code(0));
        assert_eq!(stage.axes(), axes);

        let mut never = Stage::created(spec(), true);
        never.ask(end).expect("ends");
        spawn_fails(&mut never, "agent_missing");
        assert_eq!(never.axes(), axes);
    }
}

#[test]
fn a_harsher_end_replaces_a_milder_one_and_never_the_other_way() {
    let mut stage = idle();
    for request in
        [Request::Suspend, Request::Close, Request::Suspend, Request::Destroy { keep_transcript: false }]
    {
        let Ok(Reply::Done { until, .. }) = stage.ask(request) else { panic!("done") };
        assert_eq!(until, Until::ProcessGone);
    }
    stage.ask(Request::Kill).expect("kills");
    assert_eq!(stage.acts().iter().filter(|a| **a == "end").count(), 1, "one ladder");
    stage.exited(exit_code(0));
    assert_eq!(stage.state().lifecycle, Lifecycle::Destroyed);
    assert_eq!(stage.acts(), ["erase"]);
}

#[test]
fn close_tells_what_was_hit_and_what_remains() {
    let mut stage = interrupting();
    stage.ask(Request::Kill).expect("kills");
    stage.exited(ExitNews { signal: Some(9), hit: vec![7], remained: vec![8], ..ExitNews::default() });
    let closed = stage.log.iter().find_map(|e| match &e.kind {
        tenure_event::Kind::SessionClosed(c) => Some((c.hit.clone(), c.remained.clone())),
        _ => None,
    });
    assert_eq!(closed, Some((vec![7], vec![8])));
    assert!(stage.news().contains(&"turn.completed interrupted [a]".into()));
}

#[test]
fn closed_and_failed_sessions_refuse_inputs_until_they_are_resumed() {
    for mut stage in [closed(), failed()] {
        assert_eq!(stage.send("b").expect_err("closed").code, ErrorCode::Closed);
        stage.ask(Request::Resume).expect("resumes");
        stage.send("b").expect("admitted");
        comes_up(&mut stage);
        assert_eq!(stage.axes(), "live/running");
    }
}

#[test]
fn a_handshake_that_comes_too_late_brings_nothing_to_life() {
    let mut stage = starting_as(spec());
    stage.deadline();
    stage.agent(vec![ready()]);
    assert_eq!(stage.axes(), "creating");
    stage.exited(exit_code(0));
    assert_eq!(stage.axes(), "failed");
}

#[test]
fn what_was_cut_short_comes_before_the_exit() {
    let mut stage = running();
    stage.news();
    let cut = vec![words::says("half"), words::tool_ends("t")];
    stage.step(Input::Exited { generation: 1, exit: exit_code(1), cut });
    let news = stage.news();
    assert_eq!(news[..3], ["message.completed assistant", "tool.completed", "process.exited"]);
    let mut quiet = asked();
    quiet.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    quiet.exited(exit_code(0));
    assert_eq!(quiet.axes(), "suspended by crash");
}
