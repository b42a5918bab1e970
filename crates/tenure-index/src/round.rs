//! Filling the index: look at everything, or at what changed; list what is new, read it, step by step.

mod read;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, Transaction, params};
use tenure_history::{Conversation, Found, Reader, Stamp, Warning, WarningKind};

use crate::open::Identity;
use crate::{Index, IndexError};

use read::forget;

/// Entries that are listed in one transaction.
const STEP_ENTRIES: usize = 200;
/// Warnings that are kept of one round.
const MOST_WARNINGS: usize = 1_000;

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Conversations that were found.
    pub found: usize,
    /// Of them, those that are new or have changed.
    pub to_read: usize,
    /// Of those, how many are read.
    pub read: usize,
    /// Text that was put into the index in this round, in bytes.
    pub bytes: u64,
    /// How much of the agents' files was read for it, in bytes.
    pub file_bytes: u64,
}

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// How far it came.
    pub progress: Progress,
    /// Conversations that are no longer there.
    pub removed: usize,
    /// It was broken off.
    pub broken_off: bool,
    /// Something has changed of which only a whole round can tell.
    pub only_whole: bool,
    /// What could not be listed or read, at most 1,000. What was left out inside of conversations is told by [`Writer::left_out`].
    pub warnings: Vec<Warning>,
}

/// Says how a round goes on.
pub trait Pace {
    /// Asked when all was looked at, and then between two steps; a break ends the round there.
    fn go_on(&mut self, progress: Progress) -> ControlFlow<()>;

    /// What has changed meanwhile and is to be looked at before it goes on, as [`Writer::look_at`] takes it; asked between two steps.
    fn news(&mut self) -> Option<Vec<PathBuf>> {
        None
    }
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Pace for F {
    fn go_on(&mut self, progress: Progress) -> ControlFlow<()> {
        self(progress)
    }
}

/// Asked for nothing that has changed meanwhile.
struct Alone<'a>(&'a mut dyn Pace);

impl Pace for Alone<'_> {
    fn go_on(&mut self, progress: Progress) -> ControlFlow<()> {
        self.0.go_on(progress)
    }
}

/// The id of the project that a directory belongs to.
pub type ProjectOf<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// The one that writes.
#[derive(Debug)]
pub struct Writer {
    db: Connection,
    file: Identity,
    /// What the round before saw, so that what has changed since is read first; none before the first.
    seen: Option<Seen>,
}

/// What is known of a conversation.
struct Known {
    id: i64,
    path: PathBuf,
    stamp: Stamp,
    read: Option<Stamp>,
}

/// An agent, and its id of a conversation.
type Named = (String, String);
/// What is known of each conversation.
type AllKnown = HashMap<Named, Known>;
/// How each conversation was found.
type Seen = HashMap<Named, Stamp>;
/// What a round may have to read.
type Work<'a> = (&'a dyn Reader, Found);

impl Index {
    /// The writer; one at a time.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn writer(&self) -> Result<Writer, IndexError> {
        Ok(Writer { db: self.writing()?, file: self.identity()?, seen: None })
    }
}

impl Writer {
    /// Whether it still writes the index's file, and not one that was removed.
    #[must_use]
    pub fn stands(&self, index: &Index) -> bool {
        index.identity().is_ok_and(|now| now == self.file)
    }

    /// Brings the index to what the readers find now. What cannot be read is told and left as it was. What has changed since the
    /// round before comes before all else, also if that one was broken off: so a caller who hears of a change while a large past is
    /// read ends the round and begins another.
    ///
    /// # Errors
    /// The database fails. What was done before stays done.
    pub fn round(
        &mut self,
        readers: &[Box<dyn Reader>],
        project_of: &mut ProjectOf<'_>,
        pace: &mut dyn Pace,
    ) -> Result<Round, IndexError> {
        let mut round = Round::default();
        let known = self.known()?;
        let mut work = Vec::new();
        let mut damaged = HashSet::new();
        for reader in readers {
            let (found, warnings) = tenure_history::scan(reader.as_ref());
            damaged.extend(warnings.iter().map(|warning| warning.path.clone()));
            round.warn(warnings);
            work.extend(found.into_iter().map(|found| (reader.as_ref(), found)));
        }
        round.progress.found = work.len();
        let gone = gone(&known, &work, &damaged);
        let before = self.seen.replace(work.iter().map(|(_, found)| (named(found), found.stamp)).collect());
        work.sort_by_key(|(_, found)| std::cmp::Reverse(found.modified));
        work.retain(|(_, found)| !is_read(&known, found));
        round.progress.to_read = work.len();
        let fresh = fresh_first(&mut work, before.as_ref(), &known);
        round.broken_off = pace.go_on(round.progress).is_break();
        if round.broken_off {
            self.forget_seen(&work[..fresh]);
            return Ok(round);
        }
        self.remove(&gone)?;
        round.removed = gone.len();
        let (fresh, rest) = work.split_at(fresh);
        let ground = Ground { readers, known: &known };
        for some in [fresh, rest] {
            if self.bring(some, &ground, project_of, &mut round, pace)?.is_break() {
                round.broken_off = true;
                self.forget_seen(fresh.get(round.progress.read..).unwrap_or_default());
                break;
            }
        }
        Ok(round)
    }

    /// Brings the index to what the readers find at these paths, and to what those find that see a part alone: they are asked for
    /// all that they see. Nothing is taken for gone.
    ///
    /// # Errors
    /// The database fails. What was done before stays done.
    pub fn look_at(
        &mut self,
        readers: &[Box<dyn Reader>],
        paths: &[PathBuf],
        project_of: &mut ProjectOf<'_>,
        pace: &mut dyn Pace,
    ) -> Result<Round, IndexError> {
        self.look_on(Progress::default(), readers, paths, project_of, pace)
    }

    /// The same after so much was read.
    fn look_on(
        &mut self,
        before: Progress,
        readers: &[Box<dyn Reader>],
        paths: &[PathBuf],
        project_of: &mut ProjectOf<'_>,
        pace: &mut dyn Pace,
    ) -> Result<Round, IndexError> {
        let Progress { bytes, file_bytes, .. } = before;
        let progress = Progress { bytes, file_bytes, ..Progress::default() };
        let mut round = Round { progress, ..Round::default() };
        let mut work: Vec<Work<'_>> = Vec::new();
        for path in paths {
            match readers.iter().find_map(|reader| Some((reader.as_ref(), reader.at(path)?))) {
                Some((_, found)) if work.iter().any(|(_, other)| named(other) == named(&found)) => {}
                Some(one) => work.push(one),
                None => round.only_whole = true,
            }
        }
        for reader in readers.iter().filter(|reader| !reader.sees_all()) {
            let (found, warnings) = tenure_history::scan(reader.as_ref());
            round.warn(warnings);
            work.extend(found.into_iter().map(|found| (reader.as_ref(), found)));
        }
        round.progress.found = work.len();
        let mut known = HashMap::new();
        for (_, found) in &work {
            known.extend(self.known_as(&found.agent, &found.native_id)?);
            self.seen.iter_mut().for_each(|seen| _ = seen.insert(named(found), found.stamp));
        }
        work.retain(|(_, found)| !is_read(&known, found));
        round.progress.to_read = work.len();
        let ground = Ground { readers, known: &known };
        let flow = self.bring(&work, &ground, project_of, &mut round, &mut Alone(pace))?;
        round.broken_off = flow.is_break();
        Ok(round)
    }

    /// Lists what is new or has changed, then reads it.
    fn bring(
        &mut self,
        work: &[Work<'_>],
        ground: &Ground<'_>,
        project_of: &mut ProjectOf<'_>,
        round: &mut Round,
        pace: &mut dyn Pace,
    ) -> Result<ControlFlow<()>, IndexError> {
        for some in work.chunks(STEP_ENTRIES) {
            self.list(some, ground.known, project_of, round)?;
            if self.paused(ground, project_of, round, pace)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for (reader, found) in work {
            while let Some(is_more) = self.read(*reader, found, round)? {
                if self.paused(ground, project_of, round, pace)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                if !is_more {
                    break;
                }
            }
            round.progress.read += 1;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Between two steps: what has changed meanwhile comes first.
    fn paused(
        &mut self,
        ground: &Ground<'_>,
        project_of: &mut ProjectOf<'_>,
        round: &mut Round,
        pace: &mut dyn Pace,
    ) -> Result<ControlFlow<()>, IndexError> {
        if pace.go_on(round.progress).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let Some(paths) = pace.news() else { return Ok(ControlFlow::Continue(())) };
        let near = self.look_on(round.progress, ground.readers, &paths, project_of, pace)?;
        let Progress { bytes, file_bytes, .. } = near.progress;
        round.progress = Progress { bytes, file_bytes, ..round.progress };
        round.only_whole |= near.only_whole;
        round.warn(near.warnings);
        Ok(if near.broken_off { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The next round is to take these for changed.
    fn forget_seen(&mut self, work: &[Work<'_>]) {
        let Some(seen) = &mut self.seen else { return };
        for (_, found) in work {
            seen.remove(&named(found));
        }
    }

    /// What was left out inside of conversations when they were read, at most so much: torn lines, and what is no record. It stays
    /// until they are read again.
    ///
    /// # Errors
    /// The database fails.
    pub fn left_out(&self, most: usize) -> Result<Vec<Warning>, IndexError> {
        let sql = "SELECT left_out FROM conversations WHERE left_out IS NOT NULL ORDER BY id DESC LIMIT ?1";
        let mut select = self.db.prepare_cached(sql)?;
        let mut rows = select.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut all: Vec<Warning> = Vec::new();
        while let Some(row) = rows.next()? {
            all.extend(serde_json::from_str::<Vec<Warning>>(&row.get::<_, String>(0)?)?);
        }
        all.truncate(most);
        Ok(all)
    }

    fn known(&self) -> Result<AllKnown, IndexError> {
        let mut select = self.db.prepare(&format!("SELECT {KNOWN} FROM conversations"))?;
        let mut rows = select.query([])?;
        let mut known = HashMap::new();
        while let Some(row) = rows.next()? {
            known.extend([known_in(row)?]);
        }
        Ok(known)
    }

    /// The same of one.
    fn known_as(&self, agent: &str, native_id: &str) -> Result<Option<(Named, Known)>, IndexError> {
        let sql = format!("SELECT {KNOWN} FROM conversations WHERE agent = ?1 AND native_id = ?2");
        let mut select = self.db.prepare_cached(&sql)?;
        let mut rows = select.query([agent, native_id])?;
        rows.next()?.map(known_in).transpose()
    }

    /// Puts entries for what is new or has changed.
    fn list(
        &mut self,
        work: &[Work<'_>],
        known: &AllKnown,
        project_of: &mut ProjectOf<'_>,
        round: &mut Round,
    ) -> Result<(), IndexError> {
        let tx = self.db.transaction()?;
        for (reader, found) in work {
            if known.get(&named(found)).is_some_and(|known| known.stamp == found.stamp) {
                continue;
            }
            match reader.describe(found) {
                Ok(entry) => put_entry(&tx, found, entry.as_ref(), project_of)?,
                Err(error) => round.warn([Warning::of(&found.path, WarningKind::Unreadable, error)]),
            }
        }
        Ok(tx.commit()?)
    }

    fn remove(&mut self, gone: &[i64]) -> Result<(), IndexError> {
        for some in gone.chunks(STEP_ENTRIES) {
            let tx = self.db.transaction()?;
            for id in some {
                forget(&tx, *id)?;
                tx.execute("DELETE FROM conversations WHERE id = ?1", [id])?;
            }
            tx.commit()?;
        }
        Ok(())
    }
}

/// What a round stands on.
struct Ground<'a> {
    readers: &'a [Box<dyn Reader>],
    known: &'a AllKnown,
}

impl Round {
    fn warn(&mut self, warnings: impl IntoIterator<Item = Warning>) {
        let room = MOST_WARNINGS.saturating_sub(self.warnings.len());
        self.warnings.extend(warnings.into_iter().take(room));
    }
}

fn put_entry(
    tx: &Transaction<'_>,
    found: &Found,
    entry: Option<&Conversation>,
    project_of: &mut ProjectOf<'_>,
) -> Result<(), IndexError> {
    let unlisted = Conversation::of(found);
    let (listed, entry) = (entry.is_some(), entry.unwrap_or(&unlisted));
    let words = [&entry.custom_title, &entry.title, &entry.first_input];
    let heading: Vec<String> = words.into_iter().flatten().map(|text| text.to_lowercase()).collect();
    tx.prepare_cached(
        "INSERT INTO conversations (agent, native_id, listed, project, cwd, branch, archived, updated_ms, heading, path, entry, stamp)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (agent, native_id) DO UPDATE SET listed = ?3, project = ?4, cwd = ?5, branch = ?6, archived = ?7,
             updated_ms = ?8, heading = ?9, path = ?10, entry = ?11, stamp = ?12",
    )?
    .execute(params![
        found.agent,
        found.native_id,
        listed,
        entry.cwd.as_deref().and_then(project_of),
        entry.cwd,
        entry.git_branch,
        entry.archived == Some(true),
        entry.updated_at.as_millis(),
        heading.join("\n"),
        found.path.to_string_lossy(),
        serde_json::to_string(entry)?,
        serde_json::to_string(&found.stamp)?,
    ])?;
    Ok(())
}

/// The columns that [`known_in`] reads.
const KNOWN: &str = "agent, native_id, id, stamp, read_stamp, path";

fn known_in(row: &Row<'_>) -> Result<(Named, Known), IndexError> {
    let (stamp, read): (String, Option<String>) = (row.get(3)?, row.get(4)?);
    let read = read.map(|read| serde_json::from_str(&read)).transpose()?;
    let path = PathBuf::from(row.get::<_, String>(5)?);
    let known = Known { id: row.get(2)?, path, stamp: serde_json::from_str(&stamp)?, read };
    Ok(((row.get(0)?, row.get(1)?), known))
}

/// All of it is in the index, as it was found.
fn is_read(known: &AllKnown, found: &Found) -> bool {
    known.get(&named(found)).is_some_and(|k| k.stamp == found.stamp && k.read == Some(found.stamp))
}

fn named(found: &Found) -> Named {
    (found.agent.clone(), found.native_id.clone())
}

/// Puts to the front what has changed since the round before, at most as much as is listed in one step, that with the least to read
/// first: a large one that grows is not to hide the others. How many those are.
fn fresh_first(work: &mut [Work<'_>], before: Option<&Seen>, known: &AllKnown) -> usize {
    let Some(before) = before else { return 0 };
    let is_fresh = |(_, found): &Work<'_>| before.get(&named(found)) != Some(&found.stamp);
    work.sort_by_cached_key(|one| !is_fresh(one));
    let fresh = work.iter().take(STEP_ENTRIES).take_while(|one| is_fresh(one)).count();
    work[..fresh].sort_by_key(|(_, found)| {
        let read = known.get(&named(found)).and_then(|known| known.read).map_or(0, |read| read.size);
        found.stamp.size.saturating_sub(read)
    });
    fresh
}

/// What is known and no longer there: its file is missing, or its database was read whole and does not have it. What only
/// cannot be seen now stays.
fn gone(known: &AllKnown, work: &[Work<'_>], damaged: &HashSet<PathBuf>) -> Vec<i64> {
    let here: HashSet<(&str, &str)> =
        work.iter().map(|(_, found)| (found.agent.as_str(), found.native_id.as_str())).collect();
    let whole = work.iter().filter(|(reader, found)| reader.sees_all() && !damaged.contains(&found.path));
    // Many share a file: a database, or our own log.
    let mut files: HashMap<&Path, bool> = whole.map(|(_, found)| (found.path.as_path(), true)).collect();
    let unseen = known.iter().filter(|((agent, id), _)| !here.contains(&(agent.as_str(), id.as_str())));
    let mut gone = Vec::new();
    for (_, known) in unseen {
        if *files.entry(&known.path).or_insert_with_key(|path| is_missing(path)) {
            gone.push(known.id);
        }
    }
    gone
}

fn is_missing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}
