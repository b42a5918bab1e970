//! When to do what on the way to the agent's end. Only times: the loop acts.

use std::time::{Duration, Instant};

use crate::record::{Forced, Ladder};

/// A grandchild may hold the agent's output open for ever; its end is awaited
/// no longer than this after the agent's.
const DRAIN: Duration = Duration::from_millis(200);
/// How long a spool that cannot be written is tried after the agent's end.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The same after a kill was asked for: somebody waits.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);
/// How long a daemon may take to fetch the last frame.
const LINGER: Duration = Duration::from_secs(1);

/// The steps still ahead of a running agent.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    term_at: Option<Instant>,
    kill_at: Option<Instant>,
    pub(crate) forced: Forced,
    /// A kill was asked for by name.
    pub(crate) hurried: bool,
}

/// A step that is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Term,
    Kill,
}

impl Steps {
    /// A further request: of each step the earlier time holds.
    pub(crate) fn ask(&mut self, now: Instant, ladder: &Ladder) {
        // A year is as good as never, and cannot overflow.
        let wait = |ms: u64| Duration::from_millis(ms.min(31_536_000_000));
        let term = now + wait(ladder.grace_ms);
        self.term_at = Some(self.term_at.map_or(term, |at| at.min(term)));
        self.kill_by(term + wait(ladder.term_ms));
    }

    pub(crate) fn kill_now(&mut self, now: Instant) {
        self.hurried = true;
        // Also a second time: the first may have been in vain.
        self.kill_at = Some(now);
    }

    fn kill_by(&mut self, at: Instant) {
        if self.forced != Forced::Kill {
            self.kill_at = Some(self.kill_at.map_or(at, |old| old.min(at)));
        }
    }

    /// The step that is due now; each comes once.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Step> {
        if self.kill_at.is_some_and(|at| at <= now) {
            *self = Steps { forced: Forced::Kill, hurried: self.hurried, ..Steps::default() };
            return Some(Step::Kill);
        }
        if self.term_at.is_some_and(|at| at <= now) && self.forced == Forced::None {
            self.term_at = None;
            self.forced = Forced::Term;
            return Some(Step::Term);
        }
        None
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        let term = self.term_at.filter(|_| self.forced == Forced::None);
        [term, self.kill_at].into_iter().flatten().min()
    }
}

/// How far the shim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The agent runs.
    Running,
    /// The agent ended; its output is awaited until then.
    Draining(Instant),
    /// What is left of the tree is killed.
    Clearing,
    /// The rest of the output is brought to the spool, until then at most.
    Finishing(Instant),
    /// The exit is being recorded: next try, last try.
    Recording(Instant, Instant),
    /// The exit is recorded; the daemon may fetch it until then.
    Lingering(Instant),
    /// Nothing is left to do.
    Over,
}

impl Phase {
    pub(crate) fn draining(now: Instant) -> Phase {
        Phase::Draining(now + DRAIN)
    }

    pub(crate) fn finishing(now: Instant) -> Phase {
        Phase::Finishing(now + PATIENCE)
    }

    pub(crate) fn recording(now: Instant, last: Instant) -> Phase {
        Phase::Recording(now, last)
    }

    pub(crate) fn lingering(now: Instant) -> Phase {
        Phase::Lingering(now + LINGER)
    }

    /// Somebody waits for the end: long patience becomes short.
    pub(crate) fn hurry(&mut self, now: Instant) {
        let short = now + SHORT_PATIENCE;
        match self {
            Phase::Finishing(until) | Phase::Recording(_, until) => *until = short.min(*until),
            _ => {}
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        match self {
            Phase::Draining(at) | Phase::Finishing(at) | Phase::Recording(at, _) | Phase::Lingering(at) => {
                Some(*at)
            }
            Phase::Running | Phase::Clearing | Phase::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(grace_ms: u64, term_ms: u64) -> Ladder {
        Ladder { close_stdin: false, grace_ms, term_ms }
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn each_step_comes_once_and_in_its_time() {
        let start = Instant::now();
        let mut steps = Steps::default();
        assert_eq!((steps.due(start), steps.next()), (None, None));
        steps.ask(start, &ladder(100, 50));
        assert_eq!((steps.due(after(start, 99)), steps.next()), (None, Some(after(start, 100))));
        assert_eq!((steps.due(after(start, 100)), steps.forced), (Some(Step::Term), Forced::Term));
        assert_eq!((steps.due(after(start, 149)), steps.next()), (None, Some(after(start, 150))));
        assert_eq!((steps.due(after(start, 150)), steps.forced), (Some(Step::Kill), Forced::Kill));
        assert_eq!((steps.due(after(start, 9999)), steps.next()), (None, None));
    }

    #[test]
    fn the_earlier_time_holds_of_each_step() {
        let start = Instant::now();
        let mut steps = Steps::default();
        steps.ask(start, &ladder(1000, 1000));
        steps.ask(start, &ladder(10, 5000));
        assert_eq!(steps.due(after(start, 10)), Some(Step::Term));
        assert_eq!(steps.next(), Some(after(start, 2000)));
        steps.ask(after(start, 20), &Ladder::CLOSE_INPUT);
        assert_eq!(steps.next(), Some(after(start, 2000)));
        steps.kill_now(after(start, 30));
        assert_eq!(steps.due(after(start, 30)), Some(Step::Kill));
        // A ladder after a kill changes nothing; a second kill is a second kill.
        steps.ask(after(start, 40), &ladder(0, 0));
        assert_eq!(steps.due(after(start, 50)), None);
        steps.kill_now(after(start, 60));
        assert_eq!(steps.due(after(start, 60)), Some(Step::Kill));
    }

    #[test]
    fn a_hurry_only_shortens() {
        let now = Instant::now();
        let mut phase = Phase::finishing(now);
        phase.hurry(now);
        assert_eq!(phase, Phase::Finishing(now + SHORT_PATIENCE));
        phase.hurry(now + SHORT_PATIENCE);
        assert_eq!(phase, Phase::Finishing(now + SHORT_PATIENCE));
    }
}
