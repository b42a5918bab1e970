//! Finding names and lines below a directory: in the order of paths, so that a search which came to a bound goes
//! on from where it stopped. Links are told and never followed; pipes and devices are never opened.

mod ignored;
mod lines;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use globset::{GlobBuilder, GlobMatcher};

use crate::root::{Root, Trouble};
use crate::{Entry, EntryKind, FileError};
use lines::grep_file;
pub use lines::{Line, Pattern, PatternError};
use walk::{Visit, Walk};

/// Longest glob, in bytes.
const LONGEST_GLOB: usize = 1000;
/// Names that one search looks at, at most.
const MOST_NAMES: u64 = 200_000;
/// Bytes that one search reads, at most.
const MOST_READ: u64 = 256 << 20;

/// Where to search, and within which bounds.
#[derive(Debug, Clone)]
pub struct Search {
    /// The directory, below which all is searched.
    pub below: PathBuf,
    /// Only names that match; all if none.
    pub glob: Option<NameGlob>,
    /// Leave out what `.gitignore` and `.ignore` files leave out, and `.git`.
    pub honour_ignore: bool,
    /// Go on after this.
    pub after: Option<After>,
    /// How many at most.
    pub limit: usize,
    /// Stop there, with what was found until then.
    pub deadline: Instant,
}

/// Where a search stopped: at a name and, in a file, at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The name, from the root.
    pub path: PathBuf,
    /// Lines of it that are done; all if none.
    pub line: Option<u64>,
}

/// Some of what was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// In the order of paths.
    pub items: Vec<T>,
    /// There may be more after this.
    pub next: Option<After>,
    /// Files that were not searched: no text, too large, or not to be read.
    pub skipped: u64,
}

/// Which names match: `*.rs` by the last name anywhere, `src/**/*.rs` by the path below the searched directory.
#[derive(Debug, Clone)]
pub struct NameGlob {
    matcher: GlobMatcher,
    whole: bool,
}

impl NameGlob {
    /// Reads one.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST_GLOB {
            return Err(format!(
                "give a glob of 1 to {LONGEST_GLOB} bytes, for example `*.rs` or `src/**/*.rs`"
            ));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|error| format!("{error}; examples are `*.rs` and `src/**/*.rs`"))?;
        Ok(Self { matcher: glob.compile_matcher(), whole: text.contains('/') })
    }

    fn matches(&self, below: &Path) -> bool {
        let last = || below.file_name().map_or(below, Path::new);
        self.matcher.is_match(if self.whole { below } else { last() })
    }
}

impl Root {
    /// Names below a directory.
    ///
    /// # Errors
    /// If the path leads out, or there is no directory.
    pub fn find(&self, search: &Search) -> Result<Found<Entry>, FileError> {
        let mut items = Vec::new();
        let next = self.search(search, |visit| {
            items.push(visit.entry()?);
            Ok(if items.len() >= search.limit { Flow::Stop(None) } else { Flow::Go })
        })?;
        Ok(Found { items, next, skipped: 0 })
    }

    /// Lines of files below a directory, or of one file.
    ///
    /// # Errors
    /// If the path leads out, or nothing is there.
    pub fn grep(&self, search: &Search, pattern: &Pattern) -> Result<Found<Line>, FileError> {
        let (mut items, mut skipped, mut read) = (Vec::new(), 0, 0);
        let next = self.search(search, |visit| {
            if visit.kind() != EntryKind::File {
                return Ok(Flow::Go);
            }
            let done = search.after.as_ref().filter(|after| after.path == visit.path()).and_then(|a| a.line);
            let room = search.limit - items.len();
            let Some(seen) = grep_file(visit, pattern, done.unwrap_or(0), room)? else {
                skipped += 1;
                return Ok(Flow::Go);
            };
            read += seen.bytes;
            items.extend(seen.lines);
            let full = items.len() >= search.limit;
            Ok(match seen.stopped_at {
                Some(line) => Flow::Stop(Some(line)),
                None if full || read >= MOST_READ => Flow::Stop(None),
                None => Flow::Go,
            })
        })?;
        Ok(Found { items, next, skipped })
    }

    /// Visits what matches, until told to stop or a bound is reached; tells where that was.
    fn search(
        &self,
        search: &Search,
        mut visit: impl FnMut(&Visit<'_>) -> io::Result<Flow>,
    ) -> Result<Option<After>, FileError> {
        let failed = |trouble| self.file_error(&search.below, trouble);
        let below = self.relative(&search.below).map_err(failed)?;
        let after = search.after.as_ref();
        let mut walk = Walk::start(&self.dir, &below, search.honour_ignore).map_err(|e| failed(e.into()))?;
        let mut names = 0;
        while let Some(found) = walk.next(after).map_err(|e| failed(Trouble::Io(e)))? {
            names += 1;
            let bound = names >= MOST_NAMES || Instant::now() >= search.deadline;
            let fits = search.glob.as_ref().is_none_or(|glob| glob.matches(found.below()));
            let flow = match fits.then(|| visit(&found)) {
                // It went meanwhile, or is not ours to read.
                Some(Err(error)) if is_gone(&error) => Flow::Go,
                Some(flow) => flow.map_err(|e| failed(Trouble::Io(e)))?,
                None => Flow::Go,
            };
            match flow {
                Flow::Stop(line) => return Ok(Some(After { path: found.path().to_owned(), line })),
                Flow::Go if bound => return Ok(Some(After { path: found.path().to_owned(), line: None })),
                Flow::Go => {}
            }
        }
        Ok(None)
    }
}

enum Flow {
    Go,
    /// After this line of the file, or after the name.
    Stop(Option<u64>),
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
    )
}
