//! Writing a text: the whole file beside the old one, then over it by one rename, so that a reader sees the
//! old text or the new, and a crash leaves no half. Hard links to the old file keep the old text.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use cap_std::fs::{
    Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt,
};
use rustix::fs::{Gid, OFlags, Uid};

use crate::Kind;
use crate::root::read::{NO_WAIT, regular};
use crate::root::{MOST_BYTES, Root, Trouble};

/// A text cannot be written. What was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The path leads out of the workspace.
    #[error(
        "{} lies outside of the workspace {}, or a link in it leads out; name a file in the workspace",
        path.display(),
        root.display()
    )]
    Outside {
        /// The path that was asked for.
        path: PathBuf,
        /// The workspace's directory.
        root: PathBuf,
    },
    /// Something else than a file is there.
    #[error("{} is {kind}; only regular files can be written, so remove it or name another path", path.display())]
    NotAFile {
        /// The path that was asked for.
        path: PathBuf,
        /// What is there.
        kind: Kind,
    },
    /// The text has more than [`MOST_BYTES`].
    #[error("the text for {} has {bytes} bytes; {MOST_BYTES} is the most, so write it in parts", path.display())]
    TooLarge {
        /// The path that was asked for.
        path: PathBuf,
        /// The text's size.
        bytes: u64,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Root {
    /// Makes `text` the content of the file at `path`, which is absolute and beneath the root, or relative
    /// to it. Missing directories are made. A file that is there keeps its permissions, and its owner where
    /// we may give it; if `path` is a link to a file beneath the root, that file is written.
    ///
    /// # Errors
    /// If the path leads out, also by a link (absolute links count as leading out, wherever they point); if
    /// something else than a file is there, or one that may not be written; if the text is larger than
    /// [`MOST_BYTES`]; if the disk is full.
    pub fn write_text(&self, path: impl AsRef<Path>, text: &str) -> Result<(), WriteError> {
        let path = path.as_ref();
        self.write_bytes(path, text.as_bytes()).map_err(|trouble| {
            let path = path.to_owned();
            match trouble {
                Trouble::Outside => WriteError::Outside { path, root: self.real.clone() },
                Trouble::NotAFile(kind) => WriteError::NotAFile { path, kind },
                Trouble::TooLarge => WriteError::TooLarge { path, bytes: text.len() as u64 },
                Trouble::Conflict(what) => WriteError::Io { path, source: io::Error::other(what) },
                Trouble::Io(source) => WriteError::Io { path, source },
            }
        })
    }

    fn write_bytes(&self, path: &Path, text: &[u8]) -> Result<(), Trouble> {
        if text.len() as u64 > MOST_BYTES {
            return Err(Trouble::TooLarge);
        }
        let target = self.target(&self.relative(path)?)?;
        let old = target.old()?;
        let mut temp = Temp::new(&target.dir, if old.is_some() { 0o600 } else { 0o666 })?;
        if let Some(old) = old {
            keep_owner_and_mode(&temp.file, &old)?;
        }
        temp.file.write_all(text)?;
        // The name must not come to the disk before the text.
        temp.file.sync_data()?;
        Ok(temp.rename(&target.name)?)
    }

    /// Where to write: past a link that stands there, and with the directory on the way made.
    pub(super) fn target(&self, relative: &Path) -> Result<Target, Trouble> {
        let target = self.named(relative)?;
        match target.dir.symlink_metadata(&target.name) {
            Ok(found) if found.is_symlink() => match self.dir.canonicalize(relative) {
                Ok(real) => self.named(&real),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(Trouble::NotAFile(Kind::DeadLink))
                }
                Err(error) => Err(error.into()),
            },
            _ => Ok(target),
        }
    }

    fn named(&self, relative: &Path) -> Result<Target, Trouble> {
        let Some(name) = relative.file_name() else {
            // The root itself, or a path that ends with `..`: a directory, if it is inside at all.
            self.dir.metadata(relative)?;
            return Err(Trouble::NotAFile(Kind::Directory));
        };
        let parent = match relative.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let dir = match self.dir.open_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.create_dir_all(parent)?;
                self.dir.open_dir(parent)?
            }
            opened => opened?,
        };
        Ok(Target { dir, name: name.to_owned() })
    }
}

/// A name in a directory that is held open: from here on nothing can lead it elsewhere.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) dir: Dir,
    pub(super) name: OsString,
}

impl Target {
    /// The file that is there, if it is one and may be written.
    pub(super) fn old(&self) -> Result<Option<Metadata>, Trouble> {
        match self.dir.symlink_metadata(&self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => regular(found?.file_type())?,
        }
        // A rename asks for no leave of the file that it replaces, so it is asked for here.
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(NO_WAIT | NO_FOLLOW);
        let metadata = self.dir.open_with(&self.name, &options)?.metadata()?;
        regular(metadata.file_type())?;
        Ok(Some(metadata))
    }
}

#[expect(clippy::cast_possible_wrap, reason = "the flag's bits are what the system's int holds")]
const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits() as i32;

pub(super) fn keep_owner_and_mode(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may give a file away; the text matters more than its owner.
        let _ = rustix::fs::fchown(file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())));
    }
    // As with any write, the set-id bits are not kept.
    file.set_permissions(Permissions::from_mode(old.mode() & 0o777))
}

/// The new file until it has its name; gone again if it does not get it.
#[derive(Debug)]
pub(super) struct Temp {
    dir: Dir,
    name: String,
    pub(super) file: File,
    renamed: bool,
}

impl Temp {
    pub(super) fn new(dir: &Dir, mode: u32) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let dir = dir.try_clone()?;
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".tenure-write-{}-{n}", std::process::id());
            match dir.open_with(&name, &options) {
                Ok(file) => return Ok(Self { dir, name, file, renamed: false }),
                // Left behind by a crash of a process that had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn rename(mut self, name: &OsString) -> io::Result<()> {
        self.dir.rename(&self.name, &self.dir, name)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.renamed {
            // The write has failed already, with an error that says more than this one could.
            let _ = self.dir.remove_file(&self.name);
        }
    }
}
