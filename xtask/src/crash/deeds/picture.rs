//! A directory as it lies on the disk: what is in it, byte for byte; without what git keeps for itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Done, Stop};

/// Path → kind, mode, bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Picture(BTreeMap<PathBuf, (char, u32, Vec<u8>)>);

impl Picture {
    pub(super) fn of(root: &Path) -> Done<Self> {
        let mut picture = Self::default();
        picture
            .add(root, root)
            .map_err(|e| Stop::Fault(format!("{} cannot be read: {e}", root.display())))?;
        Ok(picture)
    }

    fn add(&mut self, root: &Path, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let meta = fs::symlink_metadata(&path)?;
            let mode = meta.permissions().mode() & 0o7777;
            if name.starts_with(".git") {
                continue;
            }
            let what = if meta.is_symlink() {
                ('l', 0, fs::read_link(&path)?.into_os_string().into_encoded_bytes())
            } else if meta.is_dir() {
                self.add(root, &path)?;
                ('d', mode, Vec::new())
            } else {
                ('f', mode, fs::read(&path)?)
            };
            self.0.insert(name, what);
        }
        Ok(())
    }

    /// The same but for who may do what.
    pub(super) fn without_modes(mut self) -> Self {
        self.0.values_mut().for_each(|(_, mode, _)| *mode = 0);
        self
    }

    /// What differs, for people.
    pub(super) fn difference(&self, other: &Self) -> String {
        let names = self.0.keys().chain(other.0.keys());
        let mut other_ones: Vec<String> = names
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .map(|name| name.display().to_string())
            .collect();
        other_ones.dedup();
        other_ones.truncate(8);
        other_ones.join(", ")
    }
}

/// Some files of every kind, all unlike those of another `word`.
pub(super) fn furnish(root: &Path, word: &str) -> Done {
    let furnish = || -> io::Result<()> {
        fs::create_dir_all(root.join("deep/er"))?;
        for n in 0..12 {
            fs::write(root.join(format!("file-{n:02}")), format!("{word} {n}\r\n").repeat(50 + n))?;
        }
        fs::write(root.join("deep/er/script"), format!("{word} deep\n"))?;
        fs::set_permissions(root.join("deep/er/script"), fs::Permissions::from_mode(0o700))?;
        symlink(word, root.join("link"))
    };
    furnish().map_err(|e| Stop::Fault(format!("{} cannot be furnished: {e}", root.display())))
}

/// Changes of every kind: other bytes, other modes, what goes, what comes, and what becomes another kind.
pub(super) fn change(root: &Path, word: &str) -> Done {
    let change = || -> io::Result<()> {
        for n in 0..6 {
            fs::write(root.join(format!("file-{n:02}")), format!("{word} {n}\n").repeat(70))?;
        }
        fs::remove_file(root.join("file-06"))?;
        fs::rename(root.join("file-07"), root.join("moved"))?;
        fs::set_permissions(root.join("file-08"), fs::Permissions::from_mode(0o600))?;
        fs::remove_dir_all(root.join("deep"))?;
        fs::write(root.join("deep"), word)?;
        fs::remove_file(root.join("link"))?;
        fs::create_dir(root.join("link"))
    };
    change().map_err(|e| Stop::Fault(format!("{} cannot be changed: {e}", root.display())))
}
