//! OpenCode: one database for everything, `opencode.db`. A message's parts are rows that are written again while they grow, so
//! a conversation that changed is read from its beginning.

mod say;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::database::{Copy, Databases, count, json, millis, word};
use crate::said::one_line;
use crate::{
    Branch, Conversation, Each, FileMark, Fold, Found, Item, Mark, Messages, ReadError, Reader, Sighting,
    Stamp, Want, Warning, WarningKind, files,
};

const SESSIONS: &str = "SELECT s.*, p.parts, p.bytes, p.newest FROM session s LEFT JOIN (SELECT session_id, count(*) AS parts, \
     sum(octet_length(data)) AS bytes, max(time_updated) AS newest FROM part GROUP BY session_id) p ON p.session_id = s.id";
const SESSION: &str = "SELECT * FROM session WHERE id = ?1";
const MESSAGES: &str =
    "SELECT rowid AS place, * FROM message WHERE session_id = ?1 ORDER BY time_created, id";
const PARTS: &str = "SELECT * FROM part WHERE message_id = ?1 ORDER BY id";
const FIRST: &str = "SELECT p.data FROM part p JOIN message m ON p.message_id = m.id WHERE m.session_id = ?1 AND \
     json_extract(m.data, '$.role') = 'user' AND json_extract(p.data, '$.type') = 'text' ORDER BY m.time_created, m.id, p.id LIMIT 1";

/// Reads what OpenCode left.
#[derive(Debug)]
pub struct OpenCodeReader {
    databases: Databases,
}

impl OpenCodeReader {
    /// For these data directories.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self { databases: Databases::below(roots, "opencode.db") }
    }

    /// Gives everything of a conversation; false if `each` broke.
    fn all(&self, found: &Found, each: &mut Each<'_>) -> Result<bool, ReadError> {
        let copy = self.databases.copy(found)?;
        let connection = copy.open()?;
        let mut rows = Vec::new();
        copy.each(&connection, MESSAGES, [&found.native_id], &mut |row| {
            rows.push(row);
            true
        })?;
        for row in rows {
            for item in message(&copy, &connection, found, &row)? {
                if each(item).is_break() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn message(
    copy: &Copy,
    connection: &Connection,
    found: &Found,
    row: &Map<String, Value>,
) -> Result<Vec<Item>, ReadError> {
    let mut parts = Vec::new();
    let id = word(row, "id").unwrap_or_default();
    copy.each(connection, PARTS, [&id], &mut |row| {
        parts.extend(json(&row, "data"));
        true
    })?;
    Ok(match json(row, "data") {
        Some(data) => say::items(found, row, &data, &parts),
        None => {
            let place = count(row, "place");
            let detail = format!("message {id} is no JSON, left out");
            vec![Item::Warning(Warning::at(&found.path, place, WarningKind::Malformed, detail))]
        }
    })
}

impl Reader for OpenCodeReader {
    fn agent(&self) -> &'static str {
        "opencode"
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.databases.roots()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        self.databases.scan(SESSIONS, found, each);
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        let copy = self.databases.copy(found)?;
        let connection = copy.open()?;
        let mut entry = None;
        copy.each(&connection, SESSION, [&found.native_id], &mut |row| {
            entry = Some(described(found, &row));
            false
        })?;
        let Some(mut entry) = entry else { return Err(ReadError::gone(found, None)) };
        copy.each(&connection, FIRST, [&found.native_id], &mut |row| {
            entry.first_input =
                json(&row, "data").and_then(|data| one_line(data["text"].as_str().unwrap_or_default()));
            false
        })?;
        entry.title = entry.custom_title.clone().or_else(|| entry.first_input.clone());
        Ok(Some(entry))
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        let identity = self.databases.copy(found)?.identity();
        let head = files::hash(format!("{:?}", found.stamp).as_bytes());
        let known = mark.and_then(|mark| mark.file(&found.path));
        if known.is_some_and(|known| known.head == head && known.identity == identity) {
            return Ok(mark.cloned().unwrap_or_default());
        }
        if known.is_some() && each(Item::Reset).is_break() {
            return Ok(Mark::default());
        }
        if !self.all(found, each)? {
            // Cut short: the next reading begins again.
            return Ok(Mark { files: vec![FileMark { path: found.path.clone(), ..FileMark::default() }] });
        }
        let (path, offset) = (found.path.clone(), found.stamp.size);
        let file = FileMark { path, identity, head, offset, ..FileMark::default() };
        Ok(Mark { files: vec![file] })
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        if let Some(id) = &want.subagent {
            return Err(ReadError::gone(found, Some(id)));
        }
        let taken_back = if want.branch == Branch::All { None } else { self.taken_back(found)? };
        let mut fold = Fold::page(want.skip, want.limit, want.hidden);
        self.all(found, &mut |item| {
            let gone = |said: &crate::Said| {
                taken_back.as_ref().is_some_and(|from| said.message.native_ids.first() >= Some(from))
            };
            match &item {
                Item::Message(said) if gone(said) => {}
                _ => fold.item(item),
            }
            ControlFlow::Continue(())
        })?;
        Ok(fold.into())
    }
}

impl OpenCodeReader {
    /// The message from which on all was taken back.
    fn taken_back(&self, found: &Found) -> Result<Option<String>, ReadError> {
        let copy = self.databases.copy(found)?;
        let mut from = None;
        copy.each(&copy.open()?, SESSION, [&found.native_id], &mut |row| {
            from = json(&row, "revert").and_then(|revert| revert["messageID"].as_str().map(str::to_owned));
            false
        })?;
        Ok(from)
    }
}

fn found(database: &Path, row: &Map<String, Value>) -> Found {
    let newest = row.get("newest").and_then(Value::as_i64).unwrap_or(0);
    let updated = row.get("time_updated").and_then(Value::as_i64).unwrap_or(0).max(newest);
    let other =
        ["title", "revert", "time_archived", "directory"].map(|name| row.get(name).map(Value::to_string));
    Found {
        agent: "opencode".to_owned(),
        native_id: word(row, "id").unwrap_or_default(),
        path: database.to_owned(),
        parts: Vec::new(),
        size_bytes: count(row, "bytes"),
        modified: tenure_event::Timestamp::from_millis(updated),
        name: None,
        stamp: Stamp {
            size: count(row, "parts"),
            modified_ns: updated.saturating_mul(1_000_000),
            other: files::hash(format!("{other:?}").as_bytes()),
        },
    }
}

fn described(found: &Found, row: &Map<String, Value>) -> Conversation {
    Conversation {
        created_at: millis(row, "time_created"),
        cwd: word(row, "directory"),
        custom_title: word(row, "title"),
        archived: row.get("time_archived").is_some_and(Value::is_number).then_some(true),
        model: json(row, "model").and_then(|model| model["id"].as_str().map(str::to_owned)),
        version: word(row, "version"),
        parent: word(row, "parent_id"),
        ..Conversation::of(found)
    }
}
