//! Moments in a session's life, each reached by the way a real one takes.

use tenure_event::Delivery;

use super::stage::Stage;
use super::words;
use super::words::{answer_to, exit_code, permission, ready, spec};
use crate::Request;
use crate::agent::{Signal, TurnVerdict};
use crate::machine::{Input, Spec};

type Scene = fn() -> Stage;

/// Every moment by its name.
pub(super) const MOMENTS: &[(&str, Scene)] = &[
    ("draft", draft),
    ("starting", starting),
    ("starting, one queued", starting_queued),
    ("idle", idle),
    ("running", running),
    ("running, two queued", running_queued),
    ("running, one steered", running_steered),
    ("asked", asked),
    ("interrupting", interrupting),
    ("between turns", between_turns),
    ("suspending", suspending),
    ("suspended", suspended),
    ("suspended, one queued", suspended_queued),
    ("crashed", crashed),
    ("closing", closing),
    ("closed", closed),
    ("failed", failed),
    ("destroying", destroying),
    ("destroyed", destroyed),
];

fn draft() -> Stage {
    Stage::created(spec(), false)
}

fn starting() -> Stage {
    starting_as(spec())
}

pub(super) fn starting_as(spec: Spec) -> Stage {
    let mut stage = Stage::created(spec, true);
    stage.started();
    stage
}

fn starting_queued() -> Stage {
    let mut stage = starting();
    stage.send("a").expect("admitted");
    stage
}

pub(super) fn idle() -> Stage {
    idle_as(spec())
}

pub(super) fn idle_as(spec: Spec) -> Stage {
    let mut stage = starting_as(spec);
    stage.agent(vec![Signal::NativeId("n1".into()), ready()]);
    stage
}

pub(super) fn running() -> Stage {
    running_as(spec())
}

pub(super) fn running_as(spec: Spec) -> Stage {
    let mut stage = idle_as(spec);
    stage.send("a").expect("admitted");
    stage
}

pub(super) fn running_queued() -> Stage {
    let mut stage = running();
    stage.send("b").expect("admitted");
    stage.send("c").expect("admitted");
    stage
}

pub(super) fn running_steered() -> Stage {
    let mut stage = running();
    stage.ask(words::delivered("b", Delivery::Steer)).expect("admitted");
    stage
}

pub(super) fn asked() -> Stage {
    asked_as(spec())
}

pub(super) fn asked_as(spec: Spec) -> Stage {
    let mut stage = running_as(spec);
    stage.agent(vec![Signal::Ask(permission("p1"))]);
    stage
}

pub(super) fn interrupting() -> Stage {
    let mut stage = running();
    stage.ask(Request::Interrupt { queue: tenure_api::QueueChoice::Keep }).expect("interrupts");
    stage
}

/// A turn ended, the agent has not said that it is idle, and an input waits for that.
fn between_turns() -> Stage {
    let mut stage = running();
    stage.send("b").expect("admitted");
    stage.agent(vec![Signal::TurnEnded(words::result_of(&[words::native("a", 0)], TurnVerdict::Finished))]);
    stage
}

pub(super) fn suspending() -> Stage {
    let mut stage = idle();
    stage.ask(Request::Suspend).expect("suspends");
    stage
}

pub(super) fn suspended() -> Stage {
    let mut stage = suspending();
    stage.exited(exit_code(0));
    stage
}

pub(super) fn suspended_queued() -> Stage {
    let mut stage = running();
    stage.send("b").expect("admitted");
    stage.ask(Request::Suspend).expect("suspends");
    stage.exited(exit_code(0));
    stage
}

fn crashed() -> Stage {
    let mut stage = running();
    stage.exited(exit_code(139));
    stage
}

pub(super) fn closing() -> Stage {
    let mut stage = idle();
    stage.ask(Request::Close).expect("closes");
    stage
}

pub(super) fn closed() -> Stage {
    let mut stage = closing();
    stage.exited(exit_code(0));
    stage
}

pub(super) fn failed() -> Stage {
    let mut stage = starting();
    stage.exited(exit_code(1));
    stage
}

fn destroying() -> Stage {
    let mut stage = idle();
    stage.ask(Request::Destroy { keep_transcript: false }).expect("destroys");
    stage
}

pub(super) fn destroyed() -> Stage {
    let mut stage = destroying();
    stage.exited(exit_code(0));
    stage
}

/// Ends the running turn as an agent does that answers prompts.
pub(super) fn end_turn(stage: &mut Stage) {
    let n = stage.prompt_n();
    stage.agent(vec![Signal::TurnEnded(answer_to(n, TurnVerdict::Finished))]);
}

/// The agent's answer to the command that it was sent last.
pub(super) fn answered(stage: &Stage) -> Signal {
    let n = stage.commands.last().expect("a command was sent").1;
    Signal::Answered { n, result: Ok(serde_json::Value::Null) }
}

/// A new process comes up.
pub(super) fn comes_up(stage: &mut Stage) {
    stage.started();
    stage.agent(vec![ready()]);
}

/// A process cannot be started.
pub(super) fn spawn_fails(stage: &mut Stage, code: &str) {
    let error = crate::machine::update::error(code, "no such program");
    stage.step(Input::SpawnFailed { generation: stage.generation(), error });
}
