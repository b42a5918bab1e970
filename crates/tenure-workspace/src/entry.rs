//! What is told of a file, directory or link.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{FileType, FileTypeExt, Metadata, MetadataExt};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum EntryKind {
    File,
    Directory,
    Symlink,
    Pipe,
    Socket,
    Device,
}

impl EntryKind {
    pub(crate) fn of(kind: FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Symlink
        } else if kind.is_fifo() {
            Self::Pipe
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Device
        }
    }
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the root.
    pub path: PathBuf,
    /// What it is; a link is not followed.
    pub kind: EntryKind,
    /// Its size in bytes; 0 unless it is a file.
    pub bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// When it was last changed.
    pub modified: SystemTime,
    /// Tells one content of a file from another: it changes with size, time and the file itself. Only of files.
    pub tag: Option<String>,
    /// What a link says.
    pub target: Option<PathBuf>,
}

impl Entry {
    pub(crate) fn new(path: &Path, metadata: &Metadata, target: Option<PathBuf>) -> Self {
        let kind = EntryKind::of(metadata.file_type());
        let file = kind == EntryKind::File;
        Self {
            path: path.to_owned(),
            kind,
            bytes: if file { metadata.len() } else { 0 },
            mode: metadata.mode() & 0o7777,
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            tag: file.then(|| tag(metadata)),
            target,
        }
    }
}

fn time(seconds: i64, nanos: i64) -> SystemTime {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    UNIX_EPOCH + Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
}

pub(crate) fn tag(metadata: &Metadata) -> String {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    format!("{:x}-{:x}-{nanos:x}", metadata.ino(), metadata.len())
}
