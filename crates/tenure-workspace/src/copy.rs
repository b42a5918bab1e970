//! A copy of a directory: files, links and directories with their permission bits and times, ignored ones and
//! repositories too. It follows no link, and leaves out what is none of these: pipes, sockets, devices.
//!
//! What changes while it is copied may be copied as it was or as it is.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// How much may be copied.
#[derive(Debug, Clone, Copy)]
pub struct CopyLimits {
    /// Files, links and directories.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// Why a directory was not copied, or not all of it. What was copied so far is left for the caller to remove.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It holds more than may be copied.
    #[error("it holds more than {} files or {} MB", limits.entries, limits.bytes >> 20)]
    TooLarge {
        /// What may be.
        limits: CopyLimits,
    },
    /// Something could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was copied so far.
#[derive(Default)]
struct Done {
    entries: u64,
    bytes: u64,
}

/// Copies what is in `from` into `to`, which is there and empty. Directories at `without` are left out.
///
/// # Errors
/// When there is too much of it, or something cannot be read or written.
pub fn copy_directory(from: &Path, to: &Path, without: &Path, limits: CopyLimits) -> Result<(), CopyError> {
    let mut done = Done::default();
    let mut open = vec![(from.to_owned(), to.to_owned())];
    // Their permissions come last: a directory that nobody may write into must be filled first.
    let mut directories = Vec::new();
    while let Some((from, to)) = open.pop() {
        let at = |path: &Path, source| CopyError::Io { path: path.to_owned(), source };
        for entry in fs::read_dir(&from).map_err(|e| at(&from, e))? {
            let entry = entry.map_err(|e| at(&from, e))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let meta = match fs::symlink_metadata(&source) {
                Ok(meta) => meta,
                // It is gone since.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(at(&source, e)),
            };
            if source == without {
                continue;
            }
            done.count(&meta, limits)?;
            if meta.is_dir() {
                fs::create_dir(&target).map_err(|e| at(&target, e))?;
                directories.push((target.clone(), meta));
                open.push((source, target));
            } else if meta.is_symlink() {
                let leads_to = fs::read_link(&source).map_err(|e| at(&source, e))?;
                symlink(leads_to, &target).map_err(|e| at(&target, e))?;
            } else if meta.is_file() {
                copy_file(&source, &target, &meta).map_err(|e| at(&source, e))?;
            }
        }
    }
    for (path, meta) in directories.iter().rev() {
        let kept = File::open(path).and_then(|dir| keep(&dir, meta));
        kept.map_err(|source| CopyError::Io { path: path.clone(), source })?;
    }
    Ok(())
}

impl Done {
    fn count(&mut self, meta: &Metadata, limits: CopyLimits) -> Result<(), CopyError> {
        self.entries += 1;
        if meta.is_file() {
            self.bytes = self.bytes.saturating_add(meta.len());
        }
        let fits = self.entries <= limits.entries && self.bytes <= limits.bytes;
        if fits { Ok(()) } else { Err(CopyError::TooLarge { limits }) }
    }
}

fn copy_file(from: &Path, to: &Path, meta: &Metadata) -> io::Result<()> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut source = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    keep(&target, meta)
}

fn keep(file: &File, meta: &Metadata) -> io::Result<()> {
    file.set_modified(meta.modified()?)?;
    file.set_permissions(Permissions::from_mode(meta.permissions().mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: CopyLimits = CopyLimits { entries: 100, bytes: 1 << 20 };

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn all_is_copied_as_it_is() {
        let scratch = tempfile::tempdir().expect("scratch");
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        fs::create_dir_all(from.join("a/.git/deep")).expect("made");
        fs::create_dir_all(from.join("home")).expect("made");
        fs::create_dir_all(&to).expect("made");
        fs::write(from.join("a/run.sh"), [0, 13, 10, 255]).expect("written");
        fs::write(from.join("home/secret"), "x").expect("written");
        fs::set_permissions(from.join("a/run.sh"), Permissions::from_mode(0o750)).expect("set");
        symlink("/nowhere", from.join("link")).expect("made");
        fs::set_permissions(from.join("a"), Permissions::from_mode(0o555)).expect("set");
        copy_directory(&from, &to, &from.join("home"), PLENTY).expect("copied");
        assert_eq!(fs::read(to.join("a/run.sh")).expect("read"), [0, 13, 10, 255]);
        assert_eq!((mode(&to.join("a/run.sh")), mode(&to.join("a"))), (0o750, 0o555));
        assert_eq!(fs::read_link(to.join("link")).expect("read"), Path::new("/nowhere"));
        assert!(to.join("a/.git/deep").is_dir() && !to.join("home").exists());
        let time = |path: &Path| fs::metadata(path).expect("there").modified().expect("known");
        assert_eq!(time(&from.join("a/run.sh")), time(&to.join("a/run.sh")));
        for dir in [from.join("a"), to.join("a")] {
            fs::set_permissions(dir, Permissions::from_mode(0o755)).expect("set");
        }
    }

    #[test]
    fn too_much_is_refused() {
        let scratch = tempfile::tempdir().expect("scratch");
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        fs::create_dir_all(&from).expect("made");
        for name in ["a", "b", "c"] {
            fs::write(from.join(name), "12345").expect("written");
        }
        for limits in [CopyLimits { entries: 2, ..PLENTY }, CopyLimits { bytes: 14, ..PLENTY }] {
            let _ = fs::remove_dir_all(&to);
            fs::create_dir_all(&to).expect("made");
            let refused = copy_directory(&from, &to, Path::new("/none"), limits);
            assert!(matches!(refused, Err(CopyError::TooLarge { .. })), "{limits:?}");
        }
    }
}
