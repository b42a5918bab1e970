//! A conversation's entry, as Pi's own list makes it: the whole file is gone through, since a name may stand anywhere in it and the
//! last message on a branch that was left. Of what tools gave, the most of it, nothing is read.

use std::path::Path;

use memchr::memmem;
use tenure_event::Timestamp;

use super::entry::{Entry, Inner, time_of_inner};
use crate::fields::{self, object, text, time, word};
use crate::lines::Lines;
use crate::said::one_line;
use crate::{Conversation, Found, ReadError, files, follow};

/// Begins what a tool gave. Inside of a text the quotes would be escaped.
const GIVEN: &[u8] = b"\"message\":{\"role\":\"toolResult\"";

pub(super) fn describe(found: &Found) -> Result<Option<Conversation>, ReadError> {
    let Some(told) = go_through(&found.path)? else { return Ok(None) };
    let updated_at = told.updated(found.modified);
    let mut entry = Conversation { updated_at, ..told.entry(found) };
    entry.title = entry.custom_title.clone().or_else(|| entry.first_input.clone());
    Ok(Some(entry))
}

/// What a file told so far.
#[derive(Default)]
struct Told {
    created: Option<Timestamp>,
    cwd: Option<String>,
    forked_from: Option<String>,
    name: Option<String>,
    asked: Option<String>,
    model: Option<String>,
    /// When the newest message was said.
    said: Option<Timestamp>,
}

/// Reads every line; none if it is no session.
fn go_through(path: &Path) -> Result<Option<Told>, ReadError> {
    let (file, _) = files::open(path)?;
    let mut lines = Lines::new(file, 0);
    let given = memmem::Finder::new(GIVEN);
    let mut told: Option<Told> = None;
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        if told.is_some() && given.find(line.bytes).is_some() {
            continue;
        }
        let Ok(said) = follow::whole(path, &line) else { continue };
        let Some(record) = fields::parse::<Entry<'_>>(&said) else { continue };
        match &mut told {
            Some(told) => told.take(&record),
            // The first that is an entry at all says what the file is.
            None if text(record.kind).as_deref() == Some("session") => told = Some(Told::begin(&record)),
            None => return Ok(None),
        }
    }
    Ok(told)
}

impl Told {
    fn begin(header: &Entry<'_>) -> Self {
        Self {
            created: time(header.at),
            cwd: word(header.cwd),
            forked_from: word(header.forked).as_deref().map(id_of_file),
            ..Self::default()
        }
    }

    fn take(&mut self, record: &Entry<'_>) {
        match text(record.kind).unwrap_or_default().as_ref() {
            // A later one without a name takes the name away.
            "session_info" => {
                self.name =
                    word(record.name).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            }
            "model_change" => self.model = word(record.model_id).or_else(|| self.model.take()),
            "message" => self.message(record),
            _ => {}
        }
    }

    fn message(&mut self, record: &Entry<'_>) {
        let Some(inner) = object::<Inner<'_>>(record.message) else { return };
        let is_user = match text(inner.role).unwrap_or_default().as_ref() {
            "user" => true,
            "assistant" => false,
            _ => return,
        };
        self.said = self.said.max(time_of_inner(&inner).or_else(|| time(record.at)));
        if !is_user {
            self.model = word(inner.model).or_else(|| self.model.take());
        } else if self.asked.is_none() {
            self.asked = asked(&inner);
        }
    }

    /// When the last message was said, whatever was written since.
    fn updated(&self, written: Timestamp) -> Timestamp {
        self.said.or(self.created).unwrap_or(written)
    }

    fn entry(self, found: &Found) -> Conversation {
        Conversation {
            created_at: self.created,
            cwd: self.cwd,
            forked_from: self.forked_from,
            custom_title: self.name,
            first_input: self.asked,
            model: self.model,
            ..Conversation::of(found)
        }
    }
}

/// The conversation's id in the name of its file.
fn id_of_file(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".jsonl").unwrap_or(name);
    name.split_once('_').map_or(name, |(_, id)| id).to_owned()
}

/// What a person asked, in words.
fn asked(inner: &Inner<'_>) -> Option<String> {
    let content = fields::value(inner.content)?;
    let texts: Vec<&str> = match &content {
        serde_json::Value::String(text) => vec![text],
        other => {
            let blocks = other.as_array()?.iter().filter(|block| block["type"] == "text");
            blocks.filter_map(|block| block["text"].as_str()).collect()
        }
    };
    one_line(&texts.join(" "))
}
