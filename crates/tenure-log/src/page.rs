//! What a page of events is, for everything that serves one: the filter by type, the
//! limits, and which cursors are refused. Knows no store.

use crate::{EventPage, LogError, PageRequest, Rendered};
use tenure_event::Gseq;

/// Chooses events by the names of their kinds.
pub(crate) struct TypeFilter<'a>(pub(crate) &'a [String]);

impl TypeFilter<'_> {
    /// Whether all kinds pass.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether events of this kind pass.
    pub(crate) fn passes(&self, name: &str) -> bool {
        self.is_open()
            || self.0.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) if prefix.ends_with('.') => name.starts_with(prefix),
                _ => name == wanted,
            })
    }
}

/// Counts what a page holds.
pub(crate) struct Room {
    events: usize,
    bytes: usize,
    full: bool,
}

impl Room {
    pub(crate) fn new(request: &PageRequest) -> Self {
        Self { events: request.limit.max(1), bytes: request.max_bytes, full: false }
    }

    /// Takes room for an event of this size; false if the page is full without it.
    /// The first event always fits.
    pub(crate) fn take(&mut self, size: usize, first: bool) -> bool {
        if self.full || (!first && size > self.bytes) {
            self.full = true;
            return false;
        }
        self.bytes = self.bytes.saturating_sub(size);
        self.events -= 1;
        self.full = self.events == 0;
        true
    }

    /// Whether nothing more fits.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }
}

/// Refuses a cursor before what is kept (`base` is the last position that is gone) or beyond what there is.
pub(crate) fn check_cursor(after: u64, base: u64, last: u64) -> Result<(), LogError> {
    if after < base || after > last {
        return Err(LogError::CursorExpired { after, first: base + 1, last });
    }
    Ok(())
}

/// A page out of events in memory. They must be in order and begin after the cursor.
pub(crate) fn collect<'a>(
    events: impl Iterator<Item = &'a Rendered>,
    position: impl Fn(&Rendered) -> u64,
    request: &PageRequest,
    last: u64,
) -> EventPage {
    let filter = TypeFilter(&request.types);
    let mut room = Room::new(request);
    let mut page = EventPage { events: Vec::new(), scanned_to: request.after, last };
    for event in events {
        if filter.passes(&event.name) {
            if !room.take(event.bytes.len(), page.events.is_empty()) {
                return page;
            }
            page.events.push(event.clone());
        }
        page.scanned_to = position(event);
        if room.is_full() {
            return page;
        }
    }
    page.scanned_to = last;
    page
}

/// Position of an event in the node.
pub(crate) fn by_gseq(event: &Rendered) -> u64 {
    let Gseq(n) = event.gseq;
    n
}

/// Position of an event in its session.
pub(crate) fn by_seq(event: &Rendered) -> u64 {
    event.seq.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_is_not_there_is_told_from_one_that_is_gone() {
        let said = |after, base, last| check_cursor(after, base, last).unwrap_err().to_string();
        assert_eq!(said(9, 0, 4), "there is no position 9 in the log: it ends at 4");
        assert_eq!(said(1, 2, 4), "position 1 is not in the log any more: it begins after 2");
    }

    #[test]
    fn names_and_families_are_told_apart() {
        let wanted = ["turn.*".to_owned(), "ask.opened".to_owned(), "odd*".to_owned()];
        let filter = TypeFilter(&wanted);
        for (name, passes) in [
            ("turn.started", true),
            ("turn.", true),
            ("turnip.grew", false),
            ("ask.opened", true),
            ("ask.openedly", false),
            ("odder", false),
            ("odd*", true),
        ] {
            assert_eq!(filter.passes(name), passes, "{name}");
        }
        assert!(TypeFilter(&[]).passes("anything"));
    }
}
