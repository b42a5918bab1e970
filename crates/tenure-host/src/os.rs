//! Small things that only the operating system gives: locks, cgroups, peers, disk
//! space, descriptors, background processes, and commands run for their output.

mod blocking;
mod capture;
pub(crate) mod cgroup;
pub(crate) mod descriptors;
mod detach;
mod facts;
mod lock;
mod socket;

pub use capture::{Capture, CaptureError, Captured, run_capture};
pub use cgroup::remove_stale_cgroups;
pub use descriptors::raise_descriptor_limit;
pub use detach::{Detached, detach_daemon};
pub use facts::{Facts, facts};
pub use lock::{FileLock, LockError, lock_file};
pub use socket::hold_little_unsent;

pub(crate) use blocking::off_thread;

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// The user at the other end of a Unix socket.
///
/// # Errors
/// Those of `SO_PEERCRED`, for anything but a connected Unix socket.
pub fn peer_uid(socket: impl AsFd) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

/// Lets everything else on the machine go before the thread that calls this, for as long as it lives. Where the system
/// refuses it the thread works on as it is.
pub fn yield_to_others() {
    let _ = rustix::process::nice(15);
}

/// Bytes that this user may still write on the file system of a path.
///
/// # Errors
/// Those of `statvfs`.
pub fn disk_free(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
