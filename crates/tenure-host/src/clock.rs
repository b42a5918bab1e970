//! The wall clock of this crate, read in one place. Durations are measured with
//! `std::time::Instant`, never with this.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the Unix epoch; 0 if the clock stands before it.
pub(crate) fn wall_ms() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}
