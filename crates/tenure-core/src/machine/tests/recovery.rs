//! The daemon ends at any moment and starts again: what is told anew, what is done anew.

use super::scenes::{asked_as, closing, comes_up, idle, running, running_as, starting_as};
use super::stage::Stage;
use super::words;
use super::words::{exit_code, permission, ready, result_of, spec};
use crate::Request;
use crate::agent::{AgentRequest, Answer, Command, FsAnswer, Signal, TurnVerdict};
use crate::machine::{ExitNews, Input, Spec};

fn never_ran() -> ExitNews {
    ExitNews { never_ran: true, unseen: true, ..ExitNews::default() }
}

/// The daemon comes back and finds the process alive.
fn found(stage: &mut Stage) {
    stage.restart();
    stage.started();
}

#[test]
fn a_process_that_never_came_to_be_is_asked_for_again() {
    let mut stage = Stage::created(spec(), true);
    stage.send("a").expect("admitted");
    stage.news();
    stage.restart();
    stage.exited(never_ran());
    assert_eq!(stage.news(), [""; 0], "nothing happened");
    assert_eq!((stage.acts(), stage.generation()), (vec!["spawn"], 2));
    comes_up(&mut stage);
    assert_eq!(stage.axes(), "live/running");

    for (end, axes) in [(Request::Close, "closed"), (Request::Suspend, "suspended by request")] {
        let mut ended = Stage::created(spec(), true);
        ended.ask(end).expect("ends");
        ended.restart();
        ended.exited(never_ran());
        assert_eq!((ended.axes().as_str(), ended.machine.next_deadline()), (axes, None));
    }
}

#[test]
fn a_process_that_was_found_is_not_told_again() {
    let mut stage = running();
    let sent = stage.commands.len();
    stage.news();
    found(&mut stage);
    assert_eq!((stage.news().len(), stage.commands.len(), stage.acts()), (0, sent, vec![]));
    // Its next command goes on where the last process of the daemon left off.
    stage.ask(Request::Interrupt { queue: tenure_api::QueueChoice::Keep }).expect("interrupts");
    assert_eq!(stage.commands.last().map(|c| (c.0, c.1)), Some((1, sent as u64 + 1)));
}

#[test]
fn an_end_that_was_under_way_is_begun_again() {
    let mut stage = closing();
    found(&mut stage);
    assert_eq!(stage.acts(), ["end"]);
    stage.exited(exit_code(0));
    assert_eq!(stage.axes(), "closed");
}

#[test]
fn file_requests_that_were_open_are_served_again_and_answered_once() {
    let read = AgentRequest::FsRead { path: "/srv/project/a".into(), line: None, limit: None };
    let write =
        |size: usize| AgentRequest::FsWrite { path: "/srv/project/b".into(), content: "x".repeat(size) };
    let mut stage = running();
    let ask = |token: &str, request| Signal::Request { token: token.into(), request };
    stage.agent(vec![ask("1", read), ask("2", write(10)), ask("3", write(1_000_000))]);
    assert_eq!(stage.acts().iter().filter(|a| **a == "serve").count(), 3);
    let served =
        |token: &str| Input::Served { generation: 1, token: token.into(), answer: FsAnswer::Written };
    stage.step(served("2"));
    let before = stage.commands.len();
    found(&mut stage);
    assert_eq!(stage.acts(), ["serve"], "the one that was answered is not served again");
    // One that was too large to keep is given back: the agent can try again.
    let refused = &stage.commands[before..];
    assert!(
        matches!(&refused[0].2, Command::Answer(Answer::Fs { token, answer: FsAnswer::Error(_) }) if token == "3")
    );
    for token in ["1", "1", "2", "3"] {
        stage.step(served(token));
    }
    assert_eq!(stage.commands.len(), before + 2, "each has one answer");
}

#[test]
fn a_flood_of_file_requests_is_refused() {
    let mut stage = running();
    stage.twin_every = 0;
    let request = || AgentRequest::FsRead { path: "/srv/project/a".into(), line: None, limit: None };
    let flood = (0..300).map(|n| Signal::Request { token: n.to_string(), request: request() }).collect();
    let before = stage.commands.len();
    stage.agent(flood);
    assert_eq!((stage.state().serving.len(), stage.commands.len() - before), (256, 44));
}

#[test]
fn what_nobody_could_hear_counts_from_the_return() {
    // The handshake may stand in the spool: its time begins anew.
    let mut starting = starting_as(spec());
    starting.later(3_600_000);
    found(&mut starting);
    assert_eq!(starting.due_in(), Some(60));
    starting.agent(vec![ready()]);
    assert_eq!(starting.axes(), "live/idle");

    let mut silent = running_as(Spec { stall_seconds: 120, ..spec() });
    silent.deadline();
    found(&mut silent);
    assert_eq!(silent.due_in(), Some(120), "the probe is gone with the daemon that sent it");

    let mut between = running();
    between.send("b").expect("admitted");
    let end = result_of(&[words::native("a", 0)], TurnVerdict::Finished);
    between.agent(vec![Signal::TurnEnded(end)]);
    between.later(3_600_000);
    found(&mut between);
    assert_eq!(between.due_in(), Some(10), "the word of idleness may stand in the spool");
}

#[test]
fn an_ask_lives_on_and_its_deadline_runs_while_nobody_is_there() {
    let mut stage = asked_as(Spec { ask_timeout_seconds: 100, ..spec() });
    stage.later(40_000);
    found(&mut stage);
    assert_eq!((stage.axes().as_str(), stage.due_in()), ("live/waiting permission", Some(60)));
    stage.later(70_000);
    found(&mut stage);
    stage.step(Input::Deadline);
    assert!(stage.news().contains(&"ask.expired deadline".into()));
}

#[test]
fn a_process_that_died_meanwhile_crashes_its_turn() {
    let mut stage = running();
    stage.agent(vec![Signal::Ask(permission("p"))]);
    stage.news();
    stage.restart();
    stage.exited(ExitNews { unseen: true, ..ExitNews::default() });
    let news = stage.news();
    assert!(news.contains(&"turn.completed crashed agent_exited [a]".into()), "{news:?}");
    assert_eq!(stage.axes(), "suspended by crash");
}

#[test]
fn the_daemon_looks_only_at_sessions_that_need_it() {
    for (moment, scene) in super::scenes::MOMENTS {
        let stage = scene();
        let rests =
            ["draft", "suspended", "suspended, one queued", "crashed", "closed", "failed", "destroyed"];
        assert_eq!(stage.state().is_live(), !rests.contains(moment), "{moment}");
    }
}

/// An input that was begun on a process which is gone would end with it.
#[test]
fn an_input_that_comes_before_the_process_is_found_waits_for_it() {
    let mut alive = idle();
    let mut gone = idle();
    for stage in [&mut alive, &mut gone] {
        stage.restart();
        let sent = stage.commands.len();
        stage.send("a").expect("admitted");
        assert_eq!((stage.axes().as_str(), stage.commands.len()), ("live/queued", sent));
    }
    alive.started();
    assert_eq!(alive.axes(), "live/running");
    assert!(matches!(alive.last_command(), Command::Prompt { .. }));

    gone.news();
    gone.exited(ExitNews { unseen: true, ..ExitNews::default() });
    assert!(!gone.news().iter().any(|line| line.starts_with("turn.")), "nothing had begun");
    gone.deadline();
    comes_up(&mut gone);
    assert_eq!(gone.axes(), "live/running");
}

/// What the process said before it died counts, and begins nothing on it either.
#[test]
fn what_a_process_said_before_it_was_found_dead_begins_nothing_on_it() {
    let mut stage = running();
    stage.send("b").expect("admitted");
    stage.restart();
    let end = result_of(&[words::native("a", 0)], TurnVerdict::Finished);
    stage.agent(vec![Signal::TurnEnded(end), Signal::Idle]);
    assert_eq!((stage.axes().as_str(), stage.queue()), ("live/queued", vec!["b"]));
    stage.exited(ExitNews { unseen: true, ..ExitNews::default() });
    assert_eq!((stage.axes().as_str(), stage.queue()), ("suspended by crash", vec!["b"]));
}
