//! A turn's end that is held back because the agent still owes answers to steered inputs.
//!
//! Requests may be answered in any order: an agent can take a steered input in, end the turn, and only then say that it
//! took it. Whoever believed the end alone would send that input again.

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;

use super::Step;
use crate::agent::TurnEnd;

/// Milliseconds that the answers may take. An agent that never gives them is taken at its word for the end.
const ANSWERS_WITHIN_MS: i64 = 2_000;

/// An end that was told and has not been believed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldEnd {
    /// What was told.
    pub end: TurnEnd,
    /// What standard error said with it.
    pub stderr: Option<String>,
    /// When it counts, whatever is owed.
    pub until: Timestamp,
}

/// An interrupt that the agent has not answered. Until then its word that it is idle may be older than the interrupt, and
/// a steered input that it still holds may begin: to send that one again would be to say it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnheardInterrupt {
    /// The number of the command.
    pub n: u64,
    /// The agent said that it is idle, and began nothing since.
    pub idle: bool,
}

impl Step<'_> {
    /// Whether the agent's word that it is idle has to wait until it has heard of an interrupt; if so it is kept.
    pub(super) fn hold_idle(&mut self) -> bool {
        let Some(unheard) = &mut self.s.unheard else { return false };
        unheard.idle = true;
        let until = self.now.at.plus_millis(super::turn::IDLE_WORD_MS);
        self.s.busy_until.get_or_insert(until);
        true
    }

    /// The agent answered a command. If it was the interrupt, a word that was kept counts from now on.
    pub(super) fn command_answered(&mut self, n: u64) {
        if self.s.unheard.is_some_and(|unheard| unheard.n == n) {
            self.believe_idle();
        }
    }

    /// Waits no longer for the answer to an interrupt.
    pub(super) fn believe_idle(&mut self) {
        if self.s.unheard.take().is_some_and(|unheard| unheard.idle) {
            self.agent_idle();
        }
    }

    /// Whether this end has to wait; if so it is kept.
    pub(super) fn hold(&mut self, end: &TurnEnd, stderr: Option<&str>) -> bool {
        let until = self.now.at.plus_millis(ANSWERS_WITHIN_MS);
        let Some(turn) = self.s.turn.as_mut().filter(|_| end.prompt_n.is_some()) else { return false };
        let wait = !turn.unanswered.is_empty();
        if wait {
            turn.held =
                Some(Box::new(HeldEnd { end: end.clone(), stderr: stderr.map(str::to_owned), until }));
        }
        wait
    }

    /// The agent answered a steer; the last answer lets a held end count.
    pub(super) fn steer_answered(&mut self, which: impl Fn(&str, u64) -> bool) {
        let Some(turn) = &mut self.s.turn else { return };
        turn.unanswered.retain(|native, n| !which(native, *n));
        if turn.unanswered.is_empty() {
            self.release_end();
        }
    }

    /// A held end counts from now on.
    pub(super) fn release_end(&mut self) {
        if let Some(held) = self.s.turn.as_mut().and_then(|turn| turn.held.take()) {
            self.finish_turn(held.end, held.stderr.as_deref());
        }
    }

    /// The daemon was away: the answers have their time from now.
    pub(super) fn hold_longer(&mut self) {
        let until = self.now.at.plus_millis(ANSWERS_WITHIN_MS);
        if let Some(held) = self.s.turn.as_mut().and_then(|turn| turn.held.as_mut()) {
            held.until = until;
        }
    }
}

impl super::State {
    pub(super) fn held_deadline(&self) -> Option<Timestamp> {
        self.turn.as_ref()?.held.as_ref().map(|held| held.until)
    }
}
