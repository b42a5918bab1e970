//! The home as a directory: private, and held by one daemon at a time.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenure_host::{FileLock, LockError, PidRef};
use tokio::time::Instant;

use super::DaemonError;

/// Makes the home if it is missing, and makes it private. Returns its canonical path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, DaemonError> {
    let cannot = |source| DaemonError::Home { path: path.to_path_buf(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot)?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(cannot)?;
    fs::canonicalize(path).map_err(cannot)
}

/// How long the lock of a daemon that is dead may outlive it.
const OUTLIVES: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// Takes the home's lock, which is held as long as the value lives.
///
/// A daemon that is killed while it starts a process leaves its lock to that process until it has become another
/// program: a matter of milliseconds, which is waited for.
pub(super) async fn lock(home: &Path) -> Result<FileLock, DaemonError> {
    let end = Instant::now() + OUTLIVES;
    loop {
        match tenure_host::lock_file(&home.join("lock")) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { pid, .. }) if pid.is_some_and(is_dead) && Instant::now() < end => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(LockError::Held { pid, .. }) => {
                return Err(DaemonError::Running { home: home.to_path_buf(), pid });
            }
            Err(LockError::Io { path, source }) => return Err(DaemonError::Home { path, source }),
        }
    }
}

fn is_dead(pid: i32) -> bool {
    !PidRef::of(pid).is_some_and(|process| process.is_alive())
}

/// The machine's name, for sessions to say where they are.
pub(super) fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_lock_of_a_living_daemon_is_refused_and_that_of_a_dead_one_waited_for() {
        let home = tempfile::tempdir().expect("a directory");
        let held = lock(home.path()).await.expect("free");
        let own = i32::try_from(std::process::id()).ok();
        let refused = lock(home.path()).await.expect_err("held by this process");
        assert!(matches!(refused, DaemonError::Running { pid, .. } if pid == own));

        fs::write(home.path().join("lock"), i32::MAX.to_string()).expect("written");
        let dir = home.path().to_owned();
        let waits = tokio::spawn(async move { lock(&dir).await });
        tokio::task::yield_now().await;
        drop(held);
        waits.await.expect("joined").expect("it was let go");
    }
}
