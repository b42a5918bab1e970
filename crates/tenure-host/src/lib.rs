//! Processes: the shim, its spool, process trees and their end. All code that
//! knows the operating system is here, and all processes are started here.
//!
//! # How it works
//! Every agent process gets one **shim**: a small process ([`shim::main`]) that is
//! the agent's parent, owns its three pipes and outlives the daemon. What the
//! agent says goes to the **spool** ([`spool`]), a growing file cut into segments;
//! what it is told comes as numbered commands that are applied once. The daemon
//! holds a [`Shim`]: it [`launch`]es one, or [`attach`]es to one that an earlier
//! daemon left behind, and both speak the versioned [`protocol`] over a socket.
//! Nothing of this depends on a daemon being there.
//!
//! Ending a process means ending its tree, and proving it: a [`PidRef`] names a
//! process by pid, start time and boot, and a signal goes only to the process that
//! was meant. What escaped a tree is found by an environment marker ([`process`]).
//!
//! # What it is not
//! It knows no session, no agent protocol and no log: bytes, lines and pids only.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "tenure runs on Linux (kernel 5.10 or later) for now: the shim needs pidfds, subreapers and /proc. \
     Other systems can follow behind the interface of the tenure-host crate."
);

mod clock;
pub mod exec;
mod handle;
mod os;
pub mod process;
pub mod protocol;
mod record;
pub mod shim;
pub mod spool;

pub use exec::{Exec, ExecProcess, ExecSpec, Gently, exec, wait_for_release};
pub use handle::{
    AttachError, Attached, LaunchError, LaunchSpec, Lost, SendError, Shim, ShimStatus, attach, launch,
};
pub use os::{
    Capture, CaptureError, Captured, Detached, Facts, FileLock, LockError, detach_daemon, disk_free, facts,
    hold_little_unsent, lock_file, peer_uid, raise_descriptor_limit, remove_stale_cgroups, run_capture,
    yield_to_others,
};
pub use process::{PidRef, boot_id};
pub use record::{ExitRecord, Forced, Ladder, ShimIdentity, SpoolLimits, read_exit, read_identity};
