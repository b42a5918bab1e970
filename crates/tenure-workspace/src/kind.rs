//! What stands at a path where a file was looked for. Only for telling; nothing is opened here.

use std::fmt;

use cap_std::fs::{FileType, FileTypeExt};

/// What is no regular file. Such things are refused: reading a pipe may wait for ever, writing to a device
/// may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A symbolic link to something that does not exist.
    DeadLink,
    /// A named pipe.
    Pipe,
    /// A Unix socket.
    Socket,
    /// A block or character device.
    Device,
}

impl Kind {
    /// `None` for a regular file.
    pub(crate) fn of(kind: FileType) -> Option<Self> {
        if kind.is_file() {
            None
        } else if kind.is_dir() {
            Some(Self::Directory)
        } else if kind.is_symlink() {
            Some(Self::DeadLink)
        } else if kind.is_fifo() {
            Some(Self::Pipe)
        } else if kind.is_socket() {
            Some(Self::Socket)
        } else {
            Some(Self::Device)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::DeadLink => "a symbolic link to nothing",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}
