//! How connections are set up: small caches, and never a checkpoint by surprise.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::LogError;

/// How long to wait for another process that holds the file, for example a copy being made.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// Page cache of the writer, in KiB.
const WRITER_KIB: i64 = 4096;
/// Page cache of each reader, in KiB.
const READER_KIB: i64 = 512;

/// A connection that may write. The file must exist.
pub(super) fn writer(path: &Path) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    set_up(&db, WRITER_KIB, 64)?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", super::writer::WAL_MARK)?;
    Ok(db)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, LogError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    set_up(&db, READER_KIB, 24)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn set_up(db: &Connection, cache_kib: i64, statements: usize) -> Result<(), LogError> {
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(statements);
    db.pragma_update(None, "cache_size", -cache_kib)?;
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}
