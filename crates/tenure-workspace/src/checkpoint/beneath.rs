//! Opening what lies beneath a directory without following any symbolic link on the way: not one that is there,
//! not one that somebody puts there meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, openat, statat};

use super::path::RelPath;

/// A directory, held open, and the last directory beneath it that was used.
pub(super) struct Beneath {
    root: OwnedFd,
    last: Option<(Vec<u8>, OwnedFd)>,
}

const DIR: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Beneath {
    /// Opens a directory; links on the way to it are followed.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: openat(CWD, root, flags, Mode::empty())?, last: None })
    }

    /// The directory that a path lies in, and its name there.
    pub(super) fn parent<'p>(&mut self, path: &'p RelPath) -> io::Result<(BorrowedFd<'_>, &'p OsStr)> {
        let (dir, name) = path.split();
        Ok((self.dir(dir)?, name))
    }

    fn dir(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(of, _)| of != path) {
            let mut at = None::<OwnedFd>;
            for name in path.split(|b| *b == b'/') {
                let from = at.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
                at = Some(openat(from, OsStr::from_bytes(name), DIR, Mode::empty())?);
            }
            self.last = at.map(|fd| (path.to_vec(), fd));
        }
        self.last.as_ref().map(|(_, fd)| fd.as_fd()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Forgets the last directory: it may have been replaced.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// What stands there; none if nothing does.
    pub(super) fn stat(&mut self, path: &RelPath) -> io::Result<Option<Stat>> {
        let found =
            self.parent(path).and_then(|(dir, name)| Ok(statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(stat) => Ok(Some(stat)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Opens a file for reading. A pipe that took its place is not waited for.
    pub(super) fn read(&mut self, path: &RelPath) -> io::Result<File> {
        let (dir, name) = self.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(File::from(openat(dir, name, flags, Mode::empty())?))
    }
}

/// Nothing stands there, or a part of the way is no directory.
pub(super) fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
