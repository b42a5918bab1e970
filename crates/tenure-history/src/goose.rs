//! goose: one database for everything, `sessions/sessions.db`. Messages are rows that are only added, until a conversation is
//! rewritten as a whole; tokens are counted by conversation alone.

mod say;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::database::{Copy, Databases, count, json, word, written};
use crate::said::one_line;
use crate::{
    Conversation, Each, FileMark, Fold, Found, Item, Mark, Messages, ReadError, Reader, Sighting, Stamp,
    Want, files, follow,
};

const SESSIONS: &str = "SELECT s.*, m.rows, m.bytes, m.last FROM sessions s LEFT JOIN (SELECT session_id, count(*) AS rows, \
     sum(octet_length(content_json)) AS bytes, max(id) AS last FROM messages GROUP BY session_id) m ON m.session_id = s.id";
const SESSION: &str = "SELECT * FROM sessions WHERE id = ?1";
const MESSAGES: &str = "SELECT * FROM messages WHERE session_id = ?1 AND id > ?2 ORDER BY id";
const BEFORE: &str = "SELECT count(*) AS rows FROM messages WHERE session_id = ?1 AND id <= ?2";
const FIRST: &str =
    "SELECT content_json FROM messages WHERE session_id = ?1 AND role = 'user' ORDER BY id LIMIT 20";

/// Reads what goose left.
#[derive(Debug)]
pub struct GooseReader {
    databases: Databases,
}

impl GooseReader {
    /// For these data directories.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self { databases: Databases::below(roots, "sessions/sessions.db") }
    }
}

/// Gives the messages behind a row; the last row and how many there were.
fn after(copy: &Copy, found: &Found, row: u64, each: &mut Each<'_>) -> Result<(u64, u64), ReadError> {
    let (mut last, mut rows) = (row, 0);
    let first = i64::try_from(row).unwrap_or(i64::MAX).to_string();
    copy.each(&copy.open()?, MESSAGES, [&found.native_id, &first], &mut |row| {
        last = count(&row, "id");
        rows += 1;
        follow::give(say::items(found, &row), each).is_continue()
    })?;
    Ok((last, rows))
}

impl Reader for GooseReader {
    fn agent(&self) -> &'static str {
        "goose"
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
            entry.first_input = json(&row, "content_json").and_then(|content| {
                let texts = content.as_array()?.iter().filter_map(|block| block["text"].as_str());
                one_line(&texts.collect::<Vec<_>>().join(" "))
            });
            entry.first_input.is_none()
        })?;
        entry.title = entry.custom_title.clone().or_else(|| entry.first_input.clone());
        // One that was opened and never spoken to is none.
        Ok((entry.first_input.is_some() || found.stamp.size > 0).then_some(entry))
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        let copy = self.databases.copy(found)?;
        let mut known = mark.and_then(|mark| mark.file(&found.path)).cloned().unwrap_or_default();
        if known.offset > 0 {
            let mut rows = 0;
            let upto = known.offset.to_string();
            copy.each(&copy.open()?, BEFORE, [&found.native_id, &upto], &mut |row| {
                rows = count(&row, "rows");
                false
            })?;
            if rows != known.head || known.identity != copy.identity() {
                known = FileMark::default();
                if each(Item::Reset).is_break() {
                    return Ok(Mark::default());
                }
            }
        }
        let mut broken = false;
        let (last, rows) = after(&copy, found, known.offset, &mut |item| {
            let flow = each(item);
            broken |= flow.is_break();
            flow
        })?;
        if !broken {
            copy.each(&copy.open()?, SESSION, [&found.native_id], &mut |row| {
                if let Some(used) = say::used(found, &row) {
                    let _ = each(used);
                }
                false
            })?;
        }
        let file = FileMark {
            path: found.path.clone(),
            identity: copy.identity(),
            head: known.head + rows,
            offset: last,
            ..FileMark::default()
        };
        Ok(Mark { files: vec![file] })
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        if let Some(id) = &want.subagent {
            return Err(ReadError::gone(found, Some(id)));
        }
        let mut fold = Fold::page(want.skip, want.limit, want.hidden);
        after(&*self.databases.copy(found)?, found, 0, &mut |item| {
            fold.item(item);
            ControlFlow::Continue(())
        })?;
        Ok(fold.into())
    }
}

fn found(database: &Path, row: &Map<String, Value>) -> Found {
    let updated = written(row, "updated_at").unwrap_or_default();
    let other = ["name", "description", "archived_at", "working_dir", "accumulated_total_tokens", "last"]
        .map(|name| row.get(name).map(Value::to_string));
    Found {
        agent: "goose".to_owned(),
        native_id: word(row, "id").unwrap_or_default(),
        path: database.to_owned(),
        parts: Vec::new(),
        size_bytes: count(row, "bytes"),
        modified: updated,
        name: None,
        stamp: Stamp {
            size: count(row, "rows"),
            modified_ns: updated.as_millis().saturating_mul(1_000_000),
            other: files::hash(format!("{other:?}").as_bytes()),
        },
    }
}

fn described(found: &Found, row: &Map<String, Value>) -> Conversation {
    Conversation {
        created_at: written(row, "created_at"),
        cwd: word(row, "working_dir"),
        custom_title: word(row, "name").or_else(|| word(row, "description")),
        archived: word(row, "archived_at").map(|_| true),
        model: json(row, "model_config_json")
            .and_then(|model| model["model_name"].as_str().map(str::to_owned)),
        programmatic: matches!(row.get("session_type").and_then(Value::as_str), Some("scheduled" | "hidden")),
        ..Conversation::of(found)
    }
}
