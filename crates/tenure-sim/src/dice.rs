//! The one source of chance. The same seed throws the same dice.

/// Random numbers that a seed repeats.
#[derive(Debug, Clone)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `sides`; 0 if there are no sides.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0.usize(..sides.max(1))
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    /// One of some.
    pub(crate) fn pick<'a, T>(&mut self, some: &'a [T]) -> Option<&'a T> {
        some.get(self.roll(some.len()))
    }
}
