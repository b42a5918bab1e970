//! Ignore rules of another time. What appears because a rule went away was not made: it was there, unseen.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::path::RelPath;
use super::store::{Store, StoreError};
use super::tree::{Tree, What};

/// Longest ignore file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The rules of a tree, by the directory that they stand in. None if the rules are the same now as then.
pub(super) struct Rules(HashMap<Vec<u8>, Gitignore>);

impl Rules {
    /// The rules of `then`, if those of `now` are others.
    pub(super) fn between(store: &Store, then: &Tree, now: &Tree) -> Result<Self, StoreError> {
        let (old, new) = (files(then), files(now));
        let mut rules = HashMap::new();
        if old != new {
            for (path, what) in old {
                let (dir, _) = path.split();
                rules.insert(dir.to_vec(), rules_of(store, dir, what)?);
            }
        }
        Ok(Self(rules))
    }

    /// Whether this file was ignored. The innermost rule that speaks of it decides.
    pub(super) fn ignored(&self, path: &RelPath) -> bool {
        let dirs = path.parents().chain(std::iter::once(&b""[..]));
        for rules in dirs.filter_map(|dir| self.0.get(dir)) {
            match rules.matched_path_or_any_parents(Path::new("/").join(path.as_path()), false) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

fn files(tree: &Tree) -> Vec<(&RelPath, &What)> {
    let is_rules = |path: &RelPath| path.split().1 == ".gitignore";
    tree.entries().iter().map(|e| (&e.path, &e.what)).filter(|(path, _)| is_rules(path)).collect()
}

fn rules_of(store: &Store, dir: &[u8], what: &What) -> Result<Gitignore, StoreError> {
    use std::os::unix::ffi::OsStrExt;
    let at = Path::new("/").join(std::ffi::OsStr::from_bytes(dir));
    let mut builder = GitignoreBuilder::new(at);
    if let What::File { hash, .. } = what {
        let mut text = Vec::new();
        store
            .read(hash)?
            .take(LONGEST)
            .read_to_end(&mut text)
            .map_err(|source| StoreError::Io { dir: store.dir().to_owned(), source })?;
        for line in String::from_utf8_lossy(&text).lines() {
            // A line that makes no sense is no rule, as for git.
            let _ = builder.add_line(None, line);
        }
    }
    Ok(builder.build().unwrap_or_else(|_| Gitignore::empty()))
}
