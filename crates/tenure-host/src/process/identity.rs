//! A process named so that a reused pid is never mistaken for it.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::stat;

/// A process: pid, start time and the boot in which both hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PidRef {
    /// The process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot (`/proc/PID/stat`, field 22).
    pub start_time: u64,
    /// The kernel's boot id at that time.
    pub boot_id: String,
}

/// Why a signal was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// The process that was meant is gone (its pid may be in use by another).
    #[error("process {pid} is gone")]
    Gone {
        /// The pid that the process had.
        pid: i32,
    },
    /// The kernel refused.
    #[error("cannot signal process {pid}: {source}")]
    Refused {
        /// The process.
        pid: i32,
        /// The kernel's answer.
        source: std::io::Error,
    },
}

impl PidRef {
    /// The process that has this pid now, or none.
    pub fn of(pid: i32) -> Option<PidRef> {
        let stat = stat::read(pid)?;
        Some(PidRef { pid, start_time: stat.start_time, boot_id: boot_id().to_owned() })
    }

    /// This process.
    pub fn own() -> Option<PidRef> {
        PidRef::of(rustix::process::getpid().as_raw_nonzero().get())
    }

    /// Whether exactly this process still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        self.boot_id == boot_id()
            && stat::read(self.pid).is_some_and(|s| s.start_time == self.start_time && !s.is_dead())
    }

    /// Whether a signal has stopped it (`SIGSTOP`, or a debugger). False if it is gone.
    pub fn is_stopped(&self) -> bool {
        stat::read(self.pid)
            .is_some_and(|s| s.start_time == self.start_time && matches!(s.state, b'T' | b't'))
    }

    /// Lets a stopped process go on. True if it was stopped.
    pub fn wake(&self) -> bool {
        self.is_stopped() && self.signal(Signal::CONT).is_ok()
    }

    /// Sends a signal to exactly this process.
    ///
    /// # Errors
    /// [`SignalError::Gone`] if the process ended, also if its pid was reused.
    pub fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        let fd = self.pidfd().ok_or(SignalError::Gone { pid: self.pid })?;
        pidfd_send_signal(&fd, signal).map_err(|errno| match errno {
            rustix::io::Errno::SRCH => SignalError::Gone { pid: self.pid },
            other => SignalError::Refused { pid: self.pid, source: other.into() },
        })
    }

    /// A descriptor of exactly this process: opened first and checked after, so
    /// that the pid cannot change hands in between.
    pub(crate) fn pidfd(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        self.is_alive().then_some(fd)
    }
}

/// The id of the running boot; empty if the kernel does not tell.
pub fn boot_id() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        text.trim().to_owned()
    })
}
