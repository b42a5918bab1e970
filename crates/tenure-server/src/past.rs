//! What a session has done, read from its log from the beginning. Waiting and following are in `http`.

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
    let types: Vec<String> = types.iter().map(|&name| name.to_owned()).collect();
    let mut after = 0;
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
        let parsed = page.events.iter().filter_map(|e| parse(&e.bytes));
        parsed.for_each(&mut each);
        if page.scanned_to >= page.last {
            return Ok(());
        }
        after = page.scanned_to;
    }
}

/// An event as it is stored.
pub(crate) fn parse(bytes: &[u8]) -> Option<Event> {
    Event::parse(std::str::from_utf8(bytes).ok()?).ok()
}
