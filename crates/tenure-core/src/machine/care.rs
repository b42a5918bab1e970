//! Deadlines: asks that expire, turns that take too long, sessions that idle, agents that
//! show no sign of life, restarts.
//!
//! A silent agent is not stalled because a timer ran out: it is stalled when its tree
//! used no processor time between two probes, no tool runs, and nothing is waited for;
//! or when the process is stopped by a signal.

use tenure_event::{ActivityState, Lifecycle, SuspendedBy, Timestamp};

use super::limit::LimitKind;
use super::state::{Ending, Proc};
use super::update::error;
use super::{Act, Machine, State, Step};

/// Milliseconds that an agent may ignore the interrupt of a turn that reached its limit.
const DEAF_MS: i64 = 10_000;

impl Machine {
    /// When the machine wants [`super::Input::Deadline`], if it wants it at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let s = &self.state;
        [
            s.ask_deadline(),
            s.start_deadline(),
            s.turn_deadline(),
            s.stall_deadline(),
            s.idle_deadline(),
            s.restart_at,
            s.busy_until,
            s.held_deadline(),
            s.checkpoint_deadline(),
            s.measure_deadline(),
            s.reset_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl State {
    fn ask_deadline(&self) -> Option<Timestamp> {
        self.asks.values().filter_map(|o| o.ask.expires_at).min()
    }

    fn start_deadline(&self) -> Option<Timestamp> {
        let starting = |p: &&Proc| !p.ready && self.ending.is_none();
        let from = |p: &Proc| p.found_at.unwrap_or(p.started_at).max(p.started_at);
        self.process.as_ref().filter(starting).map(|p| from(p).plus_seconds(self.spec.start_seconds))
    }

    fn turn_deadline(&self) -> Option<Timestamp> {
        let turn = self.turn.as_ref().filter(|_| self.ending.is_none())?;
        let deaf = turn.interrupting.map(|at| at.plus_millis(DEAF_MS));
        if turn.limit.is_some() {
            return deaf;
        }
        // Time that waits for a provider is not the turn's.
        let began = turn.started_at.plus_millis(turn.retry.waited_ms);
        if turn.retry.until.is_some() {
            return deaf;
        }
        let over = (self.spec.turn_seconds > 0).then(|| began.plus_seconds(self.spec.turn_seconds))?;
        // A turn that a person interrupted gets its time to end even past its limit.
        Some(deaf.map_or(over, |deaf| deaf.max(over)))
    }

    fn stall_deadline(&self) -> Option<Timestamp> {
        let waits = !self.asks.is_empty() || self.wait.is_some() || self.waits_for_reset();
        let waits = waits || self.stalled.is_some() || self.probing;
        let watched = self.turn.is_some() && !waits && self.spec.stall_seconds > 0 && self.process.is_some();
        watched.then(|| self.life_at.plus_seconds(self.spec.stall_seconds))
    }

    fn idle_deadline(&self) -> Option<Timestamp> {
        let works =
            self.doing().0 != ActivityState::Idle || !self.tasks.is_empty() || self.busy_until.is_some();
        let ready = self.process.as_ref().is_some_and(|p| p.ready);
        let idles = self.lifecycle == Lifecycle::Live && ready && !works && self.ending.is_none();
        (idles && self.spec.idle_seconds > 0).then(|| self.idle_since.plus_seconds(self.spec.idle_seconds))
    }
}

impl Step<'_> {
    pub(super) fn sign_of_life(&mut self) {
        self.s.life_at = self.now.at;
        self.s.probing = false;
        self.s.stalled = None;
    }

    pub(super) fn deadlines(&mut self) {
        let now = self.now.at;
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        self.expire_asks();
        if due(self.s.busy_until) {
            self.s.busy_until = None;
            self.believe_idle();
            self.start_next();
        }
        if due(self.s.held_deadline()) {
            self.release_end();
        }
        if due(self.s.checkpoint_deadline()) {
            self.checkpoint_late();
        }
        // Whatever ended just now, idleness counts from here.
        self.sync_axes();
        if due(self.s.start_deadline()) {
            let s = self.s.spec.start_seconds;
            self.handshake_failed(error("timeout", format!("the agent did not finish its handshake within {s} s; `tenure logs --raw` shows what it said")));
        }
        if due(self.s.reset_deadline()) {
            self.go_on_after_reset();
        }
        if due(self.s.turn_deadline()) {
            self.turn_over_time();
        }
        if due(self.s.stall_deadline()) {
            self.s.probing = true;
            self.out.acts.push(Act::Probe);
        }
        if due(self.s.measure_deadline()) {
            self.measure();
        }
        if due(self.s.idle_deadline()) {
            let _ = self.end_process(Ending::Suspend(SuspendedBy::Idle));
        }
        if due(self.s.restart_at) {
            self.s.restart_at = None;
            self.wake();
        }
    }

    fn turn_over_time(&mut self) {
        let Some(turn) = &self.s.turn else { return };
        if turn.interrupting.is_some() {
            let _ = self.end_process(Ending::Suspend(SuspendedBy::Limit));
            return;
        }
        self.hit(LimitKind::Time);
    }

    /// Answer to a probe.
    pub(super) fn vitals(&mut self, busy: bool, stopped: bool) {
        if !self.s.probing {
            return;
        }
        self.s.probing = false;
        let tools_run = self.s.turn.as_ref().is_some_and(|t| !t.tools.is_empty());
        if stopped || (!busy && !tools_run) {
            self.s.stalled.get_or_insert(self.s.life_at);
        } else {
            // It works in silence: look again later.
            self.s.life_at = self.now.at;
        }
    }

    /// The agent is kept from writing, or no longer so.
    pub(super) fn spool(&mut self, blocked: bool) {
        if blocked && !self.s.spool_blocked {
            self.warn("spool_full", "the agent's output cannot be stored, so the agent is held; free disk space, or wait until it is read");
        }
        self.s.spool_blocked = blocked;
    }
}
