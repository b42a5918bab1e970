//! Names: what stands at one, what a directory holds, new directories, and taking away.

use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use crate::root::{Root, Trouble};
use crate::{Entry, EntryKind, FileError};

/// Some names of a directory in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// By name, as bytes.
    pub entries: Vec<Entry>,
    /// There are more after the last one.
    pub more: bool,
}

impl Root {
    /// What stands at `path`; a link is not followed.
    ///
    /// # Errors
    /// If the path leads out, or nothing is there.
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<Entry, FileError> {
        let path = path.as_ref();
        self.relative(path)
            .and_then(|relative| Ok(look(&self.dir, &relative, &tidy(&relative))?))
            .map_err(|trouble| self.file_error(path, trouble))
    }

    /// What the directory at `path` holds, by name: at most `limit` that come after `after`.
    ///
    /// # Errors
    /// If the path leads out, or there is no directory.
    pub fn list(
        &self,
        path: impl AsRef<Path>,
        after: Option<&OsString>,
        limit: usize,
    ) -> Result<Listed, FileError> {
        let path = path.as_ref();
        self.list_dir(path, after, limit).map_err(|trouble| self.file_error(path, trouble))
    }

    fn list_dir(&self, path: &Path, after: Option<&OsString>, limit: usize) -> Result<Listed, Trouble> {
        let relative = self.relative(path)?;
        let dir = self.dir.open_dir(&relative)?;
        // Of a directory with very many names only the first ones are held.
        let mut first: BinaryHeap<OsString> = BinaryHeap::with_capacity(limit + 2);
        for entry in dir.entries()? {
            let name = entry?.file_name();
            if after.is_none_or(|after| name > *after) {
                first.push(name);
                if first.len() > limit + 1 {
                    first.pop();
                }
            }
        }
        let mut names = first.into_sorted_vec();
        let more = names.len() > limit;
        names.truncate(limit);
        let below = tidy(&relative);
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            match look(&dir, Path::new(&name), &below.join(&name)) {
                Ok(entry) => entries.push(entry),
                // It went meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Listed { entries, more })
    }

    /// Makes the directory at `path`, and those on the way to it. Returns it, and whether it is new.
    ///
    /// # Errors
    /// If the path leads out, or something else is there.
    pub fn make_dir(&self, path: impl AsRef<Path>) -> Result<(Entry, bool), FileError> {
        let path = path.as_ref();
        let make = || -> Result<(Entry, bool), Trouble> {
            let relative = self.relative(path)?;
            let new = match self.dir.metadata(&relative) {
                Ok(found) if found.is_dir() => false,
                Ok(_) => {
                    return Err(Trouble::Conflict("something else than a directory is there".to_owned()));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.dir.create_dir_all(&relative)?;
                    true
                }
                Err(error) => return Err(error.into()),
            };
            let metadata = self.dir.metadata(&relative)?;
            Ok((Entry::new(&tidy(&relative), &metadata, None), new))
        };
        make().map_err(|trouble| self.file_error(path, trouble))
    }

    /// Takes away what stands at `path`: a file, a link (never what it points to), an empty directory, and with
    /// `recursive` a directory with all that it holds. Returns what was there.
    ///
    /// # Errors
    /// If the path leads out or is the root itself, nothing is there, or a directory is not empty. A recursive one
    /// that fails may have taken some away.
    pub fn remove(&self, path: impl AsRef<Path>, recursive: bool) -> Result<Entry, FileError> {
        let path = path.as_ref();
        self.take_away(path, recursive).map_err(|trouble| self.file_error(path, trouble))
    }

    fn take_away(&self, path: &Path, recursive: bool) -> Result<Entry, Trouble> {
        let relative = self.relative(path)?;
        let Some(name) = relative.file_name() else {
            // The root itself, or a path that ends with `..`.
            self.dir.metadata(&relative)?;
            return Err(Trouble::Conflict(
                "name what is to go, below the workspace's own directory".to_owned(),
            ));
        };
        let parent = match relative.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.dir.open_dir(parent)?,
            _ => self.dir.try_clone()?,
        };
        let entry = look(&parent, Path::new(name), &tidy(&relative))?;
        match (entry.kind, recursive) {
            (EntryKind::Directory, true) => parent.remove_dir_all(name)?,
            (EntryKind::Directory, false) => parent.remove_dir(name).map_err(|error| {
                if error.kind() == io::ErrorKind::DirectoryNotEmpty {
                    Trouble::Conflict(
                        "the directory is not empty; say `recursive` to remove all of it".to_owned(),
                    )
                } else {
                    error.into()
                }
            })?,
            _ => parent.remove_file(name)?,
        }
        Ok(entry)
    }
}

/// What stands at `name` in a directory; it is told by `path`.
pub(crate) fn look(dir: &Dir, name: &Path, path: &Path) -> io::Result<Entry> {
    let metadata = dir.symlink_metadata(name)?;
    let target = metadata.is_symlink().then(|| dir.read_link_contents(name)).transpose()?;
    Ok(Entry::new(path, &metadata, target))
}

/// Without `.` in it; the root itself is empty.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}
