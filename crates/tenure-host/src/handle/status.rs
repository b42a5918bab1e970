//! What the daemon knows of a shim.

use std::sync::Arc;

use super::attach::Lost;
use crate::protocol::{Progress, Refused, Welcome};
use crate::record::ExitRecord;

/// A shim's state, as last told. Its channel is closed after the last change: when
/// the agent is gone, or when the handle was dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShimStatus {
    /// The end of the last complete line in the spool.
    pub spool_end: u64,
    /// The highest command that the shim has in hand.
    pub acked: u64,
    /// The spool's quota is reached; the agent waits for a release.
    pub full: bool,
    /// The error number of the spool's last write; the agent waits until it passes.
    pub spool_error: Option<i32>,
    /// The agent's input is closed; commands no longer reach it.
    pub stdin_closed: bool,
    /// A command that the shim did not take.
    pub refused: Option<Refused>,
    /// How the agent ended. Nothing changes after this.
    pub exit: Option<Arc<ExitRecord>>,
    /// The shim ended without telling how the agent ended. Nothing changes after this.
    pub lost: Option<Arc<Lost>>,
    /// There is a connection to the shim right now.
    pub connected: bool,
}

impl ShimStatus {
    /// The agent is gone, one way or the other.
    pub fn is_over(&self) -> bool {
        self.exit.is_some() || self.lost.is_some()
    }

    pub(super) fn of(welcome: &Welcome) -> ShimStatus {
        ShimStatus {
            spool_end: welcome.spool_end,
            acked: welcome.applied,
            exit: welcome.exit.clone().map(Arc::new),
            connected: true,
            ..ShimStatus::default()
        }
    }

    pub(super) fn advance(&mut self, progress: Progress) {
        self.spool_end = self.spool_end.max(progress.spool_end);
        self.acked = self.acked.max(progress.applied);
        self.full = progress.full;
        self.spool_error = progress.spool_errno;
        self.stdin_closed = progress.stdin_closed;
    }

    pub(super) fn exited(&mut self, record: ExitRecord) {
        self.spool_end = self.spool_end.max(record.spool_end);
        self.acked = self.acked.max(record.applied);
        self.full = false;
        self.spool_error = None;
        self.stdin_closed = true;
        self.connected = false;
        self.exit = Some(Arc::new(record));
    }
}
