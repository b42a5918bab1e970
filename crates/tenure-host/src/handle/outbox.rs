//! What is still to be said to a shim: commands until they are acknowledged, and
//! the latest of each request. Bounded; no task, no socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::insist::Overdue;
use crate::record::Ladder;

/// Unacknowledged bytes beyond which no further command is taken.
const BYTES_BOUND: usize = 64 << 20;
/// The same in commands.
const COUNT_BOUND: usize = 4096;

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The agent takes its input too slowly.
    #[error(
        "the agent takes its input too slowly; send command {n} again when an earlier one is acknowledged"
    )]
    Full {
        /// The command.
        n: u64,
    },
    /// An earlier command is missing.
    #[error("command {n} came before command {expected}")]
    Gap {
        /// The command.
        n: u64,
        /// The one that must come first.
        expected: u64,
    },
    /// The command is longer than a frame may be.
    #[error("command {n} has {len} bytes, more than {} are never sent", crate::protocol::MAX_COMMAND_BYTES - 8)]
    TooLarge {
        /// The command.
        n: u64,
        /// Its length.
        len: usize,
    },
    /// The agent is gone.
    #[error("the agent process is gone; command {n} cannot reach it")]
    Gone {
        /// The command.
        n: u64,
    },
}

/// Something to write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outgoing {
    Kill,
    Release(u64),
    Command(u64, Bytes),
    End(Ladder),
}

impl Outgoing {
    /// Somebody waits for it: it may break a connection that does not move.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self, Outgoing::Kill | Outgoing::End(_))
    }
}

#[derive(Debug, Default)]
struct State {
    /// Unacknowledged commands, in order and without a gap.
    commands: VecDeque<(u64, Bytes)>,
    bytes: usize,
    acked: u64,
    /// The highest command written on this connection.
    written: u64,
    release: u64,
    released: u64,
    ends: VecDeque<(u64, Ladder)>,
    kill: bool,
    /// Since when an order to end counts as not carried out.
    overdue: Option<Overdue>,
    gone: bool,
    closed: bool,
}

/// Shared by the handle and the task that keeps its connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    /// An order to end was given.
    order: Notify,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half-way, and the state would still be consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, n: u64, bytes: Bytes) -> Result<(), SendError> {
        let mut state = self.state();
        let expected = state.commands.back().map_or(state.acked, |(last, _)| *last) + 1;
        if n < expected {
            return Ok(());
        }
        if state.gone {
            return Err(SendError::Gone { n });
        }
        if n > expected {
            return Err(SendError::Gap { n, expected });
        }
        if bytes.len() > crate::protocol::MAX_COMMAND_BYTES - 8 {
            return Err(SendError::TooLarge { n, len: bytes.len() });
        }
        let over = state.bytes + bytes.len() > BYTES_BOUND || state.commands.len() >= COUNT_BOUND;
        if over && !state.commands.is_empty() {
            return Err(SendError::Full { n });
        }
        state.bytes += bytes.len();
        state.commands.push_back((n, bytes));
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    pub(super) fn release(&self, open: u64) {
        let mut state = self.state();
        state.release = state.release.max(open);
        drop(state);
        self.wake.notify_one();
    }

    /// The ladder starts once the commands handed over so far were written.
    pub(super) fn end(&self, ladder: Ladder) {
        let mut state = self.state();
        let after = state.commands.back().map_or(0, |(last, _)| *last);
        // The shim merges requests; more than a few at once say nothing new.
        if state.ends.len() >= 16 {
            state.ends.pop_front();
        }
        state.ends.push_back((after, ladder));
        let takes_ms = ladder.grace_ms.saturating_add(ladder.term_ms);
        state.overdue = Some(Overdue::after(state.overdue, takes_ms, false));
        drop(state);
        self.wake.notify_one();
        self.order.notify_one();
    }

    pub(super) fn kill(&self) {
        let mut state = self.state();
        state.kill = true;
        state.overdue = Some(Overdue::after(state.overdue, 0, true));
        drop(state);
        self.wake.notify_one();
        self.order.notify_one();
    }

    /// The handle was dropped.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// The agent is gone; nothing will be written any more.
    pub(super) fn set_gone(&self) {
        let mut state = self.state();
        state.gone = true;
        state.commands = VecDeque::new();
        state.bytes = 0;
    }

    /// A new connection: everything the shim does not have in hand is to be written.
    pub(super) fn restart(&self, applied: u64, open: u64) {
        self.acknowledge(applied);
        let mut state = self.state();
        state.written = state.acked;
        state.released = open;
    }

    pub(super) fn acknowledge(&self, n: u64) {
        let mut state = self.state();
        state.acked = state.acked.max(n);
        while state.commands.front().is_some_and(|(first, _)| *first <= n) {
            if let Some((_, bytes)) = state.commands.pop_front() {
                state.bytes -= bytes.len();
            }
        }
    }

    /// What comes next on the wire; it counts as unwritten until [`Outbox::written`].
    pub(super) fn peek(&self) -> Option<Outgoing> {
        let state = self.state();
        if state.kill {
            return Some(Outgoing::Kill);
        }
        if state.release > state.released {
            return Some(Outgoing::Release(state.release));
        }
        if let Some((after, ladder)) = state.ends.front()
            && state.written.max(state.acked) >= *after
        {
            return Some(Outgoing::End(*ladder));
        }
        let (first, _) = state.commands.front()?;
        let skip = (state.written + 1).saturating_sub(*first);
        let next = state.commands.get(usize::try_from(skip).ok()?)?;
        Some(Outgoing::Command(next.0, next.1.clone()))
    }

    /// Something urgent waits, behind whatever is being written.
    pub(super) fn has_urgent(&self) -> bool {
        let state = self.state();
        state.kill || !state.ends.is_empty()
    }

    pub(super) fn has_kill(&self) -> bool {
        self.state().kill
    }

    /// The urgent requests no longer wait for commands that cannot be written.
    pub(super) fn hurry(&self) {
        for (after, _) in &mut self.state().ends {
            *after = 0;
        }
    }

    pub(super) fn written(&self, what: &Outgoing) {
        let mut state = self.state();
        match what {
            Outgoing::Kill => state.kill = false,
            Outgoing::Release(open) => state.released = *open,
            Outgoing::Command(n, _) => state.written = *n,
            Outgoing::End(ladder) => {
                if state.ends.front().is_some_and(|(_, front)| front == ladder) {
                    state.ends.pop_front();
                }
            }
        }
    }

    /// When an end that was asked for counts as not carried out, if one was.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        self.state().overdue
    }

    /// Until an end is asked for.
    pub(super) async fn ordered(&self) {
        self.order.notified().await;
    }

    /// Until something is said to this outbox.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Ladder = Ladder { close_stdin: true, grace_ms: 1, term_ms: 1 };

    fn text(n: u64) -> Bytes {
        Bytes::from(format!("command {n}"))
    }

    fn outbox(count: u64) -> Outbox {
        let outbox = Outbox::default();
        for n in 1..=count {
            outbox.push(n, text(n)).expect("room");
        }
        outbox
    }

    /// Writes everything that is to be written.
    fn drain(outbox: &Outbox) -> Vec<Outgoing> {
        std::iter::from_fn(|| outbox.peek().inspect(|next| outbox.written(next))).collect()
    }

    #[test]
    fn commands_are_written_once_per_connection_until_acknowledged() {
        let outbox = outbox(4);
        let all: Vec<Outgoing> = (1..=4).map(|n| Outgoing::Command(n, text(n))).collect();
        assert_eq!(drain(&outbox), all);
        assert_eq!(drain(&outbox), []);
        outbox.acknowledge(1);
        // The connection broke; the shim had two of them.
        outbox.restart(2, 0);
        assert_eq!(drain(&outbox), all[2..]);
        assert_eq!(outbox.push(2, text(2)), Ok(()));
        assert_eq!(outbox.push(6, text(6)), Err(SendError::Gap { n: 6, expected: 5 }));
        outbox.set_gone();
        assert_eq!(outbox.push(5, text(5)), Err(SendError::Gone { n: 5 }));
    }

    #[test]
    fn an_end_waits_for_its_commands_and_a_kill_for_nothing() {
        let outbox = outbox(2);
        outbox.end(SOON);
        outbox.push(3, text(3)).expect("room");
        outbox.release(70);
        outbox.release(60);
        outbox.kill();
        let wanted = [
            Outgoing::Kill,
            Outgoing::Release(70),
            Outgoing::Command(1, text(1)),
            Outgoing::Command(2, text(2)),
            Outgoing::End(SOON),
            Outgoing::Command(3, text(3)),
        ];
        assert_eq!(drain(&outbox), wanted);
        outbox.end(SOON);
        outbox.restart(0, 100);
        outbox.hurry();
        assert_eq!(drain(&outbox)[0], Outgoing::End(SOON));
    }

    #[test]
    fn it_is_bounded_but_takes_one_command_of_any_length() {
        let outbox = Outbox::default();
        let long = Bytes::from(vec![0; BYTES_BOUND + 1]);
        assert_eq!(outbox.push(1, long), Ok(()));
        assert_eq!(outbox.push(2, text(2)), Err(SendError::Full { n: 2 }));
        outbox.acknowledge(1);
        for n in 2..COUNT_BOUND as u64 + 2 {
            assert_eq!(outbox.push(n, Bytes::new()), Ok(()));
        }
        let n = COUNT_BOUND as u64 + 2;
        assert_eq!(outbox.push(n, Bytes::new()), Err(SendError::Full { n }));
        let outbox = Outbox::default();
        let len = crate::protocol::MAX_COMMAND_BYTES - 7;
        assert_eq!(outbox.push(1, Bytes::from(vec![0; len])), Err(SendError::TooLarge { n: 1, len }));
    }
}
