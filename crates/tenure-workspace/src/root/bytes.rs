//! Files as bytes, of any size: opened to be read, or written piece by piece beside the old one and then put over
//! it by one rename.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use cap_std::fs::{OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};

use crate::root::read::{NO_WAIT, regular};
use crate::root::write::{Target, Temp, keep_owner_and_mode};
use crate::root::{Root, Trouble};
use crate::{Entry, FileError, entry};

/// What must be true of the old file for a new one to take its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expect {
    /// Nothing.
    #[default]
    Anything,
    /// There is none.
    Absent,
    /// There is one, with this tag.
    Tag(String),
}

/// A file under way: dropped before it is finished, nothing was changed.
#[derive(Debug)]
pub struct Writing {
    root: PathBuf,
    path: PathBuf,
    target: Target,
    temp: Temp,
    expect: Expect,
    mode: Option<u32>,
    written: u64,
}

impl Root {
    /// Opens the file at `path` to be read.
    ///
    /// # Errors
    /// If the path leads out, or there is no regular file. Nothing waits for a pipe or wakes a device.
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<(File, Entry), FileError> {
        let path = path.as_ref();
        self.open_regular(path).map_err(|trouble| self.file_error(path, trouble))
    }

    fn open_regular(&self, path: &Path) -> Result<(File, Entry), Trouble> {
        let relative = self.relative(path)?;
        // Looked at before it is opened, because opening alone wakes whoever waits at a pipe's other end;
        // and again when it is open, because another thing may stand there by then.
        regular(self.dir.metadata(&relative)?.file_type())?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NO_WAIT);
        let file = self.dir.open_with(&relative, &options)?;
        let metadata = file.metadata()?;
        regular(metadata.file_type())?;
        Ok((file.into_std(), Entry::new(&relative, &metadata, None)))
    }

    /// Begins a file at `path`; missing directories are made. Its permissions are `mode`, else the old file's.
    ///
    /// # Errors
    /// If the path leads out, something else than a file is there, or the old file is not what was expected.
    pub fn write_file(
        &self,
        path: impl AsRef<Path>,
        expect: Expect,
        mode: Option<u32>,
    ) -> Result<Writing, FileError> {
        let path = path.as_ref();
        self.begin(path, expect, mode).map_err(|trouble| self.file_error(path, trouble))
    }

    fn begin(&self, path: &Path, expect: Expect, mode: Option<u32>) -> Result<Writing, Trouble> {
        let relative = self.relative(path)?;
        let target = self.target(&relative)?;
        let old = check(&target, &expect)?;
        let temp = Temp::new(&target.dir, if old.is_some() || mode.is_some() { 0o600 } else { 0o666 })?;
        Ok(Writing { root: self.real.clone(), path: relative, target, temp, expect, mode, written: 0 })
    }
}

impl Writing {
    /// Adds bytes.
    ///
    /// # Errors
    /// Those of the system, for example a full disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.written += bytes.len() as u64;
        self.temp.file.write_all(bytes).map_err(|e| self.failed(e.into()))
    }

    /// How many there are.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Puts it in place. Returns what is there now, and whether there was no file before.
    ///
    /// # Errors
    /// If the old file is no longer what was expected, or the system refuses.
    pub fn finish(self) -> Result<(Entry, bool), FileError> {
        let (root, path) = (self.root.clone(), self.path.clone());
        self.put_in_place().map_err(|trouble| failed(&root, &path, trouble))
    }

    fn put_in_place(self) -> Result<(Entry, bool), Trouble> {
        let Self { path, target, temp, expect, mode, .. } = self;
        let old = check(&target, &expect)?;
        match (mode, &old) {
            (Some(mode), _) => temp.file.set_permissions(Permissions::from_mode(mode & 0o777))?,
            (None, Some(old)) => keep_owner_and_mode(&temp.file, old)?,
            // As it was made.
            (None, None) => {}
        }
        // The name must not come to the disk before the bytes.
        temp.file.sync_data()?;
        let entry = Entry::new(&path, &temp.file.metadata()?, None);
        temp.rename(&target.name)?;
        Ok((entry, old.is_none()))
    }

    fn failed(&self, trouble: Trouble) -> FileError {
        failed(&self.root, &self.path, trouble)
    }
}

fn failed(root: &Path, path: &Path, trouble: Trouble) -> FileError {
    let path = path.to_owned();
    match trouble {
        Trouble::Outside => FileError::Outside { path, root: root.to_owned() },
        Trouble::NotAFile(kind) => FileError::NotAFile { path, kind },
        Trouble::Conflict(what) => FileError::Conflict { path, what },
        Trouble::TooLarge => {
            FileError::Io { path, source: std::io::Error::from(std::io::ErrorKind::FileTooLarge) }
        }
        Trouble::Io(source) => FileError::Io { path, source },
    }
}

/// The old file, if it is what was expected.
fn check(target: &Target, expect: &Expect) -> Result<Option<cap_std::fs::Metadata>, Trouble> {
    let old = target.old()?;
    match (expect, &old) {
        (Expect::Absent, Some(_)) => Err(Trouble::Conflict("it exists already".to_owned())),
        (Expect::Tag(_), None) => Err(Trouble::Conflict("it does not exist any more".to_owned())),
        (Expect::Tag(tag), Some(old)) if entry::tag(old) != *tag => {
            Err(Trouble::Conflict("it was changed since; read it again".to_owned()))
        }
        _ => Ok(old),
    }
}
