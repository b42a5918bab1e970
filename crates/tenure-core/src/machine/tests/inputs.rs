//! The queue: order, delivery, steering, and what becomes of an input in every race.

use tenure_api::{ErrorCode, QueueChoice};
use tenure_event::Delivery;

use super::scenes::{
    answered, closing, comes_up, end_turn, idle, idle_as, interrupting, running, running_queued,
    running_steered, suspended_queued, suspending,
};
use super::stage::Stage;
use super::words;
use super::words::{delivered, exit_code, failure, id, native, ready_with, result_of, spec};
use crate::Request;
use crate::agent::{Command, Signal, TurnVerdict};

fn steer(stage: &mut Stage, input: &str) {
    stage.ask(delivered(input, Delivery::Steer)).expect("admitted");
}

/// The agent would not take in what was steered by this command.
fn refuse(stage: &mut Stage, n: u64) {
    stage.agent(vec![Signal::SteerRefused { n, error: failure("agent_error") }]);
}

fn interrupt(stage: &mut Stage, queue: QueueChoice) {
    stage.ask(Request::Interrupt { queue }).expect("interrupts");
}

/// Input and attempt of the last prompt.
fn prompted(stage: &Stage) -> (String, u32, String) {
    match stage.last_command() {
        Command::Prompt { input_id, attempt, parts } => {
            let tenure_event::PartBody::Text { text } = &parts[0].body else { panic!("text") };
            (input_id.to_string(), *attempt, text.clone())
        }
        other => panic!("no prompt: {other:?}"),
    }
}

#[test]
fn queued_inputs_run_one_by_one_and_the_session_is_never_idle_between() {
    let mut stage = running_queued();
    stage.news();
    end_turn(&mut stage);
    assert_eq!(
        stage.news(),
        [
            "turn.completed completed [a]",
            "session.activity_changed live/queued",
            "turn.started input",
            "input.started b turn",
            "message.completed user",
            "session.activity_changed live/running",
        ]
    );
    end_turn(&mut stage);
    end_turn(&mut stage);
    let news = stage.news();
    assert_eq!(news.last().map(String::as_str), Some("session.activity_changed live/idle"));
    assert_eq!(news.iter().filter(|l| l.contains("idle")).count(), 1);
}

#[test]
fn an_agent_that_tells_when_it_is_idle_gets_no_prompt_before() {
    let mut stage = running_queued();
    let sent = stage.commands.len();
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    assert_eq!((stage.axes().as_str(), stage.commands.len()), ("live/queued", sent));
    stage.agent(vec![Signal::Idle]);
    assert_eq!(prompted(&stage).0, "b");
    // One that forgets to say so is believed after a while.
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("b", 0)], TurnVerdict::Finished))]);
    assert_eq!((stage.axes().as_str(), stage.due_in()), ("live/queued", Some(10)));
    stage.deadline();
    assert_eq!(prompted(&stage).0, "c");
}

#[test]
fn a_steered_input_ends_with_the_turn_that_takes_it_in() {
    let mut told = running_steered();
    told.news();
    told.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    assert_eq!(told.news(), ["input.started b steered", "message.completed user"]);
    end_turn(&mut told);
    assert_eq!(told.news()[0], "turn.completed completed [a b]");

    let mut listed = running_steered();
    listed.news();
    let natives = [native("a", 0), native("b", 0)];
    listed.agent(vec![Signal::TurnEnded(result_of(&natives, TurnVerdict::Finished))]);
    let news = listed.news();
    assert_eq!(news[0], "input.started b steered");
    assert_eq!(news[2], "turn.completed completed [a b]");
}

#[test]
fn a_steered_input_that_is_refused_or_too_late_starts_the_next_turn() {
    let mut refused = running_steered();
    steer(&mut refused, "c");
    for n in [3, 4] {
        refused.agent(vec![Signal::SteerRefused { n, error: failure("agent_error") }]);
    }
    assert_eq!(refused.queue(), ["b", "c"], "in the order in which they came");
    end_turn(&mut refused);
    assert_eq!(prompted(&refused), ("b".into(), 1, "b".into()));

    let mut late = running_steered();
    late.send("c").expect("admitted");
    late.news();
    end_turn(&mut late);
    refuse(&mut late, 3);
    assert_eq!(prompted(&late), ("b".into(), 1, "b".into()));
    assert_eq!(late.queue(), ["c"]);
}

#[test]
fn an_end_waits_for_the_answers_to_what_was_steered() {
    let mut taken = running_steered();
    taken.news();
    end_turn(&mut taken);
    assert!(taken.news().is_empty(), "an answer may follow the end");
    taken.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    let news = taken.news();
    assert_eq!((&*news[0], &*news[2]), ("input.started b steered", "turn.completed completed [a b]"));
    assert_eq!(taken.axes(), "live/idle");

    // Also where an interrupt has taken it back before.
    let mut back = running_steered();
    interrupt(&mut back, QueueChoice::Keep);
    back.news();
    end_turn(&mut back);
    assert_eq!(back.queue(), ["b"]);
    back.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    assert!(back.news().contains(&"turn.completed interrupted [a b]".into()));
    assert_eq!(back.queue(), [""; 0]);

    // What it has not answered cannot be cancelled behind its back.
    let mut owed = running_steered();
    interrupt(&mut owed, QueueChoice::Keep);
    let refused = owed.ask(Request::CancelInput(id("b"))).expect_err("it may be taken in");
    assert_eq!(refused.code, ErrorCode::Conflict);
    interrupt(&mut owed, QueueChoice::Discard);
    owed.news();
    owed.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    end_turn(&mut owed);
    let news = owed.news();
    assert!(news.contains(&"turn.completed interrupted [a b]".into()), "{news:?}");
    assert!(!news.iter().any(|told| told.starts_with("input.cancelled")));

    // An agent that never answers is not waited for.
    let mut silent = running_steered();
    end_turn(&mut silent);
    silent.later(2_000);
    silent.deadline();
    assert_eq!(prompted(&silent), ("b".into(), 1, "b".into()));

    // What it said of its turn counts, also when it is gone before its answer.
    let mut gone = running_steered();
    end_turn(&mut gone);
    gone.news();
    gone.exited(exit_code(1));
    assert!(gone.news().contains(&"turn.completed completed [a]".into()));
    assert_eq!(gone.queue(), ["b"]);
}

#[test]
fn what_an_agent_holds_in_its_own_queue_starts_a_turn_without_a_prompt() {
    let mut stage = running_steered();
    steer(&mut stage, "c");
    stage.send("d").expect("admitted");
    let sent = stage.commands.len();
    stage.news();
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    let told = stage.news();
    assert_eq!(told[0], "turn.completed completed [a]");
    assert!(told.contains(&"input.started b turn".into()) && told.contains(&"input.started c turn".into()));
    assert_eq!(stage.commands.len(), sent, "the agent has them already");
    stage.agent(vec![Signal::TurnBegan, Signal::InputTaken { native_input: native("b", 0) }]);
    let natives = [native("b", 0), native("c", 0)];
    stage.agent(vec![Signal::TurnEnded(result_of(&natives, TurnVerdict::Finished)), Signal::Idle]);
    assert!(stage.news().contains(&"turn.completed completed [b c]".into()));
    assert_eq!(prompted(&stage).0, "d");
}

#[test]
fn an_interrupt_takes_steered_inputs_back_or_cancels_them() {
    let mut keep = running_steered();
    steer(&mut keep, "c");
    keep.send("d").expect("admitted");
    interrupt(&mut keep, QueueChoice::Keep);
    assert_eq!(keep.queue(), ["b", "c", "d"]);
    // A steer that comes while it is being interrupted joins them; it does not fail.
    steer(&mut keep, "e");
    assert_eq!(keep.queue(), ["b", "c", "e", "d"]);

    let mut discard = running_steered();
    discard.send("c").expect("admitted");
    discard.news();
    interrupt(&mut discard, QueueChoice::Discard);
    assert_eq!(discard.queue(), [""; 0]);
    end_turn(&mut discard);
    refuse(&mut discard, 3);
    assert_eq!(discard.axes(), "live/idle");
    assert!(discard.news().contains(&"input.cancelled b discarded".into()));

    // The agent was faster than the interrupt: what it says is what happened.
    let mut taken = running_steered();
    interrupt(&mut taken, QueueChoice::Discard);
    taken.news();
    taken.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    end_turn(&mut taken);
    let news = taken.news();
    assert_eq!((&*news[0], &*news[2]), ("input.started b steered", "turn.completed interrupted [a b]"));
    assert!(!news.iter().any(|told| told.starts_with("input.cancelled")));
}

#[test]
fn an_urgent_input_goes_before_steered_ones_that_come_back() {
    let mut stage = running_steered();
    stage.send("c").expect("admitted");
    stage.ask(delivered("now", Delivery::Interrupt)).expect("admitted");
    assert_eq!(stage.queue(), ["now", "b", "c"]);
    end_turn(&mut stage);
    refuse(&mut stage, 3);
    assert_eq!(prompted(&stage).0, "now");
}

#[test]
fn an_input_that_the_agent_took_in_before_it_heard_the_interrupt_is_not_sent_again() {
    let taken = Signal::InputTaken { native_input: native("b", 0) };
    let ended = Signal::TurnEnded(result_of(&[native("a", 0), native("b", 0)], TurnVerdict::Cancelled));
    for signals in [vec![taken, ended.clone()], vec![ended]] {
        let mut stage = running_steered();
        interrupt(&mut stage, QueueChoice::Keep);
        assert_eq!(stage.queue(), ["b"]);
        stage.agent(signals);
        stage.agent(vec![Signal::Idle]);
        assert!(stage.news().contains(&"turn.completed interrupted [a b]".into()));
        assert_eq!(stage.axes(), "live/idle");
    }
}

#[test]
fn also_one_that_answers_prompts_and_lists_nothing() {
    let mut stage = running_steered();
    interrupt(&mut stage, QueueChoice::Keep);
    stage.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    end_turn(&mut stage);
    assert!(stage.news().contains(&"turn.completed interrupted [a b]".into()));
    assert_eq!(stage.axes(), "live/idle");
}

#[test]
fn a_steer_that_is_taken_after_the_end_begins_no_turn_that_nobody_ends() {
    let mut stage = running_steered();
    stage.agent(vec![Signal::TurnEnded(words::answer_to(2, TurnVerdict::Finished))]);
    end_turn(&mut stage);
    stage.agent(vec![Signal::InputTaken { native_input: native("b", 0) }]);
    assert_eq!(stage.axes(), "live/idle");
}

#[test]
fn wishes_are_set_when_the_turn_starts_and_refused_where_they_cannot_be() {
    let wish = |input: &str, delivery| {
        let mut admit = words::admit(input, delivery);
        admit.model = Some("big".into());
        admit.effort = Some("high".into());
        Request::Admit(admit)
    };
    let mut stage = idle();
    stage.ask(wish("a", Delivery::Queue)).expect("admitted");
    let sent: Vec<String> = stage.commands.iter().map(|c| words::command(&c.2)).collect();
    assert_eq!(sent, ["hello", "SetModel", "SetEffort", "prompt"]);
    let refused = stage.ask(wish("b", Delivery::Steer)).expect_err("a running turn has its model");
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::Invalid, Some("model")));

    let mut early = super::scenes::starting_as(spec());
    early.ask(wish("a", Delivery::Queue)).expect("nobody knows yet that it cannot");
    early.agent(vec![ready_with(&["end"])]);
    assert_eq!(prompted(&early).0, "a");
    assert_eq!(early.news().iter().filter(|l| *l == "warning.raised unsupported").count(), 2);
    let refused = early.ask(wish("b", Delivery::Queue)).expect_err("now it is known");
    assert_eq!(refused.code, ErrorCode::Unsupported);
    let refused = early.ask(delivered("b", Delivery::Steer)).expect_err("it cannot be steered");
    assert_eq!(refused.capability.as_deref(), Some("steer"));
}

#[test]
fn the_queue_has_a_bound_that_steered_inputs_count_for() {
    let mut stage = running_steered();
    stage.twin_every = 0;
    for n in 0..999 {
        stage.send(&format!("q{n}")).expect("admitted");
    }
    for delivery in [Delivery::Queue, Delivery::Steer, Delivery::Interrupt] {
        let refused = stage.ask(delivered("more", delivery)).expect_err("full");
        assert_eq!(refused.code, ErrorCode::Overloaded);
    }
}

#[test]
fn edited_words_are_the_ones_that_are_sent_also_after_a_restart() {
    let mut stage = suspended_queued();
    stage.ask(Request::EditInput { input_id: id("b"), parts: words::text("better") }).expect("edited");
    stage.restart();
    stage.ask(Request::Resume).expect("resumes");
    comes_up(&mut stage);
    assert_eq!(prompted(&stage), ("b".into(), 0, "better".into()));
}

#[test]
fn an_input_that_comes_while_the_process_is_suspended_wakes_it_once_it_is_gone() {
    let mut stage = suspending();
    stage.send("a").expect("admitted");
    stage.news();
    stage.restart();
    stage.exited(exit_code(0));
    let news = stage.news();
    assert_eq!(news[1..], ["session.suspended suspended by request", "session.resumed live/queued"]);
    assert_eq!(stage.acts(), ["spawn"]);
    comes_up(&mut stage);
    assert_eq!(prompted(&stage).0, "a");

    let mut taken_back = suspending();
    taken_back.send("a").expect("admitted");
    taken_back.ask(Request::CancelInput(id("a"))).expect("cancelled");
    taken_back.exited(exit_code(0));
    assert_eq!(taken_back.axes(), "suspended by request");

    let mut meant = suspending();
    meant.send("a").expect("admitted");
    meant.ask(Request::Suspend).expect("said again, after the input");
    meant.exited(exit_code(0));
    assert_eq!((meant.axes().as_str(), meant.queue().as_slice()), ("suspended by request", ["a"].as_slice()));
}

#[test]
fn what_waits_is_kept_by_a_suspend_and_cancelled_by_a_close() {
    let mut kept = suspended_queued();
    assert_eq!(kept.queue(), ["b"]);
    kept.ask(Request::Resume).expect("resumes");
    comes_up(&mut kept);
    assert_eq!(prompted(&kept).0, "b");

    let mut stage = running_steered();
    stage.news();
    stage.ask(Request::Close).expect("closes");
    stage.exited(exit_code(0));
    let news = stage.news();
    assert!(news.contains(&"input.cancelled b closed".into()), "{news:?}");
    assert!(news.contains(&"turn.completed interrupted [a]".into()), "{news:?}");

    let refused = closing().send("a").expect_err("it is being closed");
    assert_eq!(refused.code, ErrorCode::Closed);
}

#[test]
fn an_input_in_a_turn_that_is_interrupted_is_not_sent_again() {
    let mut stage = interrupting();
    end_turn(&mut stage);
    assert_eq!(stage.axes(), "live/idle");
    let prompts = stage.commands.iter().filter(|c| matches!(c.2, Command::Prompt { .. })).count();
    assert_eq!(prompts, 1);
}

#[test]
fn a_repeated_model_is_told_once() {
    let mut stage = idle_as(spec());
    for input in ["a", "b"] {
        let mut admit = words::admit(input, Delivery::Queue);
        admit.model = Some("big".into());
        stage.ask(Request::Admit(admit)).expect("admitted");
        end_turn(&mut stage);
    }
    assert_eq!(stage.commands.iter().filter(|c| matches!(c.2, Command::SetModel(_))).count(), 1);
    assert_eq!(running().state().model, None);
}

#[test]
fn a_word_of_idleness_from_before_an_interrupt_does_not_send_again_what_the_agent_holds() {
    let mut stage = running_steered();
    interrupt(&mut stage, QueueChoice::Keep);
    let heard = answered(&stage);
    let sent = stage.commands.len();
    // All of this was said before the interrupt arrived.
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished)), Signal::Idle]);
    assert_eq!((stage.queue(), stage.commands.len()), (vec!["b"], sent), "it may begin with b yet");
    stage.news();
    stage.agent(vec![Signal::TurnBegan, Signal::InputTaken { native_input: native("b", 0) }]);
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("b", 0)], TurnVerdict::Finished)), Signal::Idle]);
    assert!(stage.news().contains(&"turn.completed completed [b]".into()));
    stage.agent(vec![heard]);
    assert_eq!((stage.commands.len(), stage.axes().as_str()), (sent, "live/idle"));
}

#[test]
fn what_an_interrupt_made_the_agent_drop_is_sent_again_once_it_has_answered() {
    for idle_first in [true, false] {
        let mut stage = running_steered();
        interrupt(&mut stage, QueueChoice::Keep);
        let heard = answered(&stage);
        stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Cancelled))]);
        stage.agent(if idle_first { vec![Signal::Idle, heard] } else { vec![heard, Signal::Idle] });
        assert_eq!(prompted(&stage), ("b".into(), 1, "b".into()));
    }
    // One that never answers is waited for only so long.
    let mut stage = running_steered();
    interrupt(&mut stage, QueueChoice::Keep);
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Cancelled)), Signal::Idle]);
    stage.deadline();
    assert_eq!(prompted(&stage), ("b".into(), 1, "b".into()));
}
