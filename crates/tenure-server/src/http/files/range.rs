//! One range of bytes, as `Range` asks for it.

use http::header::{HeaderMap, IF_RANGE, RANGE};

/// What is to be sent of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From a byte, so many.
    Some {
        from: u64,
        bytes: u64,
    },
    /// Nothing of it is there.
    Beyond,
}

/// The part that a request asks for. What is no range of bytes, or several, means the whole, as the standard allows;
/// so does a range of another content (`If-Range`).
pub(super) fn asked(headers: &HeaderMap, length: u64, tag: Option<&str>) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(IF_RANGE).is_some_and(|wanted| Some(wanted) != tag) {
        return Part::Whole;
    }
    text(RANGE).and_then(|range| parse(range, length)).unwrap_or(Part::Whole)
}

fn parse(range: &str, length: u64) -> Option<Part> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (from, to) = match (first.trim(), last.trim()) {
        ("", last) => {
            let wanted = number(last)?;
            if wanted == 0 {
                return Some(Part::Beyond);
            }
            (length.saturating_sub(wanted), length.checked_sub(1))
        }
        (first, "") => (number(first)?, length.checked_sub(1)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, length.checked_sub(1).map(|end| end.min(last)))
        }
    };
    Some(match to {
        Some(to) if from <= to => Part::Some { from, bytes: to - from + 1 },
        _ => Part::Beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let some = |from, bytes| Some(Part::Some { from, bytes });
        for (range, length, part) in [
            ("bytes=0-0", 10, some(0, 1)),
            ("bytes=2-5", 10, some(2, 4)),
            ("bytes=8-99", 10, some(8, 2)),
            ("bytes=3-", 10, some(3, 7)),
            ("bytes=-4", 10, some(6, 4)),
            ("bytes=-40", 10, some(0, 10)),
            ("bytes=-0", 10, Some(Part::Beyond)),
            ("bytes=10-", 10, Some(Part::Beyond)),
            ("bytes=10-12", 10, Some(Part::Beyond)),
            ("bytes=0-", 0, Some(Part::Beyond)),
            ("bytes=-1", 0, Some(Part::Beyond)),
            ("bytes=5-2", 10, None),
            ("bytes=0-1,4-5", 10, None),
            ("bytes=x-", 10, None),
            ("bytes=-", 10, None),
            ("lines=0-1", 10, None),
            ("bytes=99999999999999999999-", 10, None),
            ("bytes=1-18446744073709551615", 10, some(1, 9)),
        ] {
            assert_eq!(parse(range, length), part, "{range} of {length}");
        }
    }
}
