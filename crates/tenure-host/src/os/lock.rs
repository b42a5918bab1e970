//! Lock files: held by `flock` for as long as the value lives, never removed, so
//! that two holders can never hold two different files of one name.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A held lock; released when dropped, and when the process ends however it ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("{path} is locked by {}", holder(.pid.as_ref()))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who wrote its pid into it; a hint.
        pid: Option<i32>,
    },
    /// The file cannot be opened or locked.
    #[error("cannot lock {path}: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

fn holder(pid: Option<&i32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Takes the lock of a file without waiting; makes the file (0600) if it is
/// missing and writes this process's pid into it.
///
/// # Errors
/// [`LockError::Held`] if another open file holds it, also one of this process.
pub fn lock_file(path: &Path) -> Result<FileLock, LockError> {
    let io = |source: std::io::Error| LockError::Io { path: path.to_path_buf(), source };
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(io)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _ = file.take(32).read_to_string(&mut text);
            return Err(LockError::Held { path: path.to_path_buf(), pid: text.trim().parse().ok() });
        }
        Err(errno) => return Err(io(errno.into())),
    }
    // The pid is a hint for people; a full disk is no reason not to hold the lock.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(FileLock { _file: file })
}
