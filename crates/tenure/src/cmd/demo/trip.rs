//! The kill: watches what is shown, and ends the daemon with SIGKILL in the middle of a text.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::process::Signal;
use tenure_client::Followed;
use tenure_event::{EphemeralKind, Kind, TextKind};
use tenure_host::PidRef;

use crate::watch::Observer;

/// How much of a text is shown before the daemon is killed: more than any but the long one has.
const CHARS: u64 = 120;

/// What happened on the way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Numbers of the events as they were shown.
    pub(super) seqs: Vec<u64>,
    pub(super) killed: Option<Instant>,
    /// From the kill until the stream went on.
    pub(super) back_ms: Option<u64>,
    pub(super) asks: usize,
    /// Deltas after the daemon was back.
    pub(super) deltas_after: usize,
}

/// The daemon to be killed, and what was seen.
#[derive(Clone)]
pub(super) struct Trip {
    daemon: PidRef,
    seen: Arc<Mutex<Seen>>,
}

impl Trip {
    pub(super) fn new(daemon: PidRef) -> Self {
        Self { daemon, seen: Arc::default() }
    }

    pub(super) fn daemon_pid(&self) -> i32 {
        self.daemon.pid
    }

    pub(super) fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sees everything before it is shown.
    pub(super) fn observer(&self) -> Observer {
        let trip = self.clone();
        Box::new(move |item| trip.observe(item))
    }

    fn observe(&self, item: &Followed) -> Option<String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match item {
            Followed::Event(followed) => {
                seen.seqs.push(followed.event.seq.0);
                seen.asks += usize::from(matches!(followed.event.kind, Kind::AskOpened(_)));
            }
            Followed::Back => seen.back_ms = seen.killed.map(super::ms),
            Followed::Ephemeral(event) => {
                let EphemeralKind::MessageDelta(delta) = &event.kind else { return None };
                seen.deltas_after += usize::from(seen.back_ms.is_some());
                let far = delta.offset + delta.text.chars().count() as u64 > CHARS;
                if far && delta.kind == TextKind::Text && seen.killed.is_none() {
                    seen.killed = Some(Instant::now());
                    let pid = self.daemon.pid;
                    return Some(match self.daemon.signal(Signal::KILL) {
                        Ok(()) => {
                            format!("· kill -9 {pid}: the daemon is dead, in the middle of this sentence")
                        }
                        Err(error) => format!("· the daemon could not be killed: {error}"),
                    });
                }
            }
            _ => {}
        }
        None
    }
}
