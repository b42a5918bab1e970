//! Who has a file open for writing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{PidRef, stat};

/// The processes that have this file open for writing now, except this one. Those of other users are not seen unless this
/// process may look into them.
///
/// # Errors
/// The file cannot be looked at.
pub fn writers(path: &Path) -> std::io::Result<Vec<PidRef>> {
    let file = std::fs::metadata(path)?;
    let wanted = (file.dev(), file.ino());
    let own = rustix::process::getpid().as_raw_nonzero().get();
    Ok(stat::all_pids().filter(|pid| *pid != own && writes(*pid, wanted)).filter_map(PidRef::of).collect())
}

fn writes(pid: i32, wanted: (u64, u64)) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
    descriptors.into_iter().flatten().flatten().any(|descriptor| {
        let path = descriptor.path();
        // The link's own mode tells how it was opened.
        let writable =
            std::fs::symlink_metadata(&path).is_ok_and(|link| link.permissions().mode() & 0o200 != 0);
        writable && std::fs::metadata(&path).is_ok_and(|file| (file.dev(), file.ino()) == wanted)
    })
}
