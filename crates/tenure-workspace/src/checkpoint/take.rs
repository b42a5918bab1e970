//! Recording a directory.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

use super::beneath::{Beneath, is_absent};
use super::hash::{Hash, TreeId};
use super::observe::{Mark, Stable, link_of, mode_of, stable, type_of};
use super::pack::PackWriter;
use super::path::RelPath;
use super::seen::{Seen, SeenFiles};
use super::store::{Store, StoreError};
use super::tree::{Entry, Tree, What};
use super::walk::{Found, walk};

/// A file whose times are younger than this when it is read may change without showing it, in nanoseconds.
const UNSETTLED_NS: i64 = 2_000_000_000;

/// How much is recorded at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Names: files, links and directories.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// A directory was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it holds.
    pub tree: TreeId,
    /// Files and links.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files that were read; the others were known.
    pub read: u64,
    /// What could not be recorded, and why.
    pub unknown: Vec<(RelPath, String)>,
}

/// A directory was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The directory cannot be walked.
    #[error("the directory {} cannot be read: {source}", path.display())]
    Root {
        /// Which.
        path: PathBuf,
        /// Why, as far as it is known.
        #[source]
        source: Cause,
    },
    /// It holds more than was allowed.
    #[error("it holds more than {} files or {} MB that no ignore rule excludes", limits.files, limits.bytes >> 20)]
    TooLarge {
        /// What was allowed.
        limits: Limits,
    },
    /// The caller wanted it no more.
    #[error("it was stopped before its end")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a directory cannot be walked.
#[derive(Debug)]
pub struct Cause(Option<io::Error>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(e) => e.fmt(f),
            None => f.write_str("the system did not say why"),
        }
    }
}

impl std::error::Error for Cause {}

impl From<Option<io::Error>> for Cause {
    fn from(e: Option<io::Error>) -> Self {
        Self(e)
    }
}

/// What is asked of one walk.
struct Ask<'a> {
    limits: Option<Limits>,
    /// Nanoseconds since 1970.
    now_ns: i64,
    stop: &'a dyn Fn() -> bool,
}

impl Store {
    /// Records what `root` holds, as it is now. `now_ns` are nanoseconds since 1970 on the clock of the file system:
    /// what changed just before may change again without showing it, and is read again next time. `stop` is asked
    /// between files.
    ///
    /// # Errors
    /// If the directory cannot be walked, holds more than `limits` allow, or the store cannot be written. A file that
    /// cannot be read is no error: it is recorded as unknown.
    pub fn take(
        &mut self,
        root: &Path,
        limits: Option<Limits>,
        now_ns: i64,
        stop: &dyn Fn() -> bool,
    ) -> Result<Taken, TakeError> {
        let ask = Ask { limits, now_ns, stop };
        let found = walk(root, self.left_out(), |n| ask.check(n as u64, 0))?;
        let at = Beneath::open(root)
            .map_err(|e| TakeError::Root { path: root.to_owned(), source: Some(e).into() })?;
        let mut visit = Visit {
            pack: None,
            at,
            before: self.take_seen(),
            seen: SeenFiles::new(),
            bytes: 0,
            read: 0,
            store: self,
        };
        let tree = visit.all(found, &ask);
        let Visit { pack, before, seen, read, .. } = visit;
        let tree = match tree {
            Ok(tree) => tree,
            Err(e) => {
                self.put_seen_back(before);
                return Err(e);
            }
        };
        self.keep(pack)?;
        let id = self.put_tree(&tree)?;
        let (files, bytes) = tree.size();
        let unknown = tree.unknown().map(|(path, why)| (path.clone(), why.to_owned())).collect();
        self.remember(before, seen)?;
        self.cache(id, tree);
        Ok(Taken { tree: id, files, bytes, read, unknown })
    }
}

impl Ask<'_> {
    fn check(&self, files: u64, bytes: u64) -> Result<(), TakeError> {
        if let Some(limits) = self.limits.filter(|l| files > l.files || bytes > l.bytes) {
            return Err(TakeError::TooLarge { limits });
        }
        if (self.stop)() { Err(TakeError::Stopped) } else { Ok(()) }
    }
}

/// One walk in progress.
struct Visit<'a> {
    store: &'a Store,
    at: Beneath,
    pack: Option<PackWriter>,
    before: SeenFiles,
    seen: SeenFiles,
    bytes: u64,
    read: u64,
}

impl Visit<'_> {
    fn all(&mut self, found: Found, ask: &Ask<'_>) -> Result<Tree, TakeError> {
        let Found { mut paths, closed } = found;
        paths.sort_unstable();
        let mut entries = self.looked_at(paths, ask)?;
        let closed: HashMap<RelPath, String> = closed.into_iter().collect();
        for entry in entries.iter_mut().filter(|e| closed.contains_key(&e.path)) {
            entry.what = What::Unknown { why: closed[&entry.path].clone() };
        }
        Ok(Tree::new(entries))
    }

    /// Sizes are added up before anything is read: what is too large costs a look and no more.
    fn looked_at(&mut self, paths: Vec<RelPath>, ask: &Ask<'_>) -> Result<Vec<Entry>, TakeError> {
        let n = paths.len() as u64;
        let mut stats = Vec::with_capacity(paths.len());
        for path in paths {
            let stat = self.at.stat(&path);
            if let Ok(Some(stat)) = &stat
                && type_of(stat) == FileType::RegularFile
            {
                self.bytes += Mark::of(stat).size;
                ask.check(n, self.bytes)?;
            }
            stats.push((path, stat));
        }
        let mut entries = Vec::with_capacity(stats.len());
        for (path, stat) in stats {
            ask.check(n, self.bytes)?;
            let what = match stat {
                Ok(Some(stat)) => self.one(&path, &stat, ask.now_ns)?,
                Ok(None) => None,
                Err(e) => Some(What::Unknown { why: e.to_string() }),
            };
            entries.extend(what.map(|what| Entry { path, what }));
        }
        Ok(entries)
    }

    /// What is recorded of one thing; none for what is gone meanwhile, or is never recorded.
    fn one(&mut self, path: &RelPath, stat: &Stat, now_ns: i64) -> Result<Option<What>, StoreError> {
        let what = match type_of(stat) {
            FileType::Directory => Ok(Some(What::Dir { mode: mode_of(stat) })),
            FileType::Symlink => link_of(&mut self.at, path).map(|target| Some(What::Link { target })),
            FileType::RegularFile => return self.file(path, stat, now_ns),
            _ => Ok(None),
        };
        Ok(what.unwrap_or_else(unreadable))
    }

    fn file(&mut self, path: &RelPath, stat: &Stat, now_ns: i64) -> Result<Option<What>, StoreError> {
        let mark = Mark::of(stat);
        if let Some(seen) = self.before.get(path).filter(|s| s.settled && s.mark == mark)
            && self.store.has(&seen.hash)
        {
            let seen = *seen;
            self.seen.insert(path.clone(), seen);
            return Ok(Some(What::File { mode: mode_of(stat), size: mark.size, hash: seen.hash }));
        }
        let pack = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(self.store.new_pack()?),
        };
        self.read += 1;
        let mut failed = None;
        let store = self.store;
        let read = stable(&mut self.at, path, |file, size| {
            let mut file = Marked { file, failed: false };
            pack.add(&mut file, size, |hash| store.has(hash)).inspect_err(|e| {
                // What the file itself refuses concerns it alone; else the store has failed.
                if !file.failed {
                    failed = Some(store.failed(io::Error::new(e.kind(), e.to_string())));
                }
            })
        });
        if let Some(e) = failed {
            return Err(e);
        }
        Ok(match read {
            Ok(Some(Stable { stat, of: hash })) => Some(self.note(path, &stat, hash, now_ns)),
            Ok(None) => {
                Some(What::Unknown { why: "it kept changing while it was read; try again".to_owned() })
            }
            Err(e) => unreadable(e),
        })
    }

    fn note(&mut self, path: &RelPath, stat: &Stat, hash: Hash, now_ns: i64) -> What {
        let mark = Mark::of(stat);
        let settled = mark.ctime_ns.max(mark.mtime_ns) < now_ns.saturating_sub(UNSETTLED_NS);
        self.seen.insert(path.clone(), Seen { mark, hash, settled });
        What::File { mode: mode_of(stat), size: mark.size, hash }
    }
}

fn unreadable(e: io::Error) -> Option<What> {
    (!is_absent(&e)).then(|| What::Unknown { why: e.to_string() })
}

/// Remembers that it was the file which could not be read.
struct Marked<'a> {
    file: &'a mut std::fs::File,
    failed: bool,
}

impl io::Read for Marked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf);
        self.failed |= read.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        read
    }
}
