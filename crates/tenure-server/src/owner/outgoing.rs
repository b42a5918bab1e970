//! Stored commands on their way to a shim, in order and each with its number. Not the shim, and not what becomes of a
//! command that can never be sent: that is told as work.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use tenure_core::agent::AgentError;
use tenure_crash_point::crash_point;
use tenure_host::SendError;
use tenure_log::OutboxRow;

/// Hands over what waits for this process, as far as it is taken; what waits for an earlier one goes. `fill_in` makes a
/// stored command what the agent is to read. Those in `held` cannot be told, and stop what is behind them until it is stored
/// what became of them. Gives back one that is too large, with its length: an empty one goes out in its place, in its turn.
pub(super) fn hand_over(
    waiting: &mut VecDeque<OutboxRow>,
    generation: u32,
    held: &BTreeSet<(u32, u64)>,
    fill_in: impl Fn(&Bytes) -> Bytes,
    send: impl Fn(u64, Bytes) -> Result<(), SendError>,
) -> Option<(u64, usize)> {
    while let Some(row) = waiting.front_mut() {
        crash_point!("command.before");
        if row.generation == generation {
            if held.contains(&(generation, row.n)) {
                break;
            }
            match send(row.n, fill_in(&row.bytes)) {
                Ok(()) => {}
                Err(SendError::TooLarge { n, len }) => {
                    row.bytes = Bytes::new();
                    return Some((n, len));
                }
                Err(_) => break,
            }
        }
        waiting.pop_front();
        crash_point!("command.after");
    }
    None
}

/// Why a command of so many bytes cannot be told.
pub(super) fn too_large(len: usize) -> AgentError {
    let message = format!(
        "the agent cannot be told {len} bytes at once; send less, or put it into a file and name the file"
    );
    AgentError { code: "too_large".to_owned(), message, data: None }
}

/// Why a command without words cannot be told.
pub(super) fn wordless(why: String) -> AgentError {
    AgentError { code: "unsupported".to_owned(), message: why, data: None }
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

    fn same(bytes: &Bytes) -> Bytes {
        bytes.clone()
    }

    #[test]
    fn one_that_is_too_large_keeps_what_is_behind_it_until_that_is_stored() {
        let shim = Narrow::with_room(9);
        let mut waiting = rows(&[(1, 7, "old"), (2, 1, "one"), (2, 2, "much too long"), (2, 3, "three")]);
        let mut held = BTreeSet::new();
        let mut go =
            |held: &BTreeSet<_>| hand_over(&mut waiting, 2, held, same, |n, bytes| shim.send(n, bytes));
        assert_eq!((go(&held), shim.sent()), (Some((2, 13)), vec![(1, Bytes::from("one"))]));
        held.insert((2, 2));
        assert_eq!((go(&held), shim.sent()), (None, vec![]));
        held.clear();
        let rest = [(2, ""), (3, "three")].map(|(n, text)| (n, Bytes::from(text)));
        assert_eq!((go(&held), shim.sent()), (None, rest.to_vec()));
    }

    #[test]
    fn what_becomes_too_large_by_its_secrets_counts_as_it_is_sent() {
        let shim = Narrow::with_room(9);
        let mut waiting = rows(&[(2, 1, "<mark>")]);
        let fill_in = |_: &Bytes| Bytes::from_static(b"a long secret");
        let none = BTreeSet::new();
        let told = hand_over(&mut waiting, 2, &none, fill_in, |n, bytes| shim.send(n, bytes));
        assert_eq!((told, shim.sent(), waiting.len()), (Some((1, 13)), vec![], 1));
    }

    #[test]
    fn what_finds_no_room_waits() {
        let shim = Narrow::with_room(1);
        let mut waiting = rows(&[(2, 1, "one"), (2, 2, "two")]);
        let none = BTreeSet::new();
        let mut go = || hand_over(&mut waiting, 2, &none, same, |n, bytes| shim.send(n, bytes));
        assert_eq!((go(), shim.sent()), (None, vec![(1, Bytes::from_static(b"one"))]));
        assert_eq!((go(), shim.sent()), (None, vec![(2, Bytes::from_static(b"two"))]));
    }
}
