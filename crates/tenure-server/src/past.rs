//! What a session has done, read from its log from the beginning. Waiting and following are in `http`.

use std::ops::ControlFlow;

use tenure_event::{Event, SessionId};
use tenure_log::{EventLog, LogError, PageRequest, SqliteLog};

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
    let types: Vec<String> = types.iter().map(|&name| name.to_owned()).collect();
    loop {
        let request = PageRequest { after, limit: 1000, max_bytes: PAGE_BYTES, types: types.clone() };
        let page = match log.read(id, request).await {
            // What was before is not kept; the rest is.
            Err(LogError::CursorExpired { first, .. }) if first > after + 1 => {
                after = first - 1;
                continue;
            }
            page => page?,
        };
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

/// An event as it is stored.
pub(crate) fn parse(bytes: &[u8]) -> Option<Event> {
    Event::parse(std::str::from_utf8(bytes).ok()?).ok()
}
