//! What the writer does beside commits: getting over trouble with the disk, keeping the write-ahead
//! log short, finishing erasures, and giving memory back.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;
use rusqlite::wal::CheckpointMode;
use tokio::sync::oneshot;

use super::{WAL_MARK, Writer};
use crate::sqlite::queue::Job;
use crate::sqlite::{FILE, connection, erasure, events};
use crate::{Class, LogError};

/// The mark in pages of SQLite's usual size.
pub(super) const WAL_MARK_PAGES: i64 = WAL_MARK / 4096;
/// How long a checkpoint waits for readers.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(250);

impl Writer {
    /// After trouble with the disk: a fresh connection, and a checkpoint of everything, which writes and flushes all
    /// pages again and empties the write-ahead log: what a failed flush left behind may be lost although it looks
    /// written, and no later commit may rest on it. Until that is done nothing is committed. Not when the disk was full:
    /// a checkpoint would take the little space there is, and lost is nothing then.
    pub(super) fn recover(&mut self) -> Result<(), LogError> {
        if self.copying.as_ref().is_some_and(JoinHandle::is_finished) {
            self.end_copy();
        }
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
        if self.unflushed {
            // A copy that is under way would keep this one from beginning.
            self.end_copy();
            self.copy_log(CheckpointMode::TRUNCATE)?;
            self.unflushed = false;
        }
        self.suspect = false;
        Ok(())
    }

    pub(super) fn watch_wal(&mut self) -> Result<(), LogError> {
        let pages = self.wal_pages.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, n: i32| {
            pages.store(n.into(), Ordering::Relaxed);
            Ok(())
        };
        Ok(self.db.wal_hook(Some(hook))?)
    }

    /// Past the mark the log is copied into the database, and the next commit begins it anew, unless a reader
    /// stands in the way. Most of it is copied and flushed beside the writer, by another connection: nobody who
    /// commits waits for megabytes to reach the disk. The writer copies what came meanwhile. If readers always stand
    /// in the way, it waits for those that read now: not longer than they need for a page, and nobody who comes later
    /// is in the way.
    pub(super) fn checkpoint_if_due(&mut self) {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < WAL_MARK_PAGES {
            self.checkpoint_at = WAL_MARK_PAGES;
            if self.copying.as_ref().is_some_and(JoinHandle::is_finished) {
                self.end_copy();
            }
            return;
        }
        match self.copying.take() {
            // Half as much again may come meanwhile; more than that waits for the copy.
            Some(copy) if !copy.is_finished() && pages < self.checkpoint_at + WAL_MARK_PAGES / 2 => {
                self.copying = Some(copy);
            }
            Some(copy) => {
                self.copying = Some(copy);
                self.end_copy();
                self.checkpoint(CheckpointMode::PASSIVE);
                self.checkpoint_at = pages + WAL_MARK_PAGES / 4;
            }
            None if pages < self.checkpoint_at => {}
            None if self.checkpoint_at > WAL_MARK_PAGES => {
                self.checkpoint(CheckpointMode::RESTART);
                self.checkpoint_at = pages + WAL_MARK_PAGES / 4;
            }
            None => self.begin_copy(),
        }
    }

    /// Begins to copy the log beside the writer. Where no thread can be had, the writer does it.
    fn begin_copy(&mut self) {
        let path = self.shared.home.join(FILE);
        let copy = move || match connection::writer(&path) {
            Ok(db) => db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, CheckpointMode::PASSIVE).map(drop),
            Err(error) => {
                tracing::debug!(%error, "the write-ahead log was not copied");
                Ok(())
            }
        };
        match std::thread::Builder::new().name("tenure-log-copy".to_owned()).spawn(copy) {
            Ok(thread) => self.copying = Some(thread),
            Err(_) => self.checkpoint(CheckpointMode::PASSIVE),
        }
    }

    /// Waits for a copy that is under way, and takes in how it went: whoever leaves lets go of the file.
    pub(super) fn end_copy(&mut self) {
        let Some(copy) = self.copying.take() else { return };
        if let Ok(done) = copy.join() {
            self.copied(done);
        }
    }

    pub(super) fn checkpoint(&mut self, mode: CheckpointMode) {
        let done = self.copy_log(mode);
        // The next commit may begin the log anew, and flushes its head then: it is one for the writer's thread.
        self.wal_pages.store(0, Ordering::Relaxed);
        self.copied(done);
    }

    fn copy_log(&self, mode: CheckpointMode) -> rusqlite::Result<()> {
        self.db.busy_timeout(CHECKPOINT_WAIT)?;
        let done = self.db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, mode);
        self.db.busy_timeout(connection::BUSY).and(done).map(drop)
    }

    /// A copy begins with a flush of the write-ahead log. One that failed may have lost frames of commits that no flush
    /// of their own has covered, and a later flush of the same file would not tell.
    fn copied(&mut self, done: rusqlite::Result<()>) {
        let Err(error) = done else { return };
        let harmless = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::DiskFull];
        if error.sqlite_error_code().is_some_and(|code| harmless.contains(&code)) {
            return tracing::debug!(%error, "the write-ahead log was not copied");
        }
        tracing::warn!(%error, "the write-ahead log could not be copied; all of it is, before the next commit");
        (self.suspect, self.unflushed) = (true, true);
    }

    pub(super) fn erase_some(&mut self) -> bool {
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
    pub(super) fn tidy(&mut self) {
        self.settle();
        self.sweep();
        self.shared.readers.trim();
        if self.wal_pages.swap(0, Ordering::Relaxed) > 0 {
            self.end_copy();
            self.checkpoint(CheckpointMode::PASSIVE);
            // Not being able to save memory harms nobody.
            let _ = self.db.execute_batch("PRAGMA shrink_memory");
        }
    }

    /// Puts sessions where they belong in the lists. Where that fails a later change does it.
    pub(super) fn settle(&mut self) {
        if self.positions.has_moves() {
            let (reply, _) = oneshot::channel();
            self.commit(vec![Job::Settle { reply }]);
        }
    }

    /// Forgets what followers left behind; also while there is always something to do.
    pub(super) fn sweep(&mut self) {
        self.swept = Instant::now();
        self.shared.tails.sweep();
    }
}
