//! The few facts that a store keeps of itself: its generation, the boot it was last open in, and
//! whether it was closed cleanly.

use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, OptionalExtension, params};

use crate::LogError;

const GENERATION: &str = "generation";
const BOOT: &str = "boot_id";
const CLEAN: &str = "clean";
/// The last position of the node at the last erasure: never given out again.
pub(super) const GSEQ_BASE: &str = "gseq_base";

pub(super) fn get<T: FromSql>(db: &Connection, name: &str) -> Result<Option<T>, LogError> {
    let mut select = db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(select.query_row([name], |row| row.get(0)).optional()?)
}

pub(super) fn set(db: &Connection, name: &str, value: impl ToSql) -> Result<(), LogError> {
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    put.execute(params![name, value])?;
    Ok(())
}

/// Records that the store is open now, and returns its generation. That rises if the machine
/// was started anew since a use of the store that did not end cleanly: its last commits may be lost.
pub(super) fn begin(db: &Connection, boot_id: Option<String>) -> Result<u64, LogError> {
    let boot = boot_id.unwrap_or_else(current_boot);
    let before: Option<String> = get(db, BOOT)?;
    let clean: bool = get(db, CLEAN)?.unwrap_or(true);
    // An unknown boot is taken for another one: a needless rise costs clients a fresh start, no more.
    let lost = !clean && (boot.is_empty() || before.as_ref() != Some(&boot));
    let generation = get::<i64>(db, GENERATION)?.unwrap_or(1) + i64::from(lost);
    db.pragma_update(None, "synchronous", "full")?;
    let change = db.unchecked_transaction()?;
    set(&change, GENERATION, generation)?;
    set(&change, BOOT, boot)?;
    set(&change, CLEAN, false)?;
    change.commit()?;
    Ok(u64::try_from(generation).unwrap_or(1))
}

/// Records a clean end. What was committed before is durable with it.
pub(super) fn end(db: &Connection) -> Result<(), LogError> {
    db.pragma_update(None, "synchronous", "full")?;
    set(db, CLEAN, true)
}

fn current_boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
