//! Insisting on an end. A shim that was told to end its agent does so within a time that is known; one that does not is
//! stopped, or hangs. It is woken first. If that does not help it is killed, and its agent with it: whoever asked for
//! the end does not wait for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::link::Link;
use crate::os::off_thread;
use crate::process::sweep;

/// How long an order may take to be heard. Then, and again after the same time, the shim is looked at.
const HEARD: Duration = Duration::from_secs(2);
/// How long a shim that is not stopped may take for a tree that hides, output that has nowhere to go, and its record.
const DONE: Duration = Duration::from_secs(20);

/// When somebody began to wait in vain, and how much may be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overdue {
    /// The order should be carried out by now.
    pub(super) at: Instant,
    /// A kill, by name: what the agent said last may be lost.
    pub(super) kill: bool,
}

impl Overdue {
    /// An order that comes now and takes so long by itself. Of several the earlier one counts.
    pub(super) fn after(before: Option<Overdue>, takes_ms: u64, kill: bool) -> Overdue {
        // A year is as good as never, and cannot overflow.
        let at = Instant::now() + Duration::from_millis(takes_ms.min(31_536_000_000)) + HEARD;
        let (earlier, killed) = before.map_or((at, kill), |b| (at.min(b.at), kill || b.kill));
        Overdue { at: earlier, kill: killed }
    }
}

impl Link {
    /// Watches over the orders to end. Never returns: the end of the shim is seen by its connection.
    pub(super) async fn insist(&self) {
        self.until_overdue().await;
        let hopeless = Instant::now() + DONE;
        let mut woken = false;
        loop {
            let shim = &self.identity.shim;
            match shim.is_stopped() {
                true if !woken => {
                    woken = true;
                    tracing::warn!(pid = shim.pid, "a shim that is to end its agent is stopped; waking it");
                    // If it is gone meanwhile, so much the better.
                    let _ = shim.signal(rustix::process::Signal::CONT);
                }
                false if Instant::now() < hopeless || self.saves_what_was_said() => {}
                _ => break,
            }
            sleep(HEARD).await;
        }
        let shim = self.identity.shim.clone();
        tracing::warn!(pid = shim.pid, "a shim does not end its agent; killing both");
        if let Err(error) = off_thread("insist", move || sweep(&[shim])).await {
            tracing::error!(%error, "a shim that does not end its agent cannot be killed");
        }
        std::future::pending().await
    }

    async fn until_overdue(&self) {
        loop {
            let overdue = self.outbox.overdue();
            let left = overdue.map_or(Duration::MAX, |o| o.at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            // Another order may be due earlier.
            let _ = timeout(left, self.outbox.ordered()).await;
        }
    }

    /// The agent's last words have nowhere to go for now. Only a kill does not wait for them.
    fn saves_what_was_said(&self) -> bool {
        self.status.borrow().spool_error.is_some() && !self.outbox.overdue().is_some_and(|o| o.kill)
    }
}
