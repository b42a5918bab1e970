//! What the writer does beside commits: getting over trouble with the disk, keeping the write-ahead
//! log short, finishing erasures, and giving memory back.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::wal::CheckpointMode;

use super::{WAL_MARK, Writer};
use crate::sqlite::{FILE, connection, erasure, events};
use crate::{Class, LogError};

/// The mark in pages of SQLite's usual size.
pub(super) const WAL_MARK_PAGES: i64 = WAL_MARK / 4096;
/// How long a checkpoint waits for readers.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(250);

impl Writer {
    /// After trouble with the disk: a fresh connection, and a checkpoint, which writes and flushes all pages
    /// again: those that a failed flush left behind may be lost although they look written. Not when the
    /// disk was full: a checkpoint would take the little space there is.
    pub(super) fn recover(&mut self) -> Result<(), LogError> {
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
            // A copy that is under way would keep this one from beginning.
            self.end_copy();
            self.checkpoint(CheckpointMode::PASSIVE);
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
                let _ = copy.join();
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
        let copy = move || {
            let done = connection::writer(&path).and_then(|db| {
                db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, CheckpointMode::PASSIVE)?;
                Ok(())
            });
            if let Err(error) = done {
                tracing::debug!(%error, "the write-ahead log was not copied");
            }
        };
        match std::thread::Builder::new().name("tenure-log-copy".to_owned()).spawn(copy) {
            Ok(thread) => self.copying = Some(thread),
            Err(_) => self.checkpoint(CheckpointMode::PASSIVE),
        }
    }

    /// Waits for a copy that is under way: whoever leaves lets go of the file.
    pub(super) fn end_copy(&mut self) {
        if let Some(copy) = self.copying.take() {
            let _ = copy.join();
        }
    }

    pub(super) fn checkpoint(&self, mode: CheckpointMode) {
        let patience = self.db.busy_timeout(CHECKPOINT_WAIT);
        let done = patience.and_then(|()| self.db.wal_checkpoint_v2(rusqlite::DEFAULT_NAME, mode));
        if let Err(error) = self.db.busy_timeout(connection::BUSY).and(done) {
            tracing::debug!(%error, "the write-ahead log was not copied");
        }
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
        self.sweep();
        self.shared.readers.trim();
        if self.wal_pages.swap(0, Ordering::Relaxed) > 0 {
            self.end_copy();
            self.checkpoint(CheckpointMode::PASSIVE);
            // Not being able to save memory harms nobody.
            let _ = self.db.execute_batch("PRAGMA shrink_memory");
        }
    }

    /// Forgets what followers left behind; also while there is always something to do.
    pub(super) fn sweep(&mut self) {
        self.swept = Instant::now();
        self.shared.tails.sweep();
    }
}
