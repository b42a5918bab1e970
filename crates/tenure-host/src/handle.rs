//! The daemon's side of a shim: starting one, finding one again, and the handle
//! through which an agent is fed, followed and ended.
//!
//! A [`Shim`] owns a background task that keeps the connection. Dropping the handle
//! ends the task and nothing else: the shim and its agent go on.

mod attach;
mod insist;
mod launch;
mod link;
mod outbox;
mod status;

pub use attach::{AttachError, Attached, Lost, attach};
pub(crate) use launch::reap;
pub use launch::{LaunchError, LaunchSpec, launch};
pub use outbox::SendError;
pub use status::ShimStatus;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::os::off_thread;
use crate::record::{Ladder, ShimIdentity};
use crate::shim::stderr_tail;
use outbox::Outbox;

/// A shim that was started or found again.
#[derive(Debug)]
pub struct Shim {
    dir: PathBuf,
    identity: Arc<ShimIdentity>,
    applied: u64,
    outbox: Arc<Outbox>,
    status: watch::Receiver<ShimStatus>,
}

impl Shim {
    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Who runs.
    pub fn identity(&self) -> &ShimIdentity {
        &self.identity
    }

    /// The highest command that had been applied when this handle was made: later
    /// ones are to be sent again.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Hands over command `n`. Commands are numbered from 1 without a gap; one that
    /// is already acknowledged or already handed over is taken as done. It is kept
    /// until the shim acknowledged it, over any number of reconnects.
    ///
    /// # Errors
    /// [`SendError::Full`] if the agent takes its input too slowly: try again when
    /// [`ShimStatus::acked`] has moved.
    pub fn try_send(&self, n: u64, bytes: Bytes) -> Result<(), SendError> {
        self.outbox.push(n, bytes)
    }

    /// The state as far as it is known; wakes whenever it changes.
    pub fn status(&self) -> watch::Receiver<ShimStatus> {
        self.status.clone()
    }

    /// Spool bytes before `open` are no longer needed. Whole segments before it are
    /// deleted, but for the last 16 MB of the spool, and an agent that waited for
    /// room goes on.
    pub fn release(&self, open: u64) {
        self.outbox.release(open);
    }

    /// Ends the agent by the ladder, after the commands handed over so far. Of
    /// several requests the earlier step holds.
    pub fn end(&self, ladder: Ladder) {
        self.outbox.end(ladder);
    }

    /// Kills the whole tree at once, overtaking everything.
    pub fn kill(&self) {
        self.outbox.kill();
    }

    /// The end of the agent's standard error, at most 64 KB. Works also when the
    /// shim is gone.
    pub async fn stderr_tail(&self) -> Vec<u8> {
        let dir = self.dir.clone();
        off_thread("stderr", move || stderr_tail(&dir, 64 * 1024)).await.unwrap_or_default()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.outbox.close();
    }
}
