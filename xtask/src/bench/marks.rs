//! What can be told from an event: the agent's mark (`bench INDEX t=NANOSECONDS`), and the event's number.

use super::daemon::monotonic_ns;

/// A mark of the built-in agent in its fast mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Counted from 0 in each prompt.
    pub(super) index: u64,
    /// The monotonic clock when the line was made: it tells one prompt's marks from another's.
    pub(super) sent_ns: u64,
}

impl Mark {
    /// The first mark in an event.
    pub(super) fn find(data: &[u8]) -> Option<Self> {
        let rest = &data[memchr::memmem::find(data, b"bench ")? + 6..];
        let (index, rest) = number(rest)?;
        let (sent_ns, _) = number(rest.strip_prefix(b" t=")?)?;
        Some(Self { index, sent_ns })
    }

    /// How long it has travelled.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(super) fn travelled_ms(self) -> f64 {
        monotonic_ns().saturating_sub(self.sent_ns) as f64 / 1e6
    }
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit())?;
    let digits = std::str::from_utf8(&text[..end]).ok()?;
    Some((digits.parse().ok()?, &text[end..]))
}

/// The number of an event of Tenure's in its session; 0 if it has none.
pub(super) fn seq_of(data: &[u8]) -> u64 {
    let head = &data[..data.len().min(300)];
    let Some(at) = memchr::memmem::find(head, b"\"seq\":") else { return 0 };
    number(&head[at + 6..]).map_or(0, |(seq, _)| seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_numbers_are_found() {
        let event = br#"{"session_id":"s","seq":41,"gseq":7,"data":{"title":"bench 12 t=345 xxx"}}"#;
        assert_eq!(Mark::find(event), Some(Mark { index: 12, sent_ns: 345 }));
        assert_eq!(seq_of(event), 41);
        assert_eq!((Mark::find(b"{\"title\":\"bench x\"}"), seq_of(b"{}")), (None, 0));
    }
}
