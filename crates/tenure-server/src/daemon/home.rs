//! The home as a directory: private, and held by one daemon at a time.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tenure_host::{FileLock, LockError};

use super::DaemonError;

/// Makes the home if it is missing, and makes it private. Returns its canonical path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, DaemonError> {
    let cannot = |source| DaemonError::Home { path: path.to_path_buf(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot)?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(cannot)?;
    fs::canonicalize(path).map_err(cannot)
}

/// Takes the home's lock, which is held as long as the value lives.
pub(super) fn lock(home: &Path) -> Result<FileLock, DaemonError> {
    tenure_host::lock_file(&home.join("lock")).map_err(|error| match error {
        LockError::Held { pid, .. } => DaemonError::Running { home: home.to_path_buf(), pid },
        LockError::Io { path, source } => DaemonError::Home { path, source },
    })
}

/// The machine's name, for sessions to say where they are.
pub(super) fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
