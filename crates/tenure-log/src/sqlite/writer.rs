//! The one writer. Its thread takes everything that waits, commits it as one transaction, rings, and answers. It
//! also keeps the write-ahead log short and removes what was erased.
//!
//! A change that needs no flush and that nobody else's waits beside is committed by whoever brings it ([`now`]): the
//! way to the thread and back takes longer than the commit. As soon as changes come faster than that they meet in
//! the queue, and go together again.
//!
//! When a batch fails because of the disk, all of it is taken back and told so; the next batch is tried
//! as if nothing had been, on a fresh connection. When it fails because of one change, each is tried
//! alone, so that only that one fails.

pub(super) mod now;
mod upkeep;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tenure_crash_point::crash_point;

use self::upkeep::WAL_MARK_PAGES;
use super::apply::Positions;
use super::meta::{self, Opening};
use super::queue::{Job, Reply, Taken};
use super::{Durability, Shared, events};
use crate::prepared::{Prepared, weight};
use crate::{Appended, Class, LogError, blobs};

/// Bytes of the write-ahead log after which it is copied into the database.
pub(super) const WAL_MARK: i64 = 16 * 1024 * 1024;
/// Bytes that go into one transaction, about; what is beyond waits for the next.
const AT_ONCE: usize = 4 * 1024 * 1024;
/// After so long without work the writer tidies up.
const IDLE: Duration = Duration::from_secs(5);

/// How often traces of followers are looked for.
const SWEEP: Duration = Duration::from_secs(20);

/// Starts the thread. It ends when the queue is closed and empty.
pub(super) fn start(
    db: Connection,
    shared: Arc<Shared>,
    durability: Durability,
    opening: Opening,
    last: u64,
) -> Result<Arc<Mutex<Writer>>, LogError> {
    let last_words = LastWords(Arc::clone(&shared));
    let mut writer = Writer {
        db,
        shared,
        durability,
        synchronous: None,
        wal_pages: Arc::default(),
        checkpoint_at: WAL_MARK_PAGES,
        copying: None,
        positions: Positions::new(last),
        suspect: false,
        unflushed: false,
        failing: false,
        opening: Some(opening).filter(|o| !o.recorded),
        more_to_erase: true,
        used: Instant::now(),
        swept: Instant::now(),
    };
    writer.watch_wal()?;
    let writer = Arc::new(Mutex::new(writer));
    let its = Arc::clone(&writer);
    std::thread::Builder::new()
        .name("tenure-log".to_owned())
        .spawn(move || run(&its, &last_words))
        .map_err(|e| LogError::Storage { message: format!("no thread for the log: {e}"), full: false })?;
    Ok(writer)
}

/// The writer, and what it knows.
pub(super) struct Writer {
    db: Connection,
    shared: Arc<Shared>,
    durability: Durability,
    /// What `synchronous` is set to.
    synchronous: Option<Class>,
    /// Pages in the write-ahead log after the last commit.
    wal_pages: Arc<AtomicI64>,
    /// The number of them at which the next checkpoint is tried.
    checkpoint_at: i64,
    /// Another connection that copies the write-ahead log.
    copying: Option<JoinHandle<rusqlite::Result<()>>>,
    positions: Positions,
    /// The disk failed: look at everything anew before the next batch.
    suspect: bool,
    /// And not for lack of space: what looks written may not be.
    unflushed: bool,
    /// The last batch failed because of the disk.
    failing: bool,
    /// The disk was full when the store was opened: this is still to be recorded, before anything else.
    opening: Option<Opening>,
    /// Events that were erased may still be in the file.
    more_to_erase: bool,
    /// When something was committed last.
    used: Instant,
    swept: Instant,
}

/// A change with what it came to.
type Outcome = Result<Appended, LogError>;

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("suspect", &self.suspect).finish_non_exhaustive()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end_copy();
    }
}

/// Whoever leaves the thread, in whatever way, leaves no caller waiting.
struct LastWords(Arc<Shared>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.queue.close();
        while let Taken::Jobs(jobs) = self.0.queue.take() {
            jobs.into_iter().for_each(|job| job.fail(LogError::Closed));
        }
    }
}

fn run(writer: &Mutex<Writer>, last_words: &LastWords) {
    let queue = &last_words.0.queue;
    let mut patience = Duration::ZERO;
    loop {
        queue.wait(patience);
        // Jobs are taken by whoever holds the writer: none is between the queue and its transaction meanwhile.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.take() {
            Taken::Jobs(jobs) => {
                last_words.0.crowded.store(jobs.len() > 1, Ordering::Relaxed);
                if let Some(reply) = writer.work(jobs) {
                    return writer.close(reply);
                }
                if writer.swept.elapsed() > SWEEP {
                    writer.sweep();
                }
            }
            Taken::Nothing if writer.more_to_erase => writer.more_to_erase = writer.erase_some(),
            // Others may have written while the thread slept.
            Taken::Nothing if writer.used.elapsed() >= IDLE => writer.tidy(),
            Taken::Nothing => {}
            Taken::Closed => return,
        }
        patience = if writer.more_to_erase { Duration::ZERO } else { IDLE };
    }
}

impl Writer {
    /// Does what was asked; gives back the reply of a close, which comes after all else of its batch.
    fn work(&mut self, jobs: Vec<Job>) -> Option<Reply<()>> {
        let (mut closing, mut changes, mut bytes) = (None, Vec::new(), 0);
        for job in jobs {
            match job {
                Job::Close { reply } if closing.is_none() => closing = Some(reply),
                Job::Close { reply } => drop(reply.send(Err(LogError::Closed))),
                change if closing.is_some() => change.fail(LogError::Closed),
                change => {
                    bytes += size(&change);
                    changes.push(change);
                }
            }
            if bytes > AT_ONCE {
                self.commit(std::mem::take(&mut changes));
                self.checkpoint_if_due();
                bytes = 0;
            }
        }
        self.commit(changes);
        self.checkpoint_if_due();
        closing
    }

    /// Commits all changes together, rings, and answers.
    fn commit(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let error = match self.attempt(&jobs) {
            Ok(outcomes) => {
                self.more_to_erase |= jobs.iter().any(erases);
                self.used = Instant::now();
                self.announce(jobs, outcomes);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the event log is written again");
                }
                return;
            }
            Err(error) => error,
        };
        self.take_back(&error);
        if error.is_storage() || jobs.len() == 1 {
            jobs.into_iter().for_each(|job| job.fail(error.clone()));
        } else {
            jobs.into_iter().for_each(|job| self.commit(vec![job]));
        }
    }

    fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, LogError> {
        self.recover()?;
        let class = jobs.iter().map(class).max().unwrap_or(Class::Normal);
        self.set_synchronous(if self.opening.is_some() { Class::Full } else { class })?;
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        crash_point!("log.begun");
        if let Some(opening) = &self.opening {
            opening.record(&self.db)?;
        }
        let outcomes = jobs.iter().map(|job| self.apply(job)).collect::<Result<Vec<_>, _>>()?;
        self.shared.unsettled.store(self.positions.has_moves(), Ordering::Release);
        crash_point!("log.applied");
        self.db.prepare_cached("COMMIT")?.execute([])?;
        crash_point!("log.committed");
        self.opening = None;
        Ok(outcomes)
    }

    fn apply(&mut self, job: &Job) -> Result<Outcome, LogError> {
        let kinds = &self.shared.kinds;
        match job {
            Job::Append { append, .. } => self.positions.append(&self.db, kinds, append),
            Job::Put { writes, .. } => {
                for write in writes {
                    self.positions.put(&self.db, write)?;
                }
                Ok(Ok(nothing_appended()))
            }
            Job::Settle { .. } => {
                self.positions.settle(&self.db)?;
                Ok(Ok(nothing_appended()))
            }
            Job::Close { .. } => Ok(Ok(nothing_appended())),
        }
    }

    fn set_synchronous(&mut self, class: Class) -> Result<(), LogError> {
        let class = if self.durability == Durability::Process { Class::Normal } else { class };
        if self.synchronous != Some(class) {
            self.synchronous = None;
            self.db.pragma_update(
                None,
                "synchronous",
                if class == Class::Full { "full" } else { "normal" },
            )?;
            self.synchronous = Some(class);
        }
        Ok(())
    }

    fn announce(&self, jobs: Vec<Job>, outcomes: Vec<Outcome>) {
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            if let (Job::Append { append, .. }, Ok(appended)) = (job, outcome) {
                self.ring(append, appended);
            }
        }
        // The last number that was stored; later ones may have been given to what was taken back.
        let stored = outcomes.iter().filter_map(|o| o.as_ref().ok()?.events.last());
        if let Some(last) = stored.map(|e| e.gseq).max() {
            self.shared.tails.ring_all(last);
        }
        crash_point!("log.rung");
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            match job {
                Job::Append { reply, .. } => drop(reply.send(outcome)),
                Job::Put { reply, .. } | Job::Settle { reply } | Job::Close { reply } => {
                    drop(reply.send(outcome.map(drop)));
                }
            }
        }
        crash_point!("log.answered");
    }

    fn ring(&self, append: &Prepared, appended: &Appended) {
        let erased = append.erases();
        self.shared.tails.ring(&append.session, appended.last_seq, &appended.events, erased);
        if erased && let Err(error) = blobs::erase(&self.shared.home, &append.session) {
            tracing::warn!(session = %append.session, %error, "blobs of an erased session are left");
        }
    }

    /// Undoes a failed transaction and what the writer believed because of it.
    fn take_back(&mut self, error: &LogError) {
        if !self.db.is_autocommit() && self.db.execute_batch("ROLLBACK").is_err() {
            self.suspect = true;
        }
        self.positions.forget();
        self.unflushed |= matches!(error, LogError::Storage { full: false, .. });
        // Numbers that another process gave out are not given again either.
        if let Ok(last) = events::last_gseq(&self.db) {
            self.positions.gseq = self.positions.gseq.max(last);
        }
        if self.shared.kinds.reload(&self.db).is_err() || !matches!(error, LogError::Invalid(_)) {
            self.suspect = true;
        }
        // Once per trouble, not once per batch.
        if error.is_storage() && !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(%error, "the event log cannot be written");
        }
    }

    fn record_end(&self) -> Result<(), LogError> {
        match &self.opening {
            // Nothing was written since the end before, clean or not: it still holds.
            Some(_) => Ok(()),
            None => meta::end(&self.db),
        }
    }

    fn close(&mut self, reply: Reply<()>) {
        self.settle();
        self.shared.queue.close();
        self.shared.closed.store(true, Ordering::Release);
        self.shared.readers.close();
        self.end_copy();
        let ended = self.recover().and_then(|()| self.record_end());
        if ended.is_ok() {
            self.checkpoint(CheckpointMode::TRUNCATE);
        }
        // The file is let go of before the caller hears of it.
        if let Ok(nothing) = Connection::open_in_memory() {
            self.db = nothing;
        }
        drop(reply.send(ended));
    }
}

fn class(job: &Job) -> Class {
    match job {
        Job::Append { append, .. } => append.class,
        Job::Settle { .. } => Class::Normal,
        Job::Put { .. } | Job::Close { .. } => Class::Full,
    }
}

fn erases(job: &Job) -> bool {
    matches!(job, Job::Append { append, .. } if append.erases())
}

/// About how many bytes a change has.
fn size(job: &Job) -> usize {
    match job {
        Job::Append { append, .. } => append.weight(),
        Job::Put { writes, .. } => writes.iter().map(weight).sum(),
        Job::Settle { .. } | Job::Close { .. } => 0,
    }
}

fn nothing_appended() -> Appended {
    Appended { last_seq: tenure_event::Seq(0), events: Vec::new() }
}
