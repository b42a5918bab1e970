//! The number of a piece: its time above, something of its own below. So the order of numbers is the order of time, and
//! a span of time is a span of numbers.

use tenure_event::Timestamp;

use crate::schema::LOW_BITS;

/// Milliseconds that fit: up to the year 2248. What lies outside is moved to the end it is nearer to.
const LAST_MS: i64 = (1 << 43) - 1;

/// The first number of a time.
pub(crate) fn first(ts: Timestamp) -> i64 {
    ts.as_millis().clamp(0, LAST_MS) << LOW_BITS
}

/// The time of a number.
pub(crate) fn time(id: i64) -> Timestamp {
    Timestamp::from_millis(id >> LOW_BITS)
}

/// A number for the `n`-th piece of a conversation at a time; another try leads to another number.
pub(crate) fn number(ts: Timestamp, conversation: i64, n: u64, attempt: u64) -> i64 {
    let spread = (conversation as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44;
    let low = spread.wrapping_add(n).wrapping_add(attempt) & ((1 << LOW_BITS) - 1);
    first(ts) | low as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_time_whatever_the_clock_said() {
        let times = [i64::MIN, -1, 0, 1, 1_795_139_670_306, 1_795_139_670_307, LAST_MS, i64::MAX];
        let numbers: Vec<i64> =
            times.iter().map(|ms| number(Timestamp::from_millis(*ms), 7, 1 << 19, 0)).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        assert!(numbers.iter().all(|number| *number >= 0));
        assert_eq!(time(numbers[4]).as_millis(), times[4]);
        assert!(numbers[4] < first(Timestamp::from_millis(times[5])));
    }
}
