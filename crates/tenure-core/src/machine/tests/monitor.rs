//! Watches the promises of the contract, knowing nothing of the machine but what it puts out.

use std::collections::{BTreeMap, BTreeSet};

use tenure_event::{
    ActivityState, AskId, Axes, InputId, Kind, Lifecycle, NewEvent, Outcome, Seq, TurnCompleted, TurnId,
};

use crate::agent::{Answer, Command};
use crate::machine::{Act, Input, InputChange, LimitKind, Output, State};
use crate::{Reply, Until};

/// How an input stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stands {
    Waits,
    InTurn(TurnId),
    Ended,
}

#[derive(Debug, Default)]
pub(super) struct Monitor {
    pub(super) inputs: BTreeMap<InputId, Stands>,
    /// Asks, and whether each is still open.
    pub(super) asks: BTreeMap<AskId, bool>,
    /// The turn that runs, with the inputs it took in.
    pub(super) turn: Option<(TurnId, Vec<InputId>)>,
    pub(super) turns: BTreeSet<TurnId>,
    pub(super) outcomes: Vec<Outcome>,
    /// The process that was told as started.
    pub(super) process: Option<u32>,
    generations: BTreeSet<u32>,
    /// The last command's number by generation.
    sent: BTreeMap<u32, u64>,
    /// Tokens that were answered, by generation.
    answered: BTreeSet<(u32, String)>,
    tasks: BTreeSet<String>,
    destroyed: bool,
}

impl Monitor {
    pub(super) fn check(&mut self, input: &Input, before: Seq, out: &Output, after: &State) {
        for event in &out.events {
            self.event(event);
        }
        self.rows(before, out);
        self.commands(input, out, after.generation);
        self.reply(before, out);
        self.limits(out, after);
        let spawns = out.acts.iter().filter(|a| matches!(a, Act::Spawn(_))).count();
        assert!(spawns <= 1, "two processes in one step");
        self.agrees(after);
    }

    fn event(&mut self, event: &NewEvent) {
        assert!(!self.destroyed, "{} after session.destroyed", event.kind.name());
        if let Some(axes) = axes_of(&event.kind) {
            self.axes(event.kind.name(), axes);
        }
        match &event.kind {
            Kind::SessionDestroyed(_) => self.destroyed = true,
            Kind::InputAdmitted(e) => {
                let known = self.inputs.insert(e.input_id.clone(), Stands::Waits);
                assert_eq!(known, None, "{} admitted twice", e.input_id);
            }
            Kind::InputStarted(e) => {
                let was = self.inputs.insert(e.input_id.clone(), Stands::InTurn(e.turn_id.clone()));
                assert_eq!(was, Some(Stands::Waits), "{} started", e.input_id);
                let (turn, taken) = self.turn.as_mut().expect("an input starts in a turn");
                assert_eq!(turn, &e.turn_id);
                taken.push(e.input_id.clone());
            }
            Kind::InputCancelled(e) => {
                let was = self.inputs.insert(e.input_id.clone(), Stands::Ended);
                assert_eq!(was, Some(Stands::Waits), "{} cancelled", e.input_id);
            }
            Kind::TurnStarted(e) => {
                assert_eq!(self.turn, None, "a turn starts while another runs");
                assert!(self.turns.insert(e.turn_id.clone()), "a turn starts twice");
                self.turn = Some((e.turn_id.clone(), Vec::new()));
            }
            Kind::TurnCompleted(e) => self.turn_completed(e),
            Kind::AskOpened(e) => assert_eq!(self.asks.insert(e.ask.id.clone(), true), None),
            Kind::AskResolved(e) => self.ask_ended(&e.ask_id),
            Kind::AskExpired(e) | Kind::AskWithdrawn(e) => self.ask_ended(&e.ask_id),
            Kind::ProcessStarted(e) => {
                assert_eq!(self.process, None, "two processes");
                assert!(self.generations.insert(e.generation), "generation {} again", e.generation);
                self.process = Some(e.generation);
            }
            // A process may end before anybody was told that it began.
            Kind::ProcessExited(e) => assert!(self.process.take().is_none_or(|g| g == e.generation)),
            Kind::TaskStarted(e) => assert!(self.tasks.insert(e.task_id.clone())),
            Kind::TaskCompleted(e) => assert!(self.tasks.remove(&e.task_id)),
            _ => {}
        }
    }

    fn axes(&self, name: &str, axes: &Axes) {
        let live = axes.lifecycle == Lifecycle::Live;
        assert_eq!(axes.activity.is_some(), live, "{name}: activity is null unless live");
        assert_eq!(axes.suspended_by.is_some(), axes.lifecycle == Lifecycle::Suspended, "{name}: {axes:?}");
        let Some(activity) = &axes.activity else { return };
        let waits = self.inputs.values().any(|s| *s == Stands::Waits);
        match activity.state {
            ActivityState::Idle => {
                assert!(!waits, "{name}: idle while an input waits");
                assert_eq!(self.turn, None, "{name}: idle while a turn runs");
            }
            ActivityState::Queued => {
                assert!(waits, "{name}: queued while none waits");
                assert_eq!(self.turn, None, "{name}: queued while a turn runs");
            }
            ActivityState::Running | ActivityState::Interrupting | ActivityState::Stalled => {
                assert!(self.turn.is_some(), "{name}: {:?} without a turn", activity.state);
            }
            ActivityState::Waiting | ActivityState::Compacting => {}
            ActivityState::Other(word) => panic!("{name}: {word:?}"),
        }
        assert_eq!(activity.turn_id.as_ref(), self.turn.as_ref().map(|(id, _)| id), "{name}: its turn");
        assert_eq!(activity.reason.is_some(), activity.state == ActivityState::Waiting, "{name}: its reason");
    }

    fn turn_completed(&mut self, e: &TurnCompleted) {
        let (turn, taken) = self.turn.take().expect("a turn ends once");
        assert_eq!(turn, e.turn_id);
        assert_eq!(taken, e.input_ids, "the inputs that it ends are those that it took in");
        for id in taken {
            let was = self.inputs.insert(id, Stands::Ended);
            assert_eq!(was, Some(Stands::InTurn(turn.clone())));
        }
        assert_eq!(e.limit.is_some(), e.outcome == Outcome::Limit);
        let failed = matches!(e.outcome, Outcome::Failed | Outcome::Crashed);
        assert_eq!(e.error.is_some(), failed, "an error goes with a failure");
        self.outcomes.push(e.outcome);
    }

    fn ask_ended(&mut self, id: &AskId) {
        assert_eq!(self.asks.insert(id.clone(), false), Some(true), "{id} ends once");
    }

    /// Rows of inputs change as the events say.
    fn rows(&self, before: Seq, out: &Output) {
        let at = |seq: &Seq| &out.events[usize::try_from(seq.0 - before.0 - 1).expect("small")].kind;
        let mut told = 0;
        for change in &out.inputs {
            match change {
                InputChange::Admitted { input_id, seq } => {
                    assert!(matches!(at(seq), Kind::InputAdmitted(e) if &e.input_id == input_id));
                    told += 1;
                }
                InputChange::Completed { input_id, turn_id, seq } => {
                    let Kind::TurnCompleted(e) = at(seq) else { panic!("{seq} ends no turn") };
                    assert!(&e.turn_id == turn_id && e.input_ids.contains(input_id));
                }
                InputChange::Cancelled { input_id, seq } => {
                    assert!(matches!(at(seq), Kind::InputCancelled(e) if &e.input_id == input_id));
                    told += 1;
                }
                InputChange::Started { .. } => told += 1,
                InputChange::Edited { .. } | InputChange::Requeued { .. } => {}
            }
        }
        let wanted = out.events.iter().filter(|e| e.kind.name().starts_with("input.")).count();
        assert_eq!(told, wanted, "every input event has its row");
    }

    fn commands(&mut self, input: &Input, out: &Output, generation: u32) {
        if matches!(input, Input::Exited { .. } | Input::SpawnFailed { .. } | Input::Created { .. }) {
            assert!(out.commands.is_empty(), "a command for a process that is not there: {:?}", out.commands);
        }
        for (n, command) in &out.commands {
            assert_eq!(
                self.process,
                Some(generation),
                "a command for a process that is not there: {command:?}"
            );
            let last = self.sent.entry(generation).or_default();
            assert_eq!(*n, *last + 1, "numbers of generation {generation}");
            *last = *n;
            match command {
                Command::Prompt { input_id, .. } => {
                    let turn = self.turn.as_ref().map(|(id, _)| Stands::InTurn(id.clone()));
                    assert_eq!(self.inputs.get(input_id).cloned(), turn, "a prompt is of the running turn");
                }
                Command::Steer { input_id, .. } => {
                    assert_eq!(self.inputs.get(input_id), Some(&Stands::Waits), "it was steered once");
                }
                _ => {}
            }
            let token = match command {
                Command::Answer(Answer::Ask(a)) => Some(&a.token),
                Command::Answer(Answer::Fs { token, .. }) => Some(token),
                _ => None,
            };
            if let Some(token) = token {
                assert!(self.answered.insert((generation, token.clone())), "{token} is answered twice");
            }
        }
    }

    fn reply(&self, before: Seq, out: &Output) {
        let last = before.0 + out.events.len() as u64;
        match &out.reply {
            Some(Ok(Reply::Admitted(receipt))) => {
                let at = usize::try_from(receipt.seq.0 - before.0 - 1).expect("small");
                assert!(
                    matches!(&out.events[at].kind, Kind::InputAdmitted(e) if e.input_id == receipt.input_id)
                );
                assert!(out.full, "what a caller is told must last");
            }
            Some(Ok(Reply::Done { seq, until, .. })) => {
                assert!(seq.0 <= last);
                if let Until::TurnEnd(turn) = until {
                    assert_eq!(
                        self.turn.as_ref().map(|(id, _)| id),
                        Some(turn),
                        "what is waited for can come"
                    );
                }
            }
            _ => {}
        }
    }

    /// What reached a limit has no process, and nothing starts beyond one.
    fn limits(&self, out: &Output, after: &State) {
        if after.limit_reached.is_some() {
            let rests = after.turn.is_some() || after.process.is_none() || after.ending.is_some();
            assert!(rests, "a process beyond the limit: {after:?}");
        }
        assert_eq!(after.limit_reached.is_some(), after.held_by_limit);
        if out.commands.iter().any(|(_, c)| matches!(c, Command::Prompt { .. })) {
            assert!(!after.used_up(LimitKind::Budget), "a prompt beyond the budget");
            // One that goes on after a reset has begun before.
            let begins = out.events.iter().any(|e| matches!(e.kind, Kind::TurnStarted(_)));
            assert!(!begins || !after.used_up(LimitKind::Turns), "a turn beyond the limit");
        }
    }

    /// The state says what the log says.
    fn agrees(&self, after: &State) {
        assert_eq!(after.turn.as_ref().map(|t| &t.id), self.turn.as_ref().map(|(id, _)| id));
        let open: Vec<&AskId> = self.asks.iter().filter(|(_, open)| **open).map(|(id, _)| id).collect();
        assert_eq!(after.asks.keys().collect::<Vec<_>>(), open, "open asks");
        let steered = after.turn.iter().flat_map(|t| &t.steered).map(|s| &s.queued.input_id);
        let held: BTreeSet<&InputId> = after.queue.iter().map(|q| &q.input_id).chain(steered).collect();
        let waiting: BTreeSet<&InputId> =
            self.inputs.iter().filter(|(_, s)| **s == Stands::Waits).map(|(id, _)| id).collect();
        assert_eq!(held, waiting, "inputs that wait are held somewhere");
        assert_eq!(after.lifecycle == Lifecycle::Live, after.axes().activity.is_some());
        if after.lifecycle == Lifecycle::Live {
            assert!(after.process.is_some(), "live means that there is, or will be, a process");
        } else if after.lifecycle != Lifecycle::Creating {
            assert_eq!(after.process, None, "{:?}", after.lifecycle);
        }
        assert!(after.turn.is_none() || after.process.is_some(), "a turn without a process");
        assert_eq!(after.told, after.axes(), "every change of the axes is told");
    }
}

pub(super) fn axes_of(kind: &Kind) -> Option<&Axes> {
    Some(match kind {
        Kind::SessionCreated(e) => &e.axes,
        Kind::SessionUpdated(e) => &e.axes,
        Kind::SessionActivityChanged(e)
        | Kind::SessionHealthChanged(e)
        | Kind::SessionResumed(e)
        | Kind::SessionDestroyed(e) => &e.axes,
        Kind::SessionNativeBound(e) => &e.axes,
        Kind::SessionSuspended(e) => &e.axes,
        Kind::SessionClosed(e) => &e.axes,
        Kind::SessionCleared(e) => &e.axes,
        Kind::SessionFailed(e) => &e.axes,
        _ => return None,
    })
}
