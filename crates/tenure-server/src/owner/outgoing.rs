//! Stored commands on their way to a shim, in order and each with its number. Not the shim, and not what becomes of a
//! command that can never be sent: that is told as work.

use std::collections::VecDeque;

use bytes::Bytes;
use tenure_crash_point::crash_point;
use tenure_host::SendError;
use tenure_log::OutboxRow;

use super::mail::Work;

/// Hands over what waits for this process, as far as it is taken; what waits for an earlier one goes. `fill_in` makes a
/// stored command what the agent is to read. Gives back those that were too large, in whose place empty ones went.
pub(super) fn hand_over(
    waiting: &mut VecDeque<OutboxRow>,
    generation: u32,
    fill_in: impl Fn(&Bytes) -> Bytes,
    send: impl Fn(u64, Bytes) -> Result<(), SendError>,
) -> Vec<Work> {
    let mut too_large = Vec::new();
    while let Some(row) = waiting.front() {
        crash_point!("command.before");
        if row.generation == generation {
            match send(row.n, fill_in(&row.bytes)) {
                Ok(()) => {}
                Err(SendError::TooLarge { n, len }) => {
                    // Its number must be used all the same, and what comes after it must go out.
                    if send(n, Bytes::new()).is_err() {
                        break;
                    }
                    too_large.push(Work::TooLarge { generation, n, len });
                }
                Err(_) => break,
            }
        }
        waiting.pop_front();
        crash_point!("command.after");
    }
    too_large
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Takes so many commands, of eight bytes at most.
    struct Narrow {
        room: usize,
        sent: RefCell<Vec<(u64, Bytes)>>,
    }

    impl Narrow {
        fn with_room(room: usize) -> Self {
            Self { room, sent: RefCell::default() }
        }

        fn send(&self, n: u64, bytes: Bytes) -> Result<(), SendError> {
            if bytes.len() > 8 {
                return Err(SendError::TooLarge { n, len: bytes.len() });
            }
            if self.sent.borrow().len() == self.room {
                return Err(SendError::Full { n });
            }
            self.sent.borrow_mut().push((n, bytes));
            Ok(())
        }

        /// What came since the last time; there is room again.
        fn sent(&self) -> Vec<(u64, Bytes)> {
            self.sent.take()
        }
    }

    fn rows(rows: &[(u32, u64, &'static str)]) -> VecDeque<OutboxRow> {
        let row = |(generation, n, text): &(u32, u64, &'static str)| OutboxRow {
            generation: *generation,
            n: *n,
            bytes: Bytes::from_static(text.as_bytes()),
        };
        rows.iter().map(row).collect()
    }

    fn told(work: &[Work]) -> Vec<(u64, usize)> {
        let of = |work: &Work| match work {
            Work::TooLarge { generation: 2, n, len } => (*n, *len),
            _ => panic!("something else"),
        };
        work.iter().map(of).collect()
    }

    fn same(bytes: &Bytes) -> Bytes {
        bytes.clone()
    }

    #[test]
    fn one_that_is_too_large_keeps_nobody_behind_it() {
        let shim = Narrow::with_room(9);
        let mut waiting = rows(&[(1, 7, "old"), (2, 1, "one"), (2, 2, "much too long"), (2, 3, "three")]);
        let work = hand_over(&mut waiting, 2, same, |n, bytes| shim.send(n, bytes));
        assert_eq!(told(&work), [(2, 13)]);
        let all = [(1, "one"), (2, ""), (3, "three")].map(|(n, text)| (n, Bytes::from(text)));
        assert_eq!((shim.sent(), waiting.len()), (all.to_vec(), 0));
    }

    #[test]
    fn what_becomes_too_large_by_its_secrets_counts_as_it_is_sent() {
        let shim = Narrow::with_room(9);
        let mut waiting = rows(&[(2, 1, "<mark>")]);
        let fill_in = |_: &Bytes| Bytes::from_static(b"a long secret");
        let work = hand_over(&mut waiting, 2, fill_in, |n, bytes| shim.send(n, bytes));
        assert_eq!((told(&work), shim.sent()), (vec![(1, 13)], vec![(1, Bytes::new())]));
    }

    #[test]
    fn what_finds_no_room_waits_and_is_told_once() {
        let shim = Narrow::with_room(1);
        let mut waiting = rows(&[(2, 1, "one"), (2, 2, "much too long"), (2, 3, "three")]);
        let mut go = || told(&hand_over(&mut waiting, 2, same, |n, bytes| shim.send(n, bytes)));
        assert_eq!((go(), shim.sent().len()), (vec![], 1));
        assert_eq!((go(), shim.sent().len()), (vec![(2, 13)], 1), "its empty place found room now");
        assert_eq!((go(), shim.sent()), (vec![], vec![(3, Bytes::from_static(b"three"))]));
    }
}
