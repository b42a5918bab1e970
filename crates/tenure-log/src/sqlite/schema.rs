//! The store's format: its tables, and how an older store becomes a newer one. Steps go forward
//! only and only add; a copy of the file is made before the first of them.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;

use super::connection;
use crate::LogError;
use crate::blobs::sync_dir;

/// The format that this version writes.
pub(super) const FORMAT: u32 = STEPS.len() as u32;

/// Step n makes format n+1 out of format n.
const STEPS: &[&str] = &[include_str!("schema/1.sql")];

/// Marks the file as ours ("Tnur").
const APPLICATION: i32 = 0x546e_7572;

/// Opens the store for writing, makes it if there is none, and brings it to the current format.
pub(super) fn open(path: &Path) -> Result<Connection, LogError> {
    open_with(path, STEPS)
}

fn open_with(path: &Path, steps: &[&str]) -> Result<Connection, LogError> {
    make_file(path).map_err(|e| LogError::Storage {
        message: format!("{}: {e}", path.display()),
        full: e.kind() == std::io::ErrorKind::StorageFull,
    })?;
    let mut db = connection::writer(path)?;
    let found = check(&db, steps)?;
    if found == 0 {
        // Only before the first table can this be chosen.
        db.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let message = format!("the file system cannot keep a write-ahead log (journal mode {mode})");
        return Err(LogError::Storage { message, full: false });
    }
    if found > 0 && (found as usize) < steps.len() {
        copy(&db, path, found)?;
    }
    for (step, sql) in steps.iter().enumerate().skip(found as usize) {
        take_step(&mut db, step + 1, sql)?;
    }
    Ok(db)
}

/// Makes the file and its directory, readable by the owner alone, if they are not there.
fn make_file(path: &Path) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    if !path.try_exists()? {
        fs::create_dir_all(dir)?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?.sync_all()?;
        sync_dir(dir)?;
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// The format that is there; 0 for an empty file.
fn check(db: &Connection, steps: &[&str]) -> Result<u32, LogError> {
    let format: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: u32 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION {
        return Err(LogError::Corrupt("tenure.db is a database of something else; move it away".to_owned()));
    }
    let known = steps.len() as u32;
    if format > known {
        return Err(LogError::Newer { found: format, known });
    }
    Ok(format)
}

/// Keeps the store as it was in `tenure.db.format-N`.
fn copy(db: &Connection, path: &Path, format: u32) -> Result<(), LogError> {
    let failed = |e: std::io::Error| LogError::Storage { message: e.to_string(), full: false };
    let kept = path.with_extension(format!("db.format-{format}"));
    let unfinished = path.with_extension("db.copying");
    let _ = fs::remove_file(&unfinished);
    db.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::File::open(&unfinished).and_then(|f| f.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, &kept).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_dir).map_err(failed)
}

fn take_step(db: &mut Connection, format: usize, sql: &str) -> Result<(), LogError> {
    db.pragma_update(None, "synchronous", "full")?;
    let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    step.execute_batch(sql)?;
    step.pragma_update(None, "application_id", APPLICATION)?;
    step.pragma_update(None, "user_version", format as i64)?;
    Ok(step.commit()?)
}

#[cfg(test)]
mod tests;
