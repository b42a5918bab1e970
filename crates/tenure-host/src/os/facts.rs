//! What this machine gives, for a doctor to tell.

use std::path::PathBuf;

use rustix::process::{Pid, PidfdFlags};

use super::cgroup;

/// What this machine gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's release, as `uname -r` tells it.
    pub kernel: String,
    /// Our own cgroup of version 2, if one is mounted.
    pub cgroup: Option<PathBuf>,
    /// Why no cgroup can be made for an agent; none if it can.
    pub cgroup_trouble: Option<String>,
    /// A whole cgroup can be killed at once (Linux 5.14).
    pub cgroup_kill: bool,
    /// Processes can be held by descriptor (Linux 5.3). Without it nothing works.
    pub pidfd: bool,
    /// Orphans can be inherited (Linux 3.4). Without it nothing works.
    pub subreaper: bool,
    /// Proportional memory can be read (Linux 4.14).
    pub proportional_memory: bool,
}

/// Looks, and tries: a cgroup is made and removed again.
pub fn facts() -> Facts {
    let own = std::process::id();
    let pid = i32::try_from(own).ok().and_then(Pid::from_raw);
    let made = cgroup::create();
    let cgroup_kill = made.as_ref().is_ok_and(|path| path.join("cgroup.kill").exists());
    if let Ok(path) = &made {
        cgroup::remove(path);
    }
    Facts {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        cgroup: cgroup::own(),
        cgroup_trouble: made.err().map(|error| error.to_string()),
        cgroup_kill,
        pidfd: pid.is_some_and(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).is_ok()),
        subreaper: rustix::process::child_subreaper().is_ok(),
        proportional_memory: std::fs::read("/proc/self/smaps_rollup").is_ok(),
    }
}
