//! The only place that reads the wall clock and makes random ids.

use tenure_event::Timestamp;
use uuid::Uuid;

/// The time now, in milliseconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub fn now() -> Timestamp {
    let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis());
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// A new id: a UUIDv7.
#[must_use]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// Randomness for one step of a machine.
#[must_use]
pub fn entropy() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

/// A new random UUID, where a program wants version 4.
#[must_use]
pub fn new_v4() -> Uuid {
    Uuid::new_v4()
}
