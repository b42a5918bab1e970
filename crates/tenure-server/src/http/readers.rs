//! What the edge reads from clients beside bodies, as functions of text: so that it can be fuzzed. No route uses it.

use http::{HeaderMap, HeaderValue};
use tenure_event::SessionId;

use super::{messages, sessions, stream};

/// The position that a header `Last-Event-ID` means. None: it is refused, or no header can say this.
#[must_use]
pub fn last_event_id(value: &[u8]) -> Option<u64> {
    let headers = HeaderMap::from_iter([(
        http::header::HeaderName::from_static("last-event-id"),
        HeaderValue::from_bytes(value).ok()?,
    )]);
    stream::position(&headers, None).ok().flatten()
}

/// A cursor of the list of sessions, read and written again.
#[must_use]
pub fn session_cursor(text: &str) -> Option<String> {
    sessions::read_cursor(text).ok().map(|(at, id)| sessions::cursor(at, &id))
}

/// A cursor of a session's messages, read and written again.
#[must_use]
pub fn message_cursor(text: &str, session: &SessionId) -> Option<String> {
    messages::read_cursor(text, session).ok().map(|at| messages::cursor(at, session))
}
