//! The real path of a directory below the root, for what must be told a path. Between telling and using it
//! somebody may put another thing there; whoever cannot accept that uses the root itself.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::root::{Root, Trouble};

/// A directory cannot be named.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// The path leads out of the workspace.
    #[error(
        "{} lies outside of the workspace {}, or a link in it leads out; name a directory in the workspace",
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
    #[error("the directory {} does not exist in the workspace", path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot look at {}: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Root {
    /// The directory at `path`, which is absolute and beneath the root or relative to it, without links.
    ///
    /// # Errors
    /// If the path leads out, or there is no directory.
    pub fn real_dir(&self, path: impl AsRef<Path>) -> Result<PathBuf, DirError> {
        let path = path.as_ref();
        self.below(path).map_err(|trouble| {
            let path = path.to_owned();
            match trouble {
                Trouble::Io(error) => match error.kind() {
                    io::ErrorKind::NotFound => DirError::NotFound { path },
                    io::ErrorKind::NotADirectory => DirError::NotADirectory { path },
                    _ => DirError::Io { path, source: error },
                },
                Trouble::NotAFile(_) => DirError::NotADirectory { path },
                _ => DirError::Outside { path, root: self.real.clone() },
            }
        })
    }

    fn below(&self, path: &Path) -> Result<PathBuf, Trouble> {
        let real = self.dir.canonicalize(self.relative(path)?)?;
        if !self.dir.metadata(&real)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        }
        // Joining `.` would leave it in the path.
        let names = real.components().filter(|part| matches!(part, Component::Normal(_)));
        Ok(self.real.join(names.collect::<PathBuf>()).components().collect())
    }
}
