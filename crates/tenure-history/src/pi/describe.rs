//! A conversation's entry: the first lines tell where it worked and what was asked, the end its name and model.

use std::path::Path;

use super::entry::{Entry, Inner};
use crate::ends::{Ends, last, last_under};
use crate::fields::{self, object, text, time, word};
use crate::lines::Lines;
use crate::said::one_line;
use crate::{Conversation, Found, ReadError, files, follow};

/// How far the first prompt is looked for, in bytes.
const HEAD_MAX: u64 = 1 << 20;

pub(super) fn describe(found: &Found) -> Result<Option<Conversation>, ReadError> {
    let mut entry = Conversation::of(found);
    if !head(&found.path, &mut entry)? {
        return Ok(None);
    }
    let ends = Ends::read(&found.path)?;
    let (head, tail) = (ends.head(), ends.tail());
    entry.custom_title = last(&tail, "name", Some("session_info"), true)
        .or_else(|| last(&head, "name", Some("session_info"), true))
        .filter(|name| !name.is_empty());
    entry.model = last_under(&tail, "model").or_else(|| last_under(&tail, "modelId"));
    entry.title = entry.custom_title.clone().or_else(|| entry.first_input.clone());
    Ok(entry.title.is_some().then_some(entry))
}

/// Reads the first lines; false if it is no session.
fn head(path: &Path, entry: &mut Conversation) -> Result<bool, ReadError> {
    let (file, _) = files::open(path)?;
    let mut lines = Lines::new(file, 0);
    let mut is_session = false;
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        if line.offset > HEAD_MAX {
            break;
        }
        let Ok(said) = follow::whole(path, &line) else { continue };
        let Some(record) = fields::parse::<Entry<'_>>(&said) else { continue };
        match text(record.kind).as_deref() {
            Some("session") if !is_session => {
                is_session = true;
                entry.created_at = time(record.at);
                entry.cwd = word(record.cwd);
                entry.forked_from = word(record.forked).as_deref().map(id_of_file);
            }
            Some("message") => {
                entry.first_input = object::<Inner<'_>>(record.message).and_then(|inner| asked(&inner));
                if entry.first_input.is_some() {
                    break;
                }
            }
            _ => {}
        }
    }
    Ok(is_session)
}

/// The conversation's id in the name of its file.
fn id_of_file(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".jsonl").unwrap_or(name);
    name.split_once('_').map_or(name, |(_, id)| id).to_owned()
}

/// What a person asked.
fn asked(inner: &Inner<'_>) -> Option<String> {
    if text(inner.role)? != "user" {
        return None;
    }
    let content = fields::value(inner.content)?;
    let texts: Vec<&str> = match &content {
        serde_json::Value::String(text) => vec![text],
        other => other.as_array()?.iter().filter_map(|block| block["text"].as_str()).collect(),
    };
    one_line(&texts.join(" "))
}
