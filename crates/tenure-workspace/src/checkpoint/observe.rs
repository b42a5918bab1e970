//! Looking at one thing of a directory: what it is now, and its bytes in one piece even while somebody writes.

use std::fs::File;
use std::io::{self, Read};

use rustix::fs::{FileType, Stat, fstat, readlinkat};
use sha2::{Digest, Sha256};

use super::beneath::{Beneath, is_absent};
use super::hash::Hash;
use super::path::RelPath;
use super::tree::What;

/// How often a file that changes while it is read is read again.
const TRIES: u32 = 3;
/// Bytes that are held of a file at once.
pub(super) const PIECE: usize = 256 << 10;

/// What tells that a file is the one that was read before, unless somebody sets out to deceive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    pub(super) ino: u64,
}

impl Mark {
    pub(super) fn of(stat: &Stat) -> Self {
        let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: ns(stat.st_mtime, stat.st_mtime_nsec as i64),
            ctime_ns: ns(stat.st_ctime, stat.st_ctime_nsec as i64),
            ino: stat.st_ino,
        }
    }
}

/// Permission bits.
pub(super) fn mode_of(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

/// What sort of thing it is.
pub(super) fn type_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode as _)
}

/// A file that was read as one piece.
pub(super) struct Stable<T> {
    pub(super) stat: Stat,
    pub(super) of: T,
}

/// Reads a file by `read`, again if it changed meanwhile. None if it keeps changing.
pub(super) fn stable<T>(
    at: &mut Beneath,
    path: &RelPath,
    mut read: impl FnMut(&mut File, u64) -> io::Result<(T, u64)>,
) -> io::Result<Option<Stable<T>>> {
    for _ in 0..TRIES {
        let mut file = at.read(path)?;
        let before = fstat(&file)?;
        if type_of(&before) != FileType::RegularFile {
            return Ok(None);
        }
        let (of, n) = read(&mut file, Mark::of(&before).size)?;
        let after = fstat(&file)?;
        if Mark::of(&before) == Mark::of(&after) && n == Mark::of(&before).size {
            return Ok(Some(Stable { stat: after, of }));
        }
    }
    Ok(None)
}

/// The hash of what is left to read, and how many bytes it was.
pub(super) fn hash_of(from: &mut impl Read) -> io::Result<(Hash, u64)> {
    let (mut hasher, mut n, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok((Hash::finish(hasher), n)),
            Ok(read) => {
                hasher.update(&piece[..read]);
                n += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Where a link leads.
pub(super) fn link_of(at: &mut Beneath, path: &RelPath) -> io::Result<Box<[u8]>> {
    let (dir, name) = at.parent(path)?;
    Ok(readlinkat(dir, name, Vec::new())?.into_bytes().into())
}

/// What stands there now, read anew. What is no file, link or directory is unknown.
pub(super) fn look(at: &mut Beneath, path: &RelPath) -> io::Result<Option<What>> {
    let Some(stat) = at.stat(path)? else { return Ok(None) };
    let found = match type_of(&stat) {
        FileType::Directory => Ok(What::Dir { mode: mode_of(&stat) }),
        FileType::Symlink => link_of(at, path).map(|target| What::Link { target }),
        FileType::RegularFile => stable(at, path, |file, _| hash_of(file)).map(|read| match read {
            Some(Stable { stat, of: hash }) => {
                What::File { mode: mode_of(&stat), size: Mark::of(&stat).size, hash }
            }
            None => What::Unknown { why: "it keeps changing".to_owned() },
        }),
        _ => Ok(What::Unknown { why: "it is no file, link or directory".to_owned() }),
    };
    match found {
        Ok(what) => Ok(Some(what)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
}
