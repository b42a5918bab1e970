//! Opening what others wrote: never through a link, never a pipe that would block, never for writing. Nothing is
//! read here but a few of a file's bytes, to know it again.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use tenure_event::Timestamp;

use crate::{ReadError, Warning, WarningKind};

/// How many of a file's bytes, at its beginning and before where it was left, tell it from another.
const KNOWN: usize = 4096;

/// Opens a file for reading; a link, a pipe or a device is an error.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    open_plain(path).map_err(|source| ReadError::io(path, source))
}

fn open_plain(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() {
        Ok((file, meta))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}

/// A small file whole; none if it is not there, cannot be read or is larger than `max` bytes.
pub(crate) fn small(path: &Path, max: u64) -> Option<Vec<u8>> {
    let (file, meta) = open_plain(path).ok()?;
    let len = usize::try_from(meta.len().min(max + 1)).ok()?;
    let mut bytes = vec![0; len];
    let read = fill(&file, &mut bytes, 0).ok()?;
    bytes.truncate(read);
    (read as u64 <= max).then_some(bytes)
}

/// Reads from a place until the buffer is full or the file ends; how much was read.
pub(crate) fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Device and inode.
pub(crate) fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Hash of the first bytes of a file, of at most `upto`.
pub(crate) fn head_hash(file: &File, upto: u64) -> io::Result<u64> {
    hash_at(file, 0, upto)
}

/// Hash of the bytes that end at `upto`, as many as of the beginning: a file that was written over in place may begin as the
/// one before did, as a copy of an older state does.
pub(crate) fn tail_hash(file: &File, upto: u64) -> io::Result<u64> {
    let start = upto.saturating_sub(KNOWN as u64);
    hash_at(file, start, upto - start)
}

fn hash_at(file: &File, start: u64, len: u64) -> io::Result<u64> {
    let len = usize::try_from(len).unwrap_or(KNOWN).min(KNOWN);
    let mut bytes = vec![0; len];
    let read = fill(file, &mut bytes, start)?;
    Ok(hash(&bytes[..read]))
}

/// A hash that stays the same over restarts and versions (FNV-1a).
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// When a file was last written, to the nearest millisecond as other programs round it.
pub(crate) fn modified(meta: &Metadata) -> Timestamp {
    // As doubles: just below the half of a millisecond they round up.
    let millis = meta.mtime() as f64 * 1000.0 + meta.mtime_nsec() as f64 / 1_000_000.0;
    Timestamp::from_millis((millis + 0.5).floor() as i64)
}

/// The same in nanoseconds.
pub(crate) fn modified_ns(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec())
}

/// What stands in a directory.
pub(crate) enum Entry {
    /// A directory.
    Dir,
    /// A regular file.
    File,
}

/// Looks at a directory: every entry that is a directory or a file, by name. Links, pipes and what cannot be read
/// are told. A directory that is not there holds nothing.
pub(crate) fn look(
    dir: &Path,
    warn: &mut dyn FnMut(Warning),
    wanted: &dyn Fn(&str) -> bool,
    mut each: impl FnMut(&str, Entry),
) {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return warn(Warning::of(dir, WarningKind::Unreadable, format!("not listed: {error}"))),
    };
    let mut seen: Vec<(String, Entry)> = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                return warn(Warning::of(dir, WarningKind::Unreadable, format!("listed in part: {error}")));
            }
        };
        let name = entry.file_name();
        let lossy = name.to_string_lossy();
        if !wanted(&lossy) {
            continue;
        }
        let Some(name) = name.to_str().map(str::to_owned) else {
            // What is listed and searched is text, its path too.
            let detail = format!("`{lossy}`, a name that is not UTF-8, left out; rename it to have it read");
            warn(Warning::of(&entry.path(), WarningKind::Unreadable, detail));
            continue;
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => seen.push((name, Entry::Dir)),
            Ok(kind) if kind.is_file() => seen.push((name, Entry::File)),
            Ok(kind) if kind.is_symlink() => {
                let detail = "a symbolic link, not followed; name its target as a root to have it read";
                warn(Warning::of(&entry.path(), WarningKind::Link, detail));
            }
            Ok(_) => warn(Warning::of(&entry.path(), WarningKind::NotAFile, "not a regular file, left out")),
            Err(error) => warn(Warning::of(&entry.path(), WarningKind::Unreadable, error)),
        }
    }
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, entry) in seen {
        each(&name, entry);
    }
}
