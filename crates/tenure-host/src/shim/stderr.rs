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
    let [first, second] = NAMES.map(|name| read(dir, name));
    let (mut older, mut newer) = if second.len() >= HALF { (second, first) } else { (first, second) };
    older.append(&mut newer);
    last(older, max)
}

/// A place in an agent's standard error: its beginning by default. How long both files were then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StderrMark([usize; 2]);

impl StderrMark {
    /// Where standard error ends now. Nothing of it is read.
    #[must_use]
    pub fn now(dir: &Path) -> Self {
        let len = |name: &str| rustix::fs::stat(dir.join(name)).map_or(0, |stat| stat.st_size.unsigned_abs());
        Self(NAMES.map(|name| usize::try_from(len(name)).unwrap_or(usize::MAX)))
    }

    /// What was said since then, at most the last `max` bytes of it.
    #[must_use]
    pub fn since(self, dir: &Path, max: usize) -> Vec<u8> {
        let mut files = NAMES.map(|name| read(dir, name));
        let (then, now) = (current(self.0), current([files[0].len(), files[1].len()]));
        let from = self.0[then];
        let mut newest = std::mem::take(&mut files[now]);
        let mut before = std::mem::take(&mut files[1 - now]);
        if now != then {
            // It went over into the other file.
            before.drain(..from.min(before.len()));
        } else if from <= newest.len() && before.len() == self.0[1 - then] {
            newest.drain(..from);
            before.clear();
        }
        // Otherwise it went all the way round, and all of it is new.
        before.append(&mut newest);
        last(before, max)
    }
}

/// Which of the two files is being filled.
fn current([first, second]: [usize; 2]) -> usize {
    usize::from(first >= HALF && second < HALF)
}

fn read(dir: &Path, name: &str) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(CWD, dir.join(name), flags, Mode::empty()) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes);
    bytes
}

fn last(mut bytes: Vec<u8>, max: usize) -> Vec<u8> {
    let from = bytes.len().saturating_sub(max);
    bytes.drain(..from);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn since_the_beginning_there_is_all_that_was_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut ring = StderrRing::create(std::fs::File::open(dir.path()).expect("opened")).expect("made");
        for _ in 0..5 {
            ring.push(&[7; HALF / 2]);
            let told = StderrMark::default().since(dir.path(), usize::MAX);
            assert_eq!(told, stderr_tail(dir.path(), usize::MAX));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_said_since_a_mark_is_told(
            before in prop::collection::vec(0..HALF, 0..6),
            after in prop::collection::vec(0..HALF / 2, 0..4),
            max in prop_oneof![Just(usize::MAX), 0..HALF],
        ) {
            let dir = tempfile::tempdir().expect("a directory");
            let open = std::fs::File::open(dir.path()).expect("opened");
            let mut ring = StderrRing::create(&open).expect("made");
            let mut said = 0u8;
            let mut say = |bytes: usize| {
                let text: Vec<u8> = (0..bytes).map(|_| { said = said.wrapping_mul(5).wrapping_add(3); said }).collect();
                ring.push(&text);
                text
            };
            before.into_iter().for_each(|bytes| drop(say(bytes)));
            let mark = StderrMark::now(dir.path());
            let new: Vec<u8> = after.into_iter().flat_map(say).collect();
            // What is older than the newest half may be gone.
            let told = mark.since(dir.path(), max);
            prop_assert!(new.ends_with(&told));
            prop_assert!(told.len() >= new.len().min(HALF).min(max), "{} of {}", told.len(), new.len());
        }
    }
}
