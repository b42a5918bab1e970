//! The few facts that a store keeps of itself: its generation, the boot it was last open in, and
//! whether it was closed cleanly.

use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, OptionalExtension, params};

use super::events::{to_i64, to_u64};
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

/// What is recorded of the store being open now.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) generation: u64,
    boot: String,
    /// False if the disk had no room for it. Nothing may be committed before it is.
    pub(super) recorded: bool,
}

impl Opening {
    /// The generation rises if the machine was started anew since a use of the store that did not end
    /// cleanly: its last commits may be lost.
    pub(super) fn new(db: &Connection, boot_id: Option<String>) -> Result<Self, LogError> {
        let boot = boot_id.unwrap_or_else(current_boot);
        let before: Option<String> = get(db, BOOT)?;
        let clean: bool = get(db, CLEAN)?.unwrap_or(true);
        // An unknown boot is taken for another one: a needless rise costs clients a fresh start, no more.
        let lost = !clean && (boot.is_empty() || before.as_ref() != Some(&boot));
        let generation = to_u64(get(db, GENERATION)?.unwrap_or(1)) + u64::from(lost);
        let mut opening = Self { generation, boot, recorded: false };
        match opening.commit(db) {
            Ok(()) => opening.recorded = true,
            Err(LogError::Storage { full: true, .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(opening)
    }

    fn commit(&self, db: &Connection) -> Result<(), LogError> {
        db.pragma_update(None, "synchronous", "full")?;
        let change = db.unchecked_transaction()?;
        self.record(&change)?;
        Ok(change.commit()?)
    }

    /// Records it in the current transaction.
    pub(super) fn record(&self, db: &Connection) -> Result<(), LogError> {
        set(db, GENERATION, to_i64(self.generation))?;
        set(db, BOOT, &self.boot)?;
        set(db, CLEAN, false)
    }
}

/// Records a clean end. What was committed before is durable with it.
pub(super) fn end(db: &Connection) -> Result<(), LogError> {
    db.pragma_update(None, "synchronous", "full")?;
    set(db, CLEAN, true)
}

fn current_boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
