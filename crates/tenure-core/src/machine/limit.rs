//! Limits: how many turns, how much money, time and memory. What hits one is cut, its turn ends with outcome `limit`,
//! the session is suspended and keeps its queue; raising the limit lets it go on.
//!
//! Turns and money add up over the session: until they are raised nothing starts. Time and memory are those of one
//! turn and one process: `resume` or another input also goes on after them. What the owner measures and what the agent
//! tells comes in as input; nothing is looked up here.

use serde::{Deserialize, Serialize};
use tenure_api::{ErrorCode, LimitsPatch, LimitsView, Problem, QueueChoice};
use tenure_event::{
    ConfigChanged, Kind, Lifecycle, LimitsChanged, NewEvent, Outcome, SuspendedBy, Timestamp, Usage,
};

use super::state::Ending;
use super::{Act, State, Step};

/// Milliseconds between two looks at the memory of a session that has a limit of it.
const MEASURE_MS: i64 = 2_000;
/// The code of the warning that tells it.
const REACHED: &str = "limit_reached";
/// The longest time that can be set, in seconds: ten years.
const LONGEST: u64 = 315_360_000;
/// The most dollars and megabytes that can be set.
const MOST: u64 = 1_000_000_000;

/// Limits that add up or are measured; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ceilings {
    /// Turns of the session.
    pub turns: u64,
    /// US dollars of the session.
    pub cost_usd: f64,
    /// Megabytes of all its processes.
    pub memory_mb: u64,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Turns of the session.
    Turns,
    /// Money.
    Budget,
    /// Time of one turn.
    Time,
    /// Memory of its processes.
    Memory,
}

impl LimitKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::Budget => "budget",
            Self::Time => "time",
            Self::Memory => "memory",
        }
    }

    /// Nothing may start until it is raised; else a new start is a new try.
    fn adds_up(self) -> bool {
        matches!(self, Self::Turns | Self::Budget)
    }
}

/// What is counted toward the limits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Meter {
    /// Dollars of the turns that ended.
    pub settled_usd: f64,
    /// The agent's own total as it told it last.
    pub told_usd: Option<f64>,
    /// The same when the running turn began.
    pub told_before_usd: Option<f64>,
    /// Tokens were used whose cost nobody told.
    pub unknown: bool,
    /// Bytes of memory when it was measured last.
    pub memory_bytes: u64,
    /// When that was.
    pub measured_at: Option<Timestamp>,
    /// It is being measured.
    pub measuring: bool,
}

impl Meter {
    /// Dollars of the running turn, as far as they are told before its end.
    fn running_usd(&self) -> f64 {
        match (self.told_usd, self.told_before_usd) {
            // A total that fell counts anew.
            (Some(now), Some(before)) if now < before => now,
            (Some(now), Some(before)) => now - before,
            _ => 0.0,
        }
    }

    fn spent_usd(&self) -> f64 {
        round(self.settled_usd + self.running_usd())
    }
}

/// Dollars have no more digits than this; the rest is noise of sums.
fn round(usd: f64) -> f64 {
    (usd * 1e9).round() / 1e9
}

impl State {
    /// Whether a limit that adds up is used up.
    pub(super) fn used_up(&self, kind: LimitKind) -> bool {
        let most = &self.spec.ceilings;
        match kind {
            LimitKind::Turns => most.turns > 0 && self.counts.turns >= most.turns,
            LimitKind::Budget => most.cost_usd > 0.0 && self.meter.spent_usd() >= most.cost_usd,
            LimitKind::Time | LimitKind::Memory => false,
        }
    }

    /// When its memory is to be measured next.
    pub(super) fn measure_deadline(&self) -> Option<Timestamp> {
        let runs =
            |p: &&super::state::Proc| p.pid.is_some() && self.ending.is_none() && !self.meter.measuring;
        let process = self.process.as_ref().filter(runs).filter(|_| self.spec.ceilings.memory_mb > 0)?;
        let last = self.meter.measured_at.map_or(process.started_at, |at| at.max(process.started_at));
        Some(last.plus_millis(MEASURE_MS))
    }

    /// Limits as clients see them.
    pub(super) fn limits_view(&self) -> LimitsView {
        let some = |most: u64| (most > 0).then_some(most);
        let most = &self.spec.ceilings;
        LimitsView {
            turns: some(most.turns),
            turns_used: self.counts.turns + u64::from(self.turn.is_some()),
            cost_usd: (most.cost_usd > 0.0).then_some(most.cost_usd),
            cost_used_usd: self.meter.spent_usd(),
            cost_incomplete: self.meter.unknown,
            turn_seconds: some(self.spec.turn_seconds),
            memory_mb: some(most.memory_mb),
            idle_seconds: some(self.spec.idle_seconds),
            reached: self.limit_reached.map(|kind| kind.word().to_owned()),
        }
    }

    /// What is reached and what to do about it, in words.
    fn limit_words(&self, kind: LimitKind) -> String {
        let most = &self.spec.ceilings;
        let what = match kind {
            LimitKind::Turns => format!("the session's limit of {} turns is reached", most.turns),
            LimitKind::Budget => format!(
                "the session has cost {} US dollars, its limit is {}",
                self.meter.spent_usd(),
                most.cost_usd
            ),
            LimitKind::Time => format!("the turn took longer than its {} s", self.spec.turn_seconds),
            LimitKind::Memory => {
                let used = self.meter.memory_bytes / 1_000_000;
                format!("the session's processes use {used} MB, the limit is {} MB", most.memory_mb)
            }
        };
        let field = match kind {
            LimitKind::Turns => "turns",
            LimitKind::Budget => "cost_usd",
            LimitKind::Time => "turn_seconds",
            LimitKind::Memory => "memory_mb",
        };
        let also = if kind.adds_up() { "" } else { "; `resume` or another input goes on as well" };
        format!("{what}; what is queued waits until `limits.{field}` is raised (`tenure config`){also}")
    }
}

impl Step<'_> {
    /// Cuts what is running.
    pub(super) fn hit(&mut self, kind: LimitKind) {
        let words = self.s.limit_words(kind);
        // A turn that a person interrupted first ends as interrupted.
        let cut = self.s.turn.as_mut().filter(|turn| turn.interrupting.is_none());
        if let Some(turn) = cut {
            turn.limit = Some(kind.word().to_owned());
            self.warn(REACHED, &words);
            if kind != LimitKind::Memory {
                self.cut_turn(kind);
            }
        }
        if kind == LimitKind::Memory {
            self.hold_by(kind);
            let _ = self.end_process(Ending::Suspend(SuspendedBy::Limit));
        }
    }

    /// Ends the turn: by asking the agent to, or, while it waits and nobody works on it, at once.
    fn cut_turn(&mut self, kind: LimitKind) {
        let works = self.s.process.as_ref().is_some_and(|process| process.ready);
        if works && !self.s.waits_for_reset() {
            self.interrupt_turn(QueueChoice::Keep);
        } else {
            self.requeue_steered();
            self.close_turn(Outcome::Limit, Some(kind.word().to_owned()), None, None);
        }
    }

    /// From now on nothing is started. Told once.
    fn hold_by(&mut self, kind: LimitKind) {
        if self.s.limit_reached.is_none() {
            let told = self.s.turn.as_ref().is_some_and(|turn| turn.limit.is_some());
            self.s.limit_reached = Some(kind);
            self.s.held_by_limit = true;
            if !told {
                let words = self.s.limit_words(kind);
                self.warn(REACHED, &words);
            }
        }
    }

    /// Whoever sent an input that has to wait is told so, each time.
    pub(super) fn tell_if_held(&mut self) {
        let Some(kind) = self.s.limit_reached.filter(|_| self.s.turn.is_none()) else { return };
        let told = |e: &NewEvent| matches!(&e.kind, Kind::WarningRaised(w) if w.code == REACHED);
        if !self.out.events.iter().any(told) {
            let words = self.s.limit_words(kind);
            self.warn(REACHED, &words);
        }
    }

    fn let_go(&mut self) {
        self.s.limit_reached = None;
        self.s.held_by_limit = false;
    }

    /// A person wants it to go on: whoever waits for another try has it.
    pub(super) fn try_after_limit(&mut self) {
        if self.s.limit_reached.is_none_or(|kind| !kind.adds_up()) {
            self.let_go();
        }
    }

    /// Whether what is queued has to wait for a limit to be raised.
    pub(super) fn is_held(&mut self) -> bool {
        let next = !self.s.queue.is_empty() && self.s.turn.is_none();
        let used_up = [LimitKind::Turns, LimitKind::Budget].into_iter().find(|kind| self.s.used_up(*kind));
        if let Some(kind) = used_up.filter(|_| next) {
            self.hold_by(kind);
        }
        self.s.held_by_limit
    }

    /// Why `resume` is of no use.
    pub(super) fn may_go_on(&self) -> Result<(), Problem> {
        match self.s.limit_reached.filter(|kind| kind.adds_up() && self.s.used_up(*kind)) {
            Some(kind) => {
                Err(Problem::new(ErrorCode::Conflict, self.s.limit_words(kind)).about(&self.s.spec.id))
            }
            None => Ok(()),
        }
    }

    /// Once a step is done: what is held by a limit has no process.
    pub(super) fn rest_at_limit(&mut self) {
        if !self.s.held_by_limit || self.s.turn.is_some() || self.s.ending.is_some() {
            return;
        }
        if self.s.process.is_some() {
            let _ = self.end_process(Ending::Suspend(SuspendedBy::Limit));
        } else if self.s.lifecycle == Lifecycle::Suspended && self.s.suspended_by != Some(SuspendedBy::Crash)
        {
            self.s.suspended_by = Some(SuspendedBy::Limit);
        }
    }

    /// A turn begins: what it costs counts from here.
    pub(super) fn meter_turn(&mut self) {
        let fresh = self.s.generation <= 1 && self.s.spec.resumes.is_none();
        let told = self.s.meter.told_usd.or(fresh.then_some(0.0));
        self.s.meter.told_before_usd = told;
    }

    /// The agent told what the session cost so far.
    pub(super) fn cost_told(&mut self, total_usd: f64) {
        if !total_usd.is_finite() || total_usd < 0.0 {
            return;
        }
        let running = self.s.turn.is_some();
        self.s.meter.told_usd = Some(total_usd);
        if !running || self.s.meter.told_before_usd.is_none() {
            self.s.meter.told_before_usd = Some(total_usd);
        }
        if running && self.s.used_up(LimitKind::Budget) && self.s.spent_too_much() {
            self.hit(LimitKind::Budget);
        }
    }

    /// A turn ended with this use. Tells which limit it ended by: one that cut it, or the budget, if it went over that.
    pub(super) fn settle_cost(&mut self, used: &Usage, outcome: Outcome) -> Option<LimitKind> {
        let meter = &mut self.s.meter;
        let running = meter.running_usd();
        let known = used.cost_usd.filter(|cost| cost.is_finite() && *cost >= 0.0);
        meter.settled_usd = round(meter.settled_usd + known.unwrap_or(running));
        meter.told_before_usd = meter.told_usd;
        if known.is_none() && running == 0.0 && used.tokens() > 0 && !meter.unknown {
            meter.unknown = true;
            self.warn_of_unknown_cost();
        }
        let over = outcome == Outcome::Completed && self.s.spent_too_much();
        over.then_some(LimitKind::Budget)
    }

    /// A limit that nobody can hold is named.
    fn warn_of_unknown_cost(&mut self) {
        if self.s.spec.ceilings.cost_usd > 0.0 {
            let what = format!(
                "{} used tokens and did not tell what they cost: the limit of {} US dollars covers only what is told",
                self.s.spec.agent, self.s.spec.ceilings.cost_usd
            );
            self.warn("cost_unknown", &what);
        }
    }

    /// A turn is over: whether what cut it, or the budget, holds the queue.
    pub(super) fn hold_after_turn(&mut self, cut: Option<&str>, began: Timestamp) {
        let time = self.s.spec.turn_seconds;
        match cut {
            Some("time") if time > 0 && self.now.at >= began.plus_seconds(time) => {
                self.hold_by(LimitKind::Time);
            }
            Some("turns") if self.s.used_up(LimitKind::Turns) => self.hold_by(LimitKind::Turns),
            _ => {}
        }
        if self.s.used_up(LimitKind::Budget) {
            self.hold_by(LimitKind::Budget);
        }
    }

    /// The owner measured all processes of the session.
    pub(super) fn measured(&mut self, bytes: u64) {
        let meter = &mut self.s.meter;
        if !meter.measuring {
            return;
        }
        (meter.measuring, meter.memory_bytes, meter.measured_at) = (false, bytes, Some(self.now.at));
        if self.s.ending.is_none() && self.s.uses_too_much() {
            self.hit(LimitKind::Memory);
        }
    }

    pub(super) fn measure(&mut self) {
        self.s.meter.measuring = true;
        self.out.acts.push(Act::Measure);
    }

    /// Sets limits. Tells what changed, and goes on if that was what the session waited for.
    pub(super) fn set_limits(&mut self, patch: LimitsPatch) {
        let spec = &mut self.s.spec;
        let before = (spec.ceilings, spec.turn_seconds);
        let differs = |given: Option<u64>, old: &mut u64| {
            let new = given.filter(|new| new != old)?;
            *old = new;
            Some(new)
        };
        let most = &mut spec.ceilings;
        let cost = patch.cost_usd.filter(|new| new.to_bits() != most.cost_usd.to_bits());
        most.cost_usd = cost.unwrap_or(most.cost_usd);
        let changed = LimitsChanged {
            turns: differs(patch.turns, &mut most.turns),
            cost_usd: cost,
            memory_mb: differs(patch.memory_mb, &mut most.memory_mb),
            turn_seconds: differs(patch.turn_seconds, &mut spec.turn_seconds),
            idle_seconds: differs(patch.idle_seconds, &mut spec.idle_seconds),
        };
        if changed == LimitsChanged::default() {
            return;
        }
        let by = "client".to_owned();
        self.emit_bare(Kind::ConfigChanged(ConfigChanged {
            limits: Some(changed),
            by,
            ..Default::default()
        }));
        let raised = |new: Option<u64>, old: u64| new.is_some_and(|new| new == 0 || new > old);
        let goes_on = match self.s.limit_reached {
            Some(kind @ (LimitKind::Turns | LimitKind::Budget)) => !self.s.used_up(kind),
            Some(LimitKind::Time) => raised(changed.turn_seconds, before.1),
            Some(LimitKind::Memory) => raised(changed.memory_mb, before.0.memory_mb),
            None => false,
        };
        if goes_on {
            self.go_on_after_limit();
        } else if self.s.turn.is_some() && self.s.spent_too_much() {
            self.hit(LimitKind::Budget);
        }
    }

    fn go_on_after_limit(&mut self) {
        self.let_go();
        if self.s.used_up(LimitKind::Budget) {
            return self.hold_by(LimitKind::Budget);
        }
        if !self.s.queue.is_empty() {
            self.wake();
            self.start_next();
        }
    }
}

impl State {
    fn spent_too_much(&self) -> bool {
        let most = self.spec.ceilings.cost_usd;
        most > 0.0 && self.meter.spent_usd() > most
    }

    fn uses_too_much(&self) -> bool {
        let most = self.spec.ceilings.memory_mb;
        most > 0 && self.meter.memory_bytes > most.saturating_mul(1_000_000)
    }
}

/// Whether limits can be kept.
///
/// # Errors
/// `invalid` with the field.
pub fn check_limits(limits: &LimitsPatch) -> Result<(), Problem> {
    for (field, given) in
        [("limits.turn_seconds", limits.turn_seconds), ("limits.idle_seconds", limits.idle_seconds)]
    {
        if given.is_some_and(|seconds| seconds > LONGEST) {
            return Err(Problem::invalid(field, format!("at most {LONGEST} seconds, ten years")));
        }
    }
    if limits.turns.is_some_and(|turns| turns > MOST) {
        return Err(Problem::invalid("limits.turns", format!("at most {MOST} turns")));
    }
    if limits.memory_mb.is_some_and(|mb| mb > MOST) {
        return Err(Problem::invalid("limits.memory_mb", format!("at most {MOST} megabytes")));
    }
    #[expect(clippy::cast_precision_loss, reason = "a round bound")]
    let fits = |usd: f64| (0.0..=MOST as f64).contains(&usd);
    if limits.cost_usd.is_some_and(|usd| !fits(usd)) {
        return Err(Problem::invalid("limits.cost_usd", format!("US dollars, from 0 to {MOST}")));
    }
    Ok(())
}
