//! Finding what is to be recorded: everything beneath a directory that no ignore rule excludes.
//!
//! The rules are git's: `.gitignore` in every directory, the repository's `info/exclude` and the person's own list.
//! Outside of a repository `.gitignore` files count all the same. What version control keeps for itself is left out, so a
//! nested repository is a directory of plain files. Other file systems that are mounted beneath are not entered.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use super::path::RelPath;
use super::take::TakeError;

/// Directories, or files in their stead, in which version control keeps its own.
const OWN: [&[u8]; 4] = [b".git", b".hg", b".jj", b".svn"];

/// What was found, in no order.
#[derive(Default)]
pub(super) struct Found {
    pub(super) paths: Vec<RelPath>,
    /// Directories whose names could not be read, and why.
    pub(super) closed: Vec<(RelPath, String)>,
}

/// Walks a directory; stops when `enough` of a number of names says so.
pub(super) fn walk(
    root: &Path,
    leave_out: &[PathBuf],
    enough: impl Fn(usize) -> Result<(), TakeError>,
) -> Result<Found, TakeError> {
    let in_repository = root.ancestors().any(|dir| dir.join(".git").exists());
    let leave_out = leave_out.to_vec();
    let walker = WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .git_global(true)
        // Rules above the directory count only if they are those of its repository.
        .parents(in_repository)
        .require_git(in_repository)
        .follow_links(false)
        .same_file_system(true)
        .filter_entry(move |entry| is_wanted(entry, &leave_out))
        .build();
    let mut found = Found::default();
    for entry in walker {
        match entry {
            Ok(entry) => {
                if let Some(path) = beneath(root, entry.path()) {
                    found.paths.push(path);
                    enough(found.paths.len())?;
                }
            }
            Err(e) => match place_of(&e).map(|at| beneath(root, at)) {
                Some(Some(path)) => found.closed.push((path, plain(&e))),
                _ => return Err(TakeError::Root { path: root.to_owned(), source: e.into_io_error().into() }),
            },
        }
    }
    Ok(found)
}

fn is_wanted(entry: &DirEntry, leave_out: &[PathBuf]) -> bool {
    let name = entry.file_name().as_bytes();
    entry.depth() == 0 || !(OWN.contains(&name) || leave_out.iter().any(|path| path == entry.path()))
}

fn beneath(root: &Path, path: &Path) -> Option<RelPath> {
    RelPath::new(path.strip_prefix(root).ok()?.as_os_str().as_bytes())
}

/// The directory that an error is about.
fn place_of(e: &ignore::Error) -> Option<&Path> {
    match e {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn plain(e: &ignore::Error) -> String {
    e.io_error().map_or_else(|| e.to_string(), ToString::to_string)
}
