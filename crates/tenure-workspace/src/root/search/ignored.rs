//! What a directory's `.gitignore` and `.ignore` leave out. The files are read through the root, never by name.

use std::io::Read;
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::root::read::NO_WAIT;

/// Largest file of rules that is read, in bytes.
const LARGEST: u64 = 1 << 20;

pub(super) struct Rules(Gitignore);

impl Rules {
    /// Those of a directory, which is called so from the root.
    pub(super) fn of(dir: &Dir, path: &Path) -> Option<Self> {
        let mut builder = GitignoreBuilder::new(path);
        let mut any = false;
        for name in [".gitignore", ".ignore"] {
            let Some(text) = read(dir, name) else { continue };
            any = true;
            for line in text.lines() {
                // A line that is no rule says nothing, as in git.
                let _ = builder.add_line(None, line);
            }
        }
        any.then(|| builder.build().ok().map(Self)).flatten()
    }

    /// Whether it is left out; none if nothing is said of it.
    pub(super) fn say(&self, path: &Path, is_dir: bool) -> Option<bool> {
        match self.0.matched(path, is_dir) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}

fn read(dir: &Dir, name: &str) -> Option<String> {
    if !dir.metadata(name).ok()?.is_file() {
        return None;
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(NO_WAIT);
    let file = dir.open_with(name, &options).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
