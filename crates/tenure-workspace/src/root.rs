//! The root of a workspace: which names lie beneath it, and why others are refused. How files are read and
//! written stands in the modules below.

pub(crate) mod bytes;
pub(crate) mod dir;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod tree;
pub(crate) mod write;

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::Kind;

/// The largest file that is read or written, in bytes. It bounds what one request of an agent can make us
/// hold in memory.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// A workspace's directory, held open.
///
/// It follows the directory if that is renamed; if it is removed and made anew, open it again.
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    /// As it was named, made absolute: an agent names files by the directory that it was started in.
    given: PathBuf,
    /// Without symbolic links.
    pub(crate) real: PathBuf,
}

/// A workspace cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error("the directory {} does not exist; make it, or name another", path.display())]
    NotFound {
        /// The path that was given.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is not a directory; name the directory that holds the workspace's files", path.display())]
    NotADirectory {
        /// The path that was given.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot open the directory {}: {source}", path.display())]
    Io {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why a file is not had. The public errors add which file.
#[derive(Debug)]
pub(crate) enum Trouble {
    Outside,
    NotAFile(Kind),
    TooLarge,
    /// What is in the way.
    Conflict(String),
    Io(io::Error),
}

impl Root {
    /// Opens the directory at `path`. Symbolic links on the way to it are followed: only what comes after
    /// is confined.
    ///
    /// # Errors
    /// If it is not there, is no directory, or may not be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        Self::open_real(path).map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::NotFound => OpenError::NotFound { path },
                io::ErrorKind::NotADirectory => OpenError::NotADirectory { path },
                _ => OpenError::Io { path, source },
            }
        })
    }

    fn open_real(path: &Path) -> io::Result<Self> {
        let given = std::path::absolute(path)?;
        let real = path.canonicalize()?;
        // By its real name, so that the handle and the name mean the same directory.
        let dir = Dir::open_ambient_dir(&real, ambient_authority())?;
        Ok(Self { dir, given, real })
    }

    /// The directory's path without symbolic links.
    pub fn path(&self) -> &Path {
        &self.real
    }

    /// `path` as seen from the root. What it leads to is looked at when it is opened: `..` and links are
    /// still in it.
    fn relative(&self, path: &Path) -> Result<PathBuf, Trouble> {
        let below = if path.is_absolute() {
            let found = path.strip_prefix(&self.given).or_else(|_| path.strip_prefix(&self.real));
            found.map_err(|_| Trouble::Outside)?
        } else {
            path
        };
        Ok(if below.as_os_str().is_empty() { PathBuf::from(".") } else { below.to_owned() })
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        // A path that leads out of the root is the library's own refusal, which has no number of the system's.
        if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
            Self::Outside
        } else {
            Self::Io(error)
        }
    }
}
