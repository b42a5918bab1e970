//! Random numbers that a seed repeats. What they are used for is the callers' business; they are no good for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A source of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A source of its own, for another thread.
    pub(super) fn child(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// 0 to `n` - 1; 0 for 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0.u64(..n.max(1))
    }

    /// Both ends are included.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time between two numbers of milliseconds, with microseconds.
    pub(super) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(self.between(from * 1000, to * 1000))
    }

    /// Puts them into any order.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        self.0.shuffle(all);
    }

    /// One of them; there must be one.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).unwrap_or(0))
    }
}

/// A seed for a run that names none.
pub(crate) fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000
}
