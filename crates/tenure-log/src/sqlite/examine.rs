//! What of a store can be read, session by session: for whoever must say how far damage reaches. It reads everything
//! and changes nothing. SQLite keeps no checksums: a changed byte inside a text is found only if the text is no
//! longer JSON.

use std::path::Path;

use rusqlite::Connection;
use tenure_event::SessionId;

use super::events::{event_id, seq_of, stream};
use super::{FILE, connection, lookup};
use crate::LogError;

/// A part of a store that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The session whose data it is; none for what all have in common.
    pub session: Option<SessionId>,
    /// What was found.
    pub message: String,
}

/// What cannot be read of the store in `dir`; empty if all can. Takes the time that reading all of it takes. A daemon
/// may use the store meanwhile, but not in this very process.
///
/// # Errors
/// If nothing can be said: the store cannot be opened, or its list of sessions cannot be read.
pub fn examine(dir: &Path) -> Result<Vec<Damage>, LogError> {
    let db = connection::reader(&dir.join(FILE))?;
    let mut found = Vec::new();
    for id in ids(&db)? {
        if let Err(e) = session(&db, &id) {
            found.push(Damage { session: Some(id), message: words(e) });
        }
    }
    if let Err(e) = common(&db) {
        found.push(Damage { session: None, message: words(e) });
    }
    Ok(found)
}

fn words(e: LogError) -> String {
    if let LogError::Corrupt(found) = e { found } else { e.to_string() }
}

fn ids(db: &Connection) -> Result<Vec<SessionId>, LogError> {
    let mut select = db.prepare("SELECT session_id FROM streams ORDER BY no")?;
    let ids = select.query_map([], |row| super::rows::id(row, 0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Reads all of one session.
pub(super) fn session(db: &Connection, id: &SessionId) -> Result<(), LogError> {
    let Some(at) = stream(db, id)? else { return Ok(()) };
    let mut select =
        db.prepare_cached("SELECT id, body FROM events WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = select.query([event_id(at.no, at.base + 1), event_id(at.no + 1, 0)])?;
    let mut next = at.base + 1;
    while let Some(row) = rows.next()? {
        let seq = seq_of(row.get(0)?);
        if seq != next {
            return Err(LogError::Corrupt(format!("events {next} to {} are missing", seq - 1)));
        }
        let body = row.get_ref(1)?.as_str().map_err(|e| LogError::Corrupt(format!("event {seq}: {e}")))?;
        serde_json::from_str::<serde_json::Value>(body)
            .map_err(|e| LogError::Corrupt(format!("event {seq}: {e}")))?;
        next += 1;
    }
    if lookup::session(db, id)?.is_some_and(|row| row.view.is_empty()) {
        return Err(LogError::Corrupt("its view cannot be read".to_owned()));
    }
    lookup::state(db, id)?;
    lookup::inputs(db, id, usize::MAX >> 1)?;
    lookup::asks(db, Some(id), &[], usize::MAX >> 1).map(drop)
}

/// Looks at the structure of every table and index; its first words, if it is not whole.
fn common(db: &Connection) -> Result<(), LogError> {
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(LogError::Corrupt(said.replace('\n', " "))) }
}
