//! The one thread that writes. It takes everything that waits, commits it as one transaction, rings, and
//! answers. It also keeps the write-ahead log short and removes what was erased.
//!
//! When a batch fails because of the disk, all of it is taken back and told so; the next batch is tried
//! as if nothing had been, on a fresh connection. When it fails because of one change, each is tried
//! alone, so that only that one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tenure_event::Gseq;

use super::apply::Positions;
use super::queue::{Job, Reply, Taken};
use super::{Durability, FILE, Shared, connection, erasure, events, meta};
use crate::prepared::Prepared;
use crate::{Appended, Class, LogError, blobs};

/// Bytes of the write-ahead log after which it is copied into the database.
pub(super) const WAL_MARK: i64 = 16 * 1024 * 1024;
/// The same in pages of SQLite's usual size.
const WAL_MARK_PAGES: i64 = WAL_MARK / 4096;
/// How long a checkpoint waits for readers.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(250);
/// After so long without work the writer tidies up.
const IDLE: Duration = Duration::from_secs(5);

/// Starts the thread. It ends when the queue is closed and empty.
pub(super) fn start(
    db: Connection,
    shared: Arc<Shared>,
    durability: Durability,
    last: u64,
) -> Result<(), LogError> {
    let mut writer = Writer {
        db,
        shared,
        durability,
        synchronous: None,
        wal_pages: Arc::default(),
        checkpoint_at: WAL_MARK_PAGES,
        positions: Positions::new(last),
        suspect: false,
        unflushed: false,
    };
    writer.watch_wal()?;
    std::thread::Builder::new()
        .name("tenure-log".to_owned())
        .spawn(move || writer.run())
        .map(drop)
        .map_err(|e| LogError::Storage { message: format!("no thread for the log: {e}"), full: false })
}

struct Writer {
    db: Connection,
    shared: Arc<Shared>,
    durability: Durability,
    /// What `synchronous` is set to.
    synchronous: Option<Class>,
    /// Pages in the write-ahead log after the last commit.
    wal_pages: Arc<AtomicI64>,
    /// The number of them at which the next checkpoint is tried.
    checkpoint_at: i64,
    positions: Positions,
    /// The disk failed: look at everything anew before the next batch.
    suspect: bool,
    /// And not for lack of space: what looks written may not be.
    unflushed: bool,
}

/// A change with what it came to.
type Outcome = Result<Appended, LogError>;

/// Whoever leaves the thread, in whatever way, leaves no caller waiting.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue.close();
        while let Taken::Jobs(jobs) = self.shared.queue.take(Duration::ZERO) {
            jobs.into_iter().for_each(|job| job.fail(LogError::Closed));
        }
    }
}

impl Writer {
    fn run(mut self) {
        let mut more_to_erase = true;
        loop {
            let patience = if more_to_erase { Duration::ZERO } else { IDLE };
            match self.shared.queue.take(patience) {
                Taken::Jobs(jobs) => {
                    if let Some(reply) = self.work(jobs) {
                        return self.close(reply);
                    }
                    self.checkpoint_if_due();
                    more_to_erase = true;
                }
                Taken::Nothing if more_to_erase => more_to_erase = self.erase_some(),
                Taken::Nothing => self.tidy(),
                Taken::Closed => return,
            }
        }
    }

    /// Does what was asked; gives back the reply of a close, which comes after all else of its batch.
    fn work(&mut self, jobs: Vec<Job>) -> Option<Reply<()>> {
        let (mut closing, mut changes) = (None, Vec::with_capacity(jobs.len()));
        for job in jobs {
            match job {
                Job::Close { reply } if closing.is_none() => closing = Some(reply),
                Job::Close { reply } => drop(reply.send(Err(LogError::Closed))),
                change if closing.is_some() => change.fail(LogError::Closed),
                change => changes.push(change),
            }
        }
        if !changes.is_empty() {
            self.commit(changes);
        }
        closing
    }

    /// Commits all changes together, rings, and answers.
    fn commit(&mut self, jobs: Vec<Job>) {
        let error = match self.attempt(&jobs) {
            Ok(outcomes) => return self.announce(jobs, outcomes),
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
        self.set_synchronous(jobs.iter().map(class).max().unwrap_or(Class::Normal))?;
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let outcomes = jobs.iter().map(|job| self.apply(job)).collect::<Result<Vec<_>, _>>()?;
        self.db.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    }

    fn apply(&mut self, job: &Job) -> Result<Outcome, LogError> {
        let kinds = &self.shared.kinds;
        match job {
            Job::Append { append, .. } => self
                .positions
                .append(&self.db, kinds, append)
                .map_err(|e| e.concerning(append.session.as_str())),
            Job::Put { writes, .. } => {
                for write in writes {
                    self.positions.put(&self.db, write)?;
                }
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
        if self.shared.tails.last() != Gseq(self.positions.gseq) {
            self.shared.tails.ring_all(Gseq(self.positions.gseq));
        }
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            match job {
                Job::Append { reply, .. } => drop(reply.send(outcome)),
                Job::Put { reply, .. } | Job::Close { reply } => drop(reply.send(outcome.map(drop))),
            }
        }
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
        if self.shared.kinds.reload(&self.db).is_err() || !matches!(error, LogError::Invalid(_)) {
            self.suspect = true;
        }
        tracing::warn!(%error, "a commit of the event log failed");
    }

    /// After trouble with the disk: a fresh connection, and a checkpoint, which writes and flushes all pages
    /// again: those that a failed flush left behind may be lost although they look written. Not when the
    /// disk was full: a checkpoint would take the little space there is.
    fn recover(&mut self) -> Result<(), LogError> {
        if !self.suspect {
            return Ok(());
        }
        // The old connection stays until the new one is there: were it the last, closing it would have the
        // write-ahead log read anew, with what was refused in it.
        self.db = connection::writer(&self.shared.home.join(FILE))?;
        self.synchronous = None;
        self.watch_wal()?;
        self.shared.kinds.reload(&self.db)?;
        self.positions.gseq = self.positions.gseq.max(events::last_gseq(&self.db)?);
        if std::mem::take(&mut self.unflushed) {
            self.checkpoint(CheckpointMode::PASSIVE);
        }
        self.suspect = false;
        Ok(())
    }

    fn watch_wal(&mut self) -> Result<(), LogError> {
        let pages = self.wal_pages.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, n: i32| {
            pages.store(n.into(), Ordering::Relaxed);
            Ok(())
        };
        Ok(self.db.wal_hook(Some(hook))?)
    }

    /// Past the mark the log is copied into the database, and the next commit begins it anew, unless a reader
    /// stands in the way. If one always does, the writer waits for those that read now: not longer than
    /// they need for a page, and nobody who comes later is in the way.
    fn checkpoint_if_due(&mut self) {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < WAL_MARK_PAGES {
            self.checkpoint_at = WAL_MARK_PAGES;
        } else if pages >= self.checkpoint_at {
            let insist = self.checkpoint_at > WAL_MARK_PAGES;
            self.checkpoint(if insist { CheckpointMode::RESTART } else { CheckpointMode::PASSIVE });
            self.checkpoint_at = pages + WAL_MARK_PAGES / 4;
        }
    }

    fn checkpoint(&self, mode: CheckpointMode) {
        let patience = self.db.busy_timeout(CHECKPOINT_WAIT);
        let done = patience.and_then(|()| self.db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, mode));
        if let Err(error) = self.db.busy_timeout(connection::BUSY).and(done) {
            tracing::debug!(%error, "the write-ahead log was not copied");
        }
    }

    fn erase_some(&mut self) -> bool {
        if self.suspect || self.set_synchronous(Class::Normal).is_err() {
            return false;
        }
        let more = erasure::go_on(&self.db);
        self.checkpoint_if_due();
        more.unwrap_or_else(|error| {
            self.take_back(&error);
            false
        })
    }

    /// What is done when nothing else is to do.
    fn tidy(&mut self) {
        self.shared.tails.sweep();
        self.shared.readers.trim();
        if self.wal_pages.swap(0, Ordering::Relaxed) > 0 {
            self.checkpoint(CheckpointMode::PASSIVE);
            // Not being able to save memory harms nobody.
            let _ = self.db.execute_batch("PRAGMA shrink_memory");
        }
    }

    fn close(mut self, reply: Reply<()>) {
        self.shared.queue.close();
        self.shared.closed.store(true, Ordering::Release);
        self.shared.readers.close();
        let ended = self.recover().and_then(|()| meta::end(&self.db));
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
        Job::Put { .. } | Job::Close { .. } => Class::Full,
    }
}

fn nothing_appended() -> Appended {
    Appended { last_seq: tenure_event::Seq(0), events: Vec::new() }
}
