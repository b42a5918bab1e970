//! Chance that can be repeated: numbers, ids and texts from a seed.

/// Random numbers that a seed repeats.
#[derive(Debug, Clone)]
pub(crate) struct Dice(fastrand::Rng);

const WORDS: [&str; 40] = [
    "the", "index", "reader", "writes", "a", "line", "and", "then", "parser", "fails", "on", "empty",
    "input", "so", "we", "should", "check", "queue", "before", "taking", "lock", "tests", "pass", "now",
    "with", "cache", "module", "rename", "function", "return", "value", "error", "handle", "socket",
    "closes", "after", "timeout", "größe", "naïve", "日本",
];

impl Dice {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut of_seed = fastrand::Rng::with_seed(seed);
        Self(fastrand::Rng::with_seed(of_seed.u64(..) ^ number))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// Below `n`; 0 if that is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.usize(..n.max(1))
    }

    /// Once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 48) & 0x3fff,
            b & 0xffff_ffff_ffff
        )
    }

    /// A short id with a prefix.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.next())
    }

    /// About `len` bytes of text.
    pub(crate) fn text(&mut self, len: usize) -> String {
        let mut text = String::with_capacity(len + 16);
        while text.len() < len {
            text.push_str(WORDS[self.below(WORDS.len())]);
            text.push(if self.once_in(12) { '\n' } else { ' ' });
        }
        text
    }
}
