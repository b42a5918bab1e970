//! Numbers for the names of event kinds, so that an event does not store its name twice.
//!
//! The map may know a kind that a rolled back transaction added, until the writer loads it again; no
//! stored event has it then. It never lacks one that a stored event has.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

use crate::LogError;
use crate::page::TypeFilter;

/// The kinds of one store.
#[derive(Debug)]
pub(super) struct Kinds(RwLock<Map>);

/// A few dozen: looked up for each event that is read, which hashing would take longer for than comparing does.
#[derive(Debug, Default)]
struct Map {
    by_name: BTreeMap<Arc<str>, i64>,
    by_no: BTreeMap<i64, Arc<str>>,
}

impl Kinds {
    pub(super) fn load(db: &Connection) -> Result<Self, LogError> {
        Ok(Self(RwLock::new(Map::load(db)?)))
    }

    /// Takes back what was not committed.
    pub(super) fn reload(&self, db: &Connection) -> Result<(), LogError> {
        let map = Map::load(db)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = map;
        Ok(())
    }

    /// The number of a kind, given one in the current transaction if it has none.
    pub(super) fn number(&self, db: &Connection, name: &str) -> Result<(i64, Arc<str>), LogError> {
        if let Some((name, no)) = self.read().by_name.get_key_value(name) {
            return Ok((*no, name.clone()));
        }
        db.prepare_cached("INSERT INTO kinds (name) VALUES (?1)")?.execute([name])?;
        let (no, name) = (db.last_insert_rowid(), Arc::<str>::from(name));
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(no, name.clone());
        Ok((no, name))
    }

    /// The name of a kind. Ask only within the transaction that read the number.
    pub(super) fn name(&self, no: i64) -> Result<Arc<str>, LogError> {
        let name = self.read().by_no.get(&no).cloned();
        name.ok_or_else(|| LogError::Corrupt(format!("event kind {no} has no name")))
    }

    /// Numbers of the kinds that pass, as SQL text. Ask only after the transaction has begun to read.
    pub(super) fn passing(&self, filter: &TypeFilter<'_>) -> String {
        let map = self.read();
        let mut numbers: Vec<i64> =
            map.by_name.iter().filter(|(name, _)| filter.passes(name)).map(|(_, no)| *no).collect();
        numbers.sort_unstable();
        numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Map> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    fn load(db: &Connection) -> Result<Self, LogError> {
        let mut map = Self::default();
        let mut select = db.prepare("SELECT no, name FROM kinds")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            map.add(row.get(0)?, row.get::<_, String>(1)?.into());
        }
        Ok(map)
    }

    fn add(&mut self, no: i64, name: Arc<str>) {
        self.by_no.insert(no, name.clone());
        self.by_name.insert(name, no);
    }
}
