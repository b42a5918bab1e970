//! Why something cannot be done with a path of a workspace.

use std::io;
use std::path::{Path, PathBuf};

use crate::Kind;
use crate::root::{Root, Trouble};

/// Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leads out of the workspace.
    #[error(
        "{} lies outside of the workspace {}, or a link in it leads out; name something in the workspace",
        path.display(),
        root.display()
    )]
    Outside {
        /// The path that was asked for.
        path: PathBuf,
        /// The workspace's directory.
        root: PathBuf,
    },
    /// Nothing is there.
    #[error("{} does not exist in the workspace; list its directory to see what does", path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Something else than a file is there.
    #[error("{} is {kind}, and only regular files can be read or written", path.display())]
    NotAFile {
        /// The path that was asked for.
        path: PathBuf,
        /// What is there.
        kind: Kind,
    },
    /// A directory was wanted.
    #[error("{} is not a directory, or a part of it is not", path.display())]
    NotADirectory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Something is there already, or another thing than was expected.
    #[error("{}: {what}", path.display())]
    Conflict {
        /// The path that was asked for.
        path: PathBuf,
        /// What is in the way.
        what: String,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Root {
    pub(crate) fn file_error(&self, path: &Path, trouble: Trouble) -> FileError {
        let path = path.to_owned();
        match trouble {
            Trouble::Outside => FileError::Outside { path, root: self.real.clone() },
            Trouble::NotAFile(kind) => FileError::NotAFile { path, kind },
            Trouble::Conflict(what) => FileError::Conflict { path, what },
            // Only of reading and writing texts, which have errors of their own.
            Trouble::TooLarge => FileError::Io { path, source: io::Error::from(io::ErrorKind::FileTooLarge) },
            Trouble::Io(source) => match source.kind() {
                io::ErrorKind::NotFound => FileError::NotFound { path },
                io::ErrorKind::NotADirectory => FileError::NotADirectory { path },
                _ => FileError::Io { path, source },
            },
        }
    }
}
