//! `git worktree list --porcelain -z`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A directory in which something of a repository is checked out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedOut {
    /// Where.
    pub path: PathBuf,
    /// The whole name of the branch, `refs/heads/…`; none if it is on no branch.
    pub branch: Option<String>,
    /// It is the repository itself, without files.
    pub bare: bool,
}

/// All of them; the repository's own is the first.
#[must_use]
pub fn worktrees(listing: &[u8]) -> Vec<CheckedOut> {
    let mut all: Vec<CheckedOut> = Vec::new();
    for line in listing.split(|byte| *byte == 0) {
        if let Some(path) = line.strip_prefix(b"worktree ") {
            all.push(CheckedOut { path: PathBuf::from(OsStr::from_bytes(path)), ..CheckedOut::default() });
            continue;
        }
        let Some(last) = all.last_mut() else { continue };
        if let Some(branch) = line.strip_prefix(b"branch ") {
            last.branch = String::from_utf8(branch.to_vec()).ok();
        }
        last.bare |= line == b"bare";
    }
    all
}
