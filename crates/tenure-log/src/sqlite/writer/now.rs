//! Committing without the writer's thread: by whoever brings a change, if nothing else waits.
//!
//! Only what needs no flush goes this way, so that a thread of the runtime is held no longer than the work takes.
//! What the thread alone does (copying the write-ahead log, erasing) is left to it.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::upkeep::WAL_MARK_PAGES;
use super::{Writer, class, erases};
use crate::Class;
use crate::sqlite::queue::Job;
use crate::sqlite::{Durability, Shared};

/// Commits a change and answers it, or gives it back: it is one for the thread.
pub(in crate::sqlite) fn commit(
    writer: &Mutex<Writer>,
    shared: &Shared,
    durability: Durability,
    job: Job,
) -> Option<Job> {
    let flushed = durability == Durability::Power && class(&job) == Class::Full;
    let for_the_thread = flushed || erases(&job) || matches!(job, Job::Close { .. });
    if for_the_thread || shared.crowded.load(Ordering::Relaxed) || !shared.queue.is_idle() {
        return Some(job);
    }
    let Ok(mut writer) = writer.try_lock() else { return Some(job) };
    let well = !writer.suspect && !writer.failing && writer.opening.is_none() && !writer.more_to_erase;
    // Past the mark the thread is to copy; before the first page the next commit flushes the log's head.
    let pages = writer.wal_pages.load(Ordering::Relaxed);
    let closed = shared.closed.load(Ordering::Acquire);
    if closed || !well || pages <= 0 || pages >= WAL_MARK_PAGES {
        return Some(job);
    }
    writer.commit(vec![job]);
    None
}
