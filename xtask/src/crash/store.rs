//! The event log as it lies on the disk, read with SQL of our own: the tables are known here, the code that fills them
//! is not. Only read, and only once the daemon has stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// Bits of an event's id that are its position in the session.
const SEQ_BITS: u32 = 40;

/// One event.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) gseq: u64,
    pub(super) kind: String,
    /// As it is stored.
    pub(super) body: String,
    /// The same, read.
    pub(super) value: Value,
}

impl Event {
    /// A text of its data.
    pub(super) fn text(&self, name: &str) -> &str {
        self.value["data"][name].as_str().unwrap_or_default()
    }

    /// Texts of a list in its data.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.value["data"][name].as_array().into_iter().flatten().filter_map(Value::as_str)
    }
}

/// All events.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) home: PathBuf,
    pub(super) sessions: BTreeMap<String, Vec<Event>>,
    /// Commands that no agent has taken, by session.
    pub(super) outbox: BTreeMap<String, u64>,
}

/// Reads the store of a home.
pub(super) fn read(home: &Path) -> anyhow::Result<Store> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(home.join("tenure.db"), flags).context("cannot open tenure.db")?;
    let mut store = Store { home: home.to_owned(), ..Store::default() };
    let mut select = db.prepare(
        "SELECT s.session_id, e.id, e.gseq, k.name, e.body FROM events e
         JOIN kinds k ON k.no = e.kind JOIN streams s ON s.no = e.id >> 40 ORDER BY e.id",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (session, id, gseq): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let body: String = row.get(4)?;
        let value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let seq = u64::try_from(id & ((1 << SEQ_BITS) - 1))?;
        let event = Event { seq, gseq: u64::try_from(gseq)?, kind: row.get(3)?, body, value };
        store.sessions.entry(session).or_default().push(event);
    }
    let mut select =
        db.prepare("SELECT s.session_id, count(*) FROM outbox o JOIN streams s ON s.no = o.no GROUP BY 1")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        store.outbox.insert(row.get(0)?, u64::try_from(row.get::<_, i64>(1)?)?);
    }
    Ok(store)
}

impl Store {
    /// The text of a part, wherever it lies.
    pub(super) fn text_of(&self, session: &str, part: &Value) -> String {
        let text = part["text"].as_str().unwrap_or_default();
        let Some(hash) = part["blob"].as_str() else { return text.to_owned() };
        let path = self.home.join("sessions").join(session).join("blobs").join(hash);
        match fs::read(&path) {
            Ok(bytes) if Some(bytes.len() as u64) == part["bytes"].as_u64() => {
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Ok(bytes) => format!("(blob of {} bytes instead of {})", bytes.len(), part["bytes"]),
            Err(e) => format!("(blob {hash}: {e})"),
        }
    }

    /// The text parts of an event, joined.
    pub(super) fn whole_text(&self, session: &str, event: &Event) -> String {
        let parts = event.value["data"]["parts"].as_array().into_iter().flatten();
        parts.filter(|part| part["type"] == "text").map(|part| self.text_of(session, part)).collect()
    }
}
