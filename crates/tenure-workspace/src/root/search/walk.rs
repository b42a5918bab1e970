//! All names below a directory, in the order of their paths.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, File, FileType, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::After;
use super::ignored::Rules;
use crate::root::read::NO_WAIT;
use crate::root::tree::{look, tidy};
use crate::{Entry, EntryKind};

/// Directories below one another that are entered.
const DEEPEST: usize = 128;

pub(super) struct Walk {
    levels: Vec<Level>,
    /// What the searched directory is called from the root.
    start: PathBuf,
    /// Rules of the directories above.
    above: Vec<Rules>,
    honour_ignore: bool,
}

struct Level {
    dir: Dir,
    path: PathBuf,
    /// Last first.
    names: Vec<(OsString, FileType)>,
    rules: Option<Rules>,
}

/// One name.
pub(super) struct Visit<'a> {
    dir: &'a Dir,
    name: OsString,
    path: PathBuf,
    start: &'a Path,
    kind: EntryKind,
}

impl Walk {
    /// Below a directory, or of one file alone.
    pub(super) fn start(root: &Dir, below: &Path, honour_ignore: bool) -> io::Result<Self> {
        let start = tidy(below);
        let mut walk = Self { levels: Vec::new(), start: start.clone(), above: Vec::new(), honour_ignore };
        if !root.metadata(below)?.is_dir() {
            let (parent, name) = (start.parent().unwrap_or(Path::new("")), start.file_name());
            let name = name.ok_or(io::ErrorKind::NotADirectory)?;
            let dir = open(root, parent)?;
            // By what the name itself is: a link to a file is told and not followed, here as everywhere.
            let kind = dir.symlink_metadata(name)?.file_type();
            let names = vec![(name.to_owned(), kind)];
            let path = parent.to_owned();
            walk.start = path.clone();
            walk.levels.push(Level { dir, path, names, rules: None });
            return Ok(walk);
        }
        if honour_ignore {
            let mut above: Vec<&Path> = start.ancestors().skip(1).collect();
            above.reverse();
            for path in above {
                walk.above.extend(Rules::of(&open(root, path)?, path));
            }
        }
        walk.enter(open(root, &start)?, start)?;
        Ok(walk)
    }

    fn enter(&mut self, dir: Dir, path: PathBuf) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            names.push((entry.file_name(), entry.file_type()?));
        }
        names.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        let rules = if self.honour_ignore { Rules::of(&dir, &path) } else { None };
        self.levels.push(Level { dir, path, names, rules });
        Ok(())
    }

    /// The next name after a place. Names on the way to it are entered and not given again.
    pub(super) fn next(&mut self, after: Option<&After>) -> io::Result<Option<Visit<'_>>> {
        let Some((at, name, kind)) = self.step(after)? else { return Ok(None) };
        let level = &self.levels[at];
        let path = level.path.join(&name);
        Ok(Some(Visit { dir: &level.dir, name, path, start: &self.start, kind: EntryKind::of(kind) }))
    }

    /// The same by its directory's place among the levels.
    fn step(&mut self, after: Option<&After>) -> io::Result<Option<(usize, OsString, FileType)>> {
        loop {
            let Some(at) = self.levels.len().checked_sub(1) else { return Ok(None) };
            let level = &mut self.levels[at];
            let Some((name, kind)) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            let path = level.path.join(&name);
            let on_the_way = after.is_some_and(|after| after.path.starts_with(&path));
            let before = after.is_some_and(|after| path < after.path);
            if (before && !on_the_way) || self.is_ignored(&path, &name, kind.is_dir()) {
                continue;
            }
            // A file that was left in the middle comes again, for its other lines.
            let again = after.is_some_and(|after| path == after.path && after.line.is_none());
            if kind.is_dir() && self.levels.len() < DEEPEST {
                self.step_into(&name, &path)?;
                if on_the_way {
                    continue;
                }
            } else if again || before {
                continue;
            }
            return Ok(Some((at, name, kind)));
        }
    }

    fn step_into(&mut self, name: &OsStr, path: &Path) -> io::Result<()> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NO_FOLLOW | DIRECTORY | NO_WAIT);
        let opened = level.dir.open_with(name, &options).map(|file| Dir::from_std_file(file.into_std()));
        match opened.and_then(|dir| self.enter(dir, path.to_owned())) {
            // It went meanwhile, is another thing now, or is not ours to read.
            Err(error) if super::is_gone(&error) => Ok(()),
            other => other,
        }
    }

    fn is_ignored(&self, path: &Path, name: &OsStr, is_dir: bool) -> bool {
        if !self.honour_ignore {
            return false;
        }
        let nearest_first = self.levels.iter().rev().filter_map(|level| level.rules.as_ref());
        let verdict = nearest_first.chain(self.above.iter().rev()).find_map(|rules| rules.say(path, is_dir));
        name == ".git" || verdict.unwrap_or(false)
    }
}

impl Visit<'_> {
    /// From the root.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From the searched directory.
    pub(super) fn below(&self) -> &Path {
        self.path.strip_prefix(self.start).unwrap_or(&self.path)
    }

    pub(super) fn kind(&self) -> EntryKind {
        self.kind
    }

    pub(super) fn entry(&self) -> io::Result<Entry> {
        look(self.dir, Path::new(&self.name), &self.path)
    }

    /// Opens it, if it is still a regular file.
    pub(super) fn open(&self) -> io::Result<Option<(File, Metadata)>> {
        if !self.dir.symlink_metadata(&self.name)?.is_file() {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NO_WAIT | NO_FOLLOW);
        let file = self.dir.open_with(&self.name, &options)?;
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then_some((file, metadata)))
    }
}

#[expect(clippy::cast_possible_wrap, reason = "the flag's bits are what the system's int holds")]
const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits() as i32;

#[expect(clippy::cast_possible_wrap, reason = "the flag's bits are what the system's int holds")]
const DIRECTORY: i32 = OFlags::DIRECTORY.bits() as i32;

fn open(root: &Dir, path: &Path) -> io::Result<Dir> {
    if path.as_os_str().is_empty() { root.try_clone() } else { root.open_dir(path) }
}
