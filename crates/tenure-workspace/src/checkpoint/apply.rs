//! Changing a directory as a journal says.
//!
//! Each step looks first: what is as it is to be is done already; what is neither so nor as it was recorded belongs to
//! somebody else, and is left. So it can be begun again after a crash at any point. Files are written beside their place and
//! moved over it by one rename, under names that follow from the journal, so that leftovers are found.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, chmodat, fchmod, mkdirat, openat, renameat, symlinkat, unlinkat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tenure_crash_point::crash_point;

use super::beneath::{Beneath, is_absent};
use super::hash::{Hash, TreeId};
use super::journal::Journal;
use super::observe::{PIECE, look};
use super::path::RelPath;
use super::plan::same;
use super::store::{Store, StoreError};
use super::tree::{Tree, What};

/// What came of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What is now as it was to be.
    pub paths: Vec<RelPath>,
    /// What is not.
    pub missed: Vec<Missed>,
}

/// Something that could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Where.
    pub path: RelPath,
    /// Why, for people.
    pub why: String,
}

impl Store {
    /// Carries a journal out, or finishes it if it was begun before (`again`). It ends up in the journal; what was done
    /// already is only told.
    ///
    /// # Errors
    /// If the store or the directory cannot be used at all. Then nothing more was changed, and it can be tried again.
    pub fn carry_out(&mut self, root: &Path, journal: &mut Journal, again: bool) -> Result<Done, StoreError> {
        if let Some(done) = &journal.done {
            return Ok(done.clone());
        }
        let (guard, target) = (self.tree(&journal.guard)?, self.tree(&journal.target)?);
        let at = Beneath::open(root).map_err(|e| self.failed(e))?;
        let mut work = Work { store: self, at, guard, target, again, id: &journal.id, missed: Vec::new() };
        work.all(&journal.paths);
        let missed = std::mem::take(&mut work.missed);
        let left: HashSet<&RelPath> = missed.iter().map(|m| &m.path).collect();
        let paths = journal.paths.iter().filter(|path| !left.contains(path)).cloned().collect();
        let done = Done { paths, missed };
        crash_point!("rewind.all_steps");
        journal.done = Some(done.clone());
        self.write_journal(journal)?;
        Ok(done)
    }
}

impl Store {
    /// What stands there after a journal was carried out, by what it did: what somebody else does meanwhile is not in it.
    ///
    /// # Errors
    /// If a tree cannot be read or written.
    pub fn result_of(&mut self, journal: &Journal, done: &Done) -> Result<TreeId, StoreError> {
        let (guard, target) = (self.tree(&journal.guard)?, self.tree(&journal.target)?);
        let changed: HashSet<&RelPath> = done.paths.iter().collect();
        let kept = guard.entries().iter().filter(|entry| !changed.contains(&entry.path));
        let new = target.entries().iter().filter(|entry| changed.contains(&entry.path));
        self.put_tree(&Tree::new(kept.chain(new).cloned().collect()))
    }
}

/// One journal in progress.
struct Work<'a> {
    store: &'a Store,
    at: Beneath,
    guard: Arc<Tree>,
    target: Arc<Tree>,
    again: bool,
    id: &'a str,
    missed: Vec<Missed>,
}

/// One path of it.
struct Step<'a> {
    path: &'a RelPath,
    no: usize,
    now: Option<What>,
    to: Option<What>,
}

/// Why a step fails.
enum Trouble {
    Io(io::Error),
    Lost(StoreError),
}

impl From<io::Error> for Trouble {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<rustix::io::Errno> for Trouble {
    fn from(e: rustix::io::Errno) -> Self {
        Self::Io(e.into())
    }
}

impl From<StoreError> for Trouble {
    fn from(e: StoreError) -> Self {
        Self::Lost(e)
    }
}

impl Work<'_> {
    fn all(&mut self, paths: &[RelPath]) {
        let mut steps: Vec<Step<'_>> = Vec::new();
        for (no, path) in paths.iter().enumerate() {
            self.clear_leftover(path, no);
            steps.extend(self.look_at(path, no));
        }
        // What has to go first goes first, the deepest before what holds it.
        steps.sort_by_key(|step| std::cmp::Reverse(step.path.depth()));
        steps.retain(|step| {
            let replaced =
                step.to.as_ref().is_none_or(|to| !step.now.as_ref().is_some_and(|now| now.is_kind_of(to)));
            let goes = step.now.is_some() && replaced;
            !goes || self.tell(step, |work, step| work.remove(step))
        });
        // Then what has to be, the outermost first; and last the modes of directories, which may shut them.
        steps.retain(|step| step.to.is_some());
        steps.sort_by_key(|step| step.path.depth());
        steps.retain(|step| self.tell(step, |work, step| work.put(step)));
        for step in steps.iter().rev() {
            self.tell(step, |work, step| work.set_mode(step));
        }
    }

    /// What is to be done at a path; none if it is done, or must not be.
    fn look_at<'p>(&mut self, path: &'p RelPath, no: usize) -> Option<Step<'p>> {
        let (from, to) = (self.guard.get(path).cloned(), self.target.get(path).cloned());
        let now = match look(&mut self.at, path) {
            Ok(now) => now,
            Err(e) => {
                self.miss(path, e.to_string());
                return None;
            }
        };
        let is_dir = |what: &Option<What>| matches!(what, Some(What::Dir { .. }));
        if same(now.as_ref(), to.as_ref()) {
            return None;
        }
        // After a crash something may stand halfway: gone and not made anew, or made and without its mode.
        let halfway = self.again
            && ((now.is_none() && from.is_some() && to.is_some()) || (is_dir(&now) && is_dir(&to)));
        if !same(now.as_ref(), from.as_ref()) && !halfway {
            self.miss(path, "it was changed just now by somebody else".to_owned());
            return None;
        }
        Some(Step { path, no, now, to })
    }

    fn miss(&mut self, path: &RelPath, why: String) {
        self.missed.push(Missed { path: path.clone(), why });
    }

    fn tell(
        &mut self,
        step: &Step<'_>,
        what: impl FnOnce(&mut Self, &Step<'_>) -> Result<(), Trouble>,
    ) -> bool {
        match what(self, step) {
            Ok(()) => {
                crash_point!("rewind.step");
                true
            }
            Err(Trouble::Io(e)) => {
                let why = match e.kind() {
                    io::ErrorKind::DirectoryNotEmpty => {
                        "the directory holds files that checkpoints do not cover".to_owned()
                    }
                    _ => e.to_string(),
                };
                self.miss(step.path, why);
                false
            }
            Err(Trouble::Lost(e)) => {
                self.miss(step.path, e.to_string());
                false
            }
        }
    }

    fn remove(&mut self, step: &Step<'_>) -> Result<(), Trouble> {
        let is_dir = matches!(step.now, Some(What::Dir { .. }));
        let flags = if is_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        self.in_parent(step.path, |dir, name| Ok(unlinkat(dir, name, flags)?))?;
        self.at.forget();
        Ok(())
    }

    fn put(&mut self, step: &Step<'_>) -> Result<(), Trouble> {
        match &step.to {
            Some(What::Dir { .. }) if matches!(step.now, Some(What::Dir { .. })) => Ok(()),
            Some(What::Dir { .. }) => self.make_dir(step.path),
            Some(What::Link { target }) => {
                let temp = self.temp(step.no);
                let target = OsStr::from_bytes(target);
                self.make_parents(step.path)?;
                self.in_parent(step.path, |dir, name| {
                    symlinkat(target, dir, &temp)?;
                    Ok(renameat(dir, &temp, dir, name)?)
                })
            }
            Some(What::File { mode, hash, .. }) => self.put_file(step, *mode, hash),
            Some(What::Unknown { .. }) | None => Ok(()),
        }
    }

    fn put_file(&mut self, step: &Step<'_>, mode: u32, hash: &Hash) -> Result<(), Trouble> {
        if matches!(&step.now, Some(What::File { hash: now, .. }) if now == hash)
            && let Ok(file) = self.at.read(step.path)
        {
            return Ok(fchmod(&file, Mode::from_raw_mode(mode))?);
        }
        let mut bytes = self.store.read(hash)?;
        let temp = self.temp(step.no);
        self.make_parents(step.path)?;
        self.in_parent(step.path, |dir, name| {
            let done = write_new(dir, &temp, &mut bytes, mode, hash);
            crash_point!("rewind.beside");
            let done = done.and_then(|()| Ok(renameat(dir, &temp, dir, name)?));
            if done.is_err() {
                let _ = unlinkat(dir, &temp, AtFlags::empty());
            }
            done
        })
    }

    fn make_dir(&mut self, path: &RelPath) -> Result<(), Trouble> {
        self.make_parents(path)?;
        self.in_parent(path, |dir, name| match mkdirat(dir, name, Mode::RWXU) {
            Err(rustix::io::Errno::EXIST) => Ok(()),
            made => Ok(made?),
        })
    }

    /// Makes directories above a path that are not there, as the target has them.
    fn make_parents(&mut self, path: &RelPath) -> Result<(), Trouble> {
        let missing: Vec<RelPath> = path.parents().filter_map(RelPath::new).collect();
        for dir in missing.iter().rev() {
            if self.at.stat(dir)?.is_none() {
                let mode = match self.target.get(dir) {
                    Some(What::Dir { mode }) => *mode | 0o700,
                    _ => 0o755,
                };
                self.in_parent(dir, |at, name| {
                    mkdirat(at, name, Mode::RWXU)?;
                    Ok(chmodat(at, name, Mode::from_raw_mode(mode), AtFlags::empty())?)
                })?;
            }
        }
        Ok(())
    }

    fn set_mode(&mut self, step: &Step<'_>) -> Result<(), Trouble> {
        let Some(What::Dir { mode }) = &step.to else { return Ok(()) };
        self.in_parent(step.path, |dir, name| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(dir, name, flags, Mode::empty()) {
                Ok(opened) => Ok(fchmod(opened, Mode::from_raw_mode(*mode))?),
                // One that may not be read; it is ours all the same.
                Err(_) => Ok(chmodat(dir, name, Mode::from_raw_mode(*mode), AtFlags::empty())?),
            }
        })
    }

    /// Does something in the directory that a path lies in; one that may not be written is opened for it and shut again.
    fn in_parent(
        &mut self,
        path: &RelPath,
        mut work: impl FnMut(BorrowedFd<'_>, &OsStr) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let (dir, name) = self.at.parent(path)?;
        match work(dir, name) {
            Err(Trouble::Io(e)) if e.kind() == io::ErrorKind::PermissionDenied => {}
            done => return done,
        }
        let refused = || Trouble::Io(io::ErrorKind::PermissionDenied.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(dir, ".", flags, Mode::empty()).map_err(|_| refused())?;
        let before = Mode::from_raw_mode(super::observe::mode_of(&rustix::fs::fstat(&opened)?));
        fchmod(&opened, before | Mode::RWXU).map_err(|_| refused())?;
        let done = work(opened.as_fd(), name);
        fchmod(&opened, before)?;
        done
    }

    /// The name under which a step writes beside its place.
    fn temp(&self, no: usize) -> String {
        format!(".tenure-{}-{no}", self.id)
    }

    /// Removes what a crash left beside a place.
    fn clear_leftover(&mut self, path: &RelPath, no: usize) {
        if self.again {
            let temp = self.temp(no);
            // Mostly nothing is there.
            let _ = self.in_parent(path, |dir, _| Ok(unlinkat(dir, &temp, AtFlags::empty())?));
        }
    }
}

/// Writes a new file whole, with its mode, to the disk.
fn write_new(
    dir: BorrowedFd<'_>,
    name: &str,
    bytes: &mut dyn Read,
    mode: u32,
    hash: &Hash,
) -> Result<(), Trouble> {
    match unlinkat(dir, name, AtFlags::empty()).map_err(io::Error::from) {
        Err(e) if !is_absent(&e) => return Err(e.into()),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match bytes.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&piece[..n]);
                file.write_all(&piece[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    if Hash::finish(hasher) != *hash {
        return Err(Trouble::Lost(StoreError::NoBytes(*hash)));
    }
    fchmod(&file, Mode::from_raw_mode(mode))?;
    Ok(file.sync_data()?)
}
