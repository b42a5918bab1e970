//! The agent's standard error: a ring of two small files, so that the newest 64 KB
//! at least are always there, also after the agent and the shim are gone.
//!
//! A file that is full stays as it is while the other is filled from its start, so
//! the full one always comes first. It is best effort: what cannot be written is
//! dropped, and the agent never waits for it.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

/// The size of each of the two files.
const HALF: usize = 64 * 1024;
const NAMES: [&str; 2] = ["stderr.0", "stderr.1"];

/// The writing side.
pub(crate) struct StderrRing {
    files: [OwnedFd; 2],
    current: usize,
    len: usize,
}

impl StderrRing {
    pub(crate) fn create(dir: impl std::os::fd::AsFd) -> rustix::io::Result<StderrRing> {
        let open = |name: &str| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
            rustix::fs::openat(dir.as_fd(), name, flags, Mode::RUSR | Mode::WUSR)
        };
        Ok(StderrRing { files: [open(NAMES[0])?, open(NAMES[1])?], current: 0, len: 0 })
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(HALF - self.len));
            match rustix::io::pwrite(&self.files[self.current], now, self.len as u64) {
                Ok(0) | Err(_) => return,
                Ok(written) => {
                    self.len += written;
                    bytes = if written == now.len() { later } else { &bytes[written..] };
                }
            }
            if self.len == HALF {
                self.current = 1 - self.current;
                self.len = 0;
                let _ = rustix::fs::ftruncate(&self.files[self.current], 0);
            }
        }
    }
}

/// The last bytes, at most `max`, of the agent's standard error, read from a shim's
/// directory. Works while the shim runs and after. Empty if there is none.
pub fn stderr_tail(dir: &Path, max: usize) -> Vec<u8> {
    let read = |name: &str| -> Vec<u8> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(CWD, dir.join(name), flags, Mode::empty()) else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        let _ = std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes);
        bytes
    };
    let [mut first, mut second] = NAMES.map(read);
    if second.len() >= HALF {
        std::mem::swap(&mut first, &mut second);
    }
    first.append(&mut second);
    let from = first.len().saturating_sub(max);
    first.drain(..from);
    first
}
