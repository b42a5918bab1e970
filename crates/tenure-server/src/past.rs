//! What a session has done, read from its log from the beginning. Waiting and following are in `http`.

use std::ops::ControlFlow;

use tenure_event::{Event, SessionId};
use tenure_log::{EventLog, EventPage, LogError, PageRequest, SqliteLog};

/// Bytes of events that are held at once.
const PAGE_BYTES: usize = 256 << 10;

/// Reads a session's events of some kinds, oldest first.
pub(crate) async fn events(
    log: &SqliteLog,
    id: &SessionId,
    types: &[&str],
    mut each: impl FnMut(Event),
) -> Result<(), LogError> {
    let all = |event| {
        each(event);
        ControlFlow::Continue(())
    };
    events_after(log, id, 0, types, all).await.map(|_| ())
}

/// Reads them from behind a position on, until there are no more or `each` breaks; gives where to go on.
pub(crate) async fn events_after(
    log: &SqliteLog,
    id: &SessionId,
    mut after: u64,
    types: &[&str],
    mut each: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<u64, LogError> {
    loop {
        let page = page(log, id, after, types).await?;
        for event in page.events.iter().filter_map(|e| parse(&e.bytes)) {
            let seq = event.seq.0;
            if each(event).is_break() {
                return Ok(seq);
            }
        }
        after = page.scanned_to;
        if after >= page.last {
            return Ok(after);
        }
    }
}

/// A session's next events of some kinds (all, if none is named) behind a position. What was before is not kept of a
/// destroyed session: it is passed over.
pub(crate) async fn page(
    log: &impl EventLog,
    id: &SessionId,
    after: u64,
    types: &[&str],
) -> Result<EventPage, LogError> {
    let types = types.iter().map(|&name| name.to_owned()).collect();
    let request = PageRequest { after, limit: 1000, max_bytes: PAGE_BYTES, types };
    match log.read(id, request).await {
        Err(LogError::CursorExpired { first, last, .. }) if first > after + 1 => {
            Ok(EventPage { events: Vec::new(), scanned_to: first - 1, last })
        }
        page => page,
    }
}

/// An event as it is stored.
pub(crate) fn parse(bytes: &[u8]) -> Option<Event> {
    Event::parse(std::str::from_utf8(bytes).ok()?).ok()
}
