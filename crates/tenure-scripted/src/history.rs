//! What sessions leave on disk, so that another process can take them up: one JSONL file per session under
//! `HOME/sessions`, appended after each step. A step that was cut short by a kill is not in it, as with real agents.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::rfc3339;

/// One line of a session's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    Session { id: String, cwd: String },
    User { message_id: String, text: String },
    Update(Value),
    Set { key: String, value: String },
    End { stop_reason: String },
}

/// Where all sessions lie. Without a home nothing is kept, and nothing can be loaded.
pub(crate) struct Store {
    sessions: Option<PathBuf>,
}

/// One session's file, open for appending.
pub(crate) struct History {
    file: Option<Mutex<File>>,
}

/// One row of the list of sessions.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) cwd: String,
    pub(crate) title: Option<String>,
    pub(crate) updated_at: String,
}

impl Store {
    pub(crate) fn new(home: Option<&Path>) -> Self {
        Self { sessions: home.map(|home| home.join("sessions")) }
    }

    pub(crate) fn create(&self, id: &str, cwd: &str) -> io::Result<History> {
        let Some(dir) = &self.sessions else { return Ok(History { file: None }) };
        fs::create_dir_all(dir)?;
        let history = History::open(&dir.join(format!("{id}.jsonl")))?;
        history.append(&Item::Session { id: id.to_owned(), cwd: cwd.to_owned() })?;
        Ok(history)
    }

    /// The session's file and all that it holds; none if there is no such session.
    pub(crate) fn load(&self, id: &str) -> io::Result<Option<(History, Vec<Item>)>> {
        let path = match &self.sessions {
            Some(dir) if is_plain(id) => dir.join(format!("{id}.jsonl")),
            _ => return Ok(None),
        };
        let items = match read(&path) {
            Ok(items) => items,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let history = History::open(&path)?;
        history.end_torn_line(&path)?;
        Ok(Some((history, items)))
    }

    /// All sessions, the newest first.
    pub(crate) fn list(&self) -> io::Result<Vec<Known>> {
        let Some(dir) = &self.sessions else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut known = Vec::new();
        for entry in entries {
            let entry = entry?;
            let updated = entry.metadata()?.modified()?;
            if let Some(row) = summary(&read(&entry.path())?, rfc3339(updated)) {
                known.push((updated, row));
            }
        }
        known.sort_by_key(|(updated, _)| std::cmp::Reverse(*updated));
        Ok(known.into_iter().map(|(_, row)| row).collect())
    }
}

impl History {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    /// A line that a kill cut short must not swallow the next one.
    fn end_torn_line(&self, path: &Path) -> io::Result<()> {
        let mut last = [b'\n'];
        let mut reader = File::open(path)?;
        if reader.metadata()?.len() > 0 {
            reader.seek(SeekFrom::End(-1))?;
            reader.read_exact(&mut last)?;
        }
        match &self.file {
            Some(file) if last != *b"\n" => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write_all(b"\n")
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn append(&self, item: &Item) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(item)?;
        line.push(b'\n');
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

/// Ids become file names, so nothing but these characters is let through.
fn is_plain(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=100).contains(&id.len()) && id.chars().all(plain)
}

/// Lines that cannot be read are left out: the last may have been cut short by a kill.
fn read(path: &Path) -> io::Result<Vec<Item>> {
    let mut items = Vec::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        items.extend(serde_json::from_slice::<Item>(&line?));
    }
    Ok(items)
}

fn summary(items: &[Item], updated_at: String) -> Option<Known> {
    let mut known = None;
    for item in items {
        match (item, &mut known) {
            (Item::Session { id, cwd }, None) => {
                let (id, cwd) = (id.clone(), cwd.clone());
                known = Some(Known { id, cwd, title: None, updated_at: updated_at.clone() });
            }
            (Item::User { text, .. }, Some(known)) if known.title.is_none() => {
                known.title = Some(text.lines().next().unwrap_or_default().chars().take(80).collect());
            }
            (Item::Set { key, value }, Some(known)) if key == "title" => known.title = Some(value.clone()),
            _ => {}
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_finds_what_was_appended_even_after_a_torn_line() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(Some(home.path()));
        let user = Item::User { message_id: "u1".into(), text: "hello\nthere".into() };
        store.create("s-1", "/w").unwrap().append(&user).unwrap();
        let path = home.path().join("sessions/s-1.jsonl");
        OpenOptions::new().append(true).open(path).unwrap().write_all(b"{\"user\":{\"mes").unwrap();

        let session = Item::Session { id: "s-1".into(), cwd: "/w".into() };
        let (history, items) = store.load("s-1").unwrap().unwrap();
        assert_eq!(items, [session.clone(), user.clone()]);
        history.append(&user).unwrap();
        assert_eq!(store.load("s-1").unwrap().unwrap().1, [session, user.clone(), user]);
        let listed = store.list().unwrap();
        assert_eq!((listed[0].id.as_str(), listed[0].title.as_deref()), ("s-1", Some("hello")));
    }

    #[test]
    fn an_id_is_never_a_path() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(Some(home.path()));
        std::fs::write(home.path().join("outside.jsonl"), "{}").unwrap();
        for id in ["../outside", "", "a/b", "."] {
            assert!(store.load(id).unwrap().is_none(), "{id}");
        }
    }
}
