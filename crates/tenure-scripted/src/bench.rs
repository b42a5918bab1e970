//! The marks that the `bench` step leaves in its updates, for whoever measures how long they travelled.

use std::fmt;

/// `bench INDEX t=NANOSECONDS`: the update's place among all of its step, counted from 0, and the monotonic clock when
/// it was made. Compare with [`monotonic_ns`](crate::monotonic_ns).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchMark {
    /// Counted from 0 in each `bench` step.
    pub index: u64,
    /// Nanoseconds of the monotonic clock of this machine.
    pub sent_ns: u64,
}

impl fmt::Display for BenchMark {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "bench {} t={}", self.index, self.sent_ns)
    }
}

impl BenchMark {
    /// The first mark in a text, which may be a whole event as JSON.
    pub fn find(text: &str) -> Option<Self> {
        text.match_indices("bench ").find_map(|(at, word)| Self::parse(&text[at + word.len()..]))
    }

    fn parse(text: &str) -> Option<Self> {
        let (index, rest) = text.split_once(" t=")?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Self { index: index.parse().ok()?, sent_ns: rest[..end].parse().ok()? })
    }
}

/// Appends `head`, as many x as make the line `bytes` long, and `tail`.
pub(crate) fn fill_line(line: &mut Vec<u8>, head: &str, tail: &str, bytes: usize) {
    line.extend_from_slice(head.as_bytes());
    let fill = bytes.saturating_sub(head.len() + tail.len());
    line.extend(std::iter::repeat_n(b'x', fill));
    line.extend_from_slice(tail.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_any_text() {
        let mark = BenchMark { index: 12, sent_ns: 345 };
        assert_eq!(BenchMark::find(&format!("{{\"title\":\"bench x, {mark} xxx\"}}")), Some(mark));
        for text in ["", "bench ", "bench 1", "bench 1 t=", "bench one t=2"] {
            assert_eq!(BenchMark::find(text), None, "{text}");
        }
    }
}
