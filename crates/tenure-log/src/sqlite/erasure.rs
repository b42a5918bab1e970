//! Removing a session's events from the file, a little at a time.
//!
//! An erasure takes effect with its commit: positions up to `base` are not read any more. Their rows
//! are removed afterwards in small transactions, so that nobody waits for a large one.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::events::{Stream, event_id, to_i64, to_u64};
use super::meta;
use crate::LogError;

/// Events that are removed in one transaction.
const AT_ONCE: i64 = 1000;
/// Free pages that are given back to the file system at once.
const PAGES: u32 = 256;

/// Makes everything up to the session's last position unreadable. `gseq` is the node's last position.
pub(super) fn begin(db: &Connection, stream: &mut Stream, last: u64, gseq: u64) -> Result<(), LogError> {
    stream.base = last;
    db.prepare_cached("UPDATE streams SET base = ?2 WHERE no = ?1")?
        .execute(params![stream.no, to_i64(last)])?;
    db.prepare_cached("INSERT OR IGNORE INTO erasures (no) VALUES (?1)")?.execute([stream.no])?;
    meta::set(db, meta::GSEQ_BASE, to_i64(gseq))
}

/// Sessions whose events are still being removed, with the last position that is gone.
pub(super) fn pending(db: &Connection) -> Result<HashMap<i64, u64>, LogError> {
    let sql = "SELECT e.no, s.base FROM erasures e JOIN streams s ON s.no = e.no";
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map([], |r| Ok((r.get(0)?, to_u64(r.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes some of what is to be removed; false if there was nothing.
pub(super) fn go_on(db: &Connection) -> Result<bool, LogError> {
    let sql = "SELECT e.no, s.base FROM erasures e JOIN streams s ON s.no = e.no LIMIT 1";
    let next = db.prepare_cached(sql)?.query_row([], |r| Ok((r.get(0)?, to_u64(r.get(1)?)))).optional()?;
    let Some((no, base)): Option<(i64, u64)> = next else { return give_back(db) };
    let change = db.unchecked_transaction()?;
    let (from, to) = (event_id(no, 0), event_id(no, base));
    let first: Option<i64> = change
        .prepare_cached("SELECT id FROM events WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1")?
        .query_row([from, to], |r| r.get(0))
        .optional()?;
    match first {
        Some(first) => change
            .prepare_cached("DELETE FROM events WHERE id >= ?1 AND id <= ?2")?
            .execute([first, to.min(first + AT_ONCE - 1)])?,
        None => change.prepare_cached("DELETE FROM erasures WHERE no = ?1")?.execute([no])?,
    };
    change.commit()?;
    Ok(true)
}

/// Shrinks the file by some of its free pages, if it has many.
fn give_back(db: &Connection) -> Result<bool, LogError> {
    let free: u32 = db.query_row("PRAGMA freelist_count", [], |r| r.get(0))?;
    if free < 4 * PAGES {
        return Ok(false);
    }
    // Each row that is stepped to is a page.
    let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(true)
}
