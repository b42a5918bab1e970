//! A conversation's entry, read off the first lines of its rollout: they tell where it worked, and what was asked first.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::place;
use super::record::{Inside, Line, Meta, Payload};
use super::result::is_by_program;
use crate::ends::{Ends, last_under};
use crate::fields::{self, object, text, time, word};
use crate::lines::{Lines, MAX_LINE};
use crate::said::one_line;
use crate::{Conversation, Found, ReadError, source};

/// How far the first prompt is looked for, in bytes.
const HEAD_MAX: u64 = 1 << 20;

/// Where a fork begins.
pub(super) struct Base {
    /// The conversation that it shares the beginning with.
    pub(super) thread: String,
    /// The first byte of that one's file that it does not share.
    pub(super) end: u64,
}

pub(super) fn describe(found: &Found, files: &[(PathBuf, u64)]) -> Result<Option<Conversation>, ReadError> {
    let mut entry = Conversation::of(found);
    let mut is_one = false;
    each_head_line(&found.path, &mut |line| {
        let Some(meta) = meta(line) else { return true };
        is_one = true;
        entry.created_at = time(meta.at);
        entry.cwd = word(meta.cwd);
        entry.version = word(meta.version);
        entry.git_branch = object::<Inside<'_>>(meta.git).and_then(|git| word(git.branch));
        entry.forked_from = word(meta.forked);
        entry.parent = word(meta.parent).or_else(|| parent(&meta));
        entry.programmatic = text(meta.source).as_deref() == Some("exec");
        false
    })?;
    if !is_one {
        return Ok(None);
    }
    // A fork shows what was asked first where it began.
    for (path, _) in files {
        let first = first_input(path);
        // Of a base that cannot be read the fork knows nothing, and is there itself.
        entry.first_input = if *path == found.path { first? } else { first.unwrap_or(None) };
        if entry.first_input.is_some() {
            break;
        }
    }
    entry.model = last_under(&Ends::read(&found.path)?.tail(), "model");
    entry.archived = place::is_archived(&found.path).then_some(true);
    entry.title = found.name.clone().or_else(|| entry.first_input.clone());
    entry.custom_title.clone_from(&found.name);
    Ok(entry.title.is_some().then_some(entry))
}

/// The first line, in either form.
fn meta(line: &str) -> Option<Meta<'_>> {
    let outer: Line<'_> = fields::parse(line)?;
    match text(outer.kind).as_deref() {
        Some("session_meta") => object(outer.payload),
        None if outer.id.is_some() => fields::parse(line),
        _ => None,
    }
}

/// The conversation for which it was spawned.
fn parent(meta: &Meta<'_>) -> Option<String> {
    let source = fields::value(meta.source)?;
    let spawned = &source["subagent"]["thread_spawn"]["parent_thread_id"];
    spawned.as_str().map(str::to_owned)
}

/// Where a fork begins, if it is one that does not carry its beginning along.
pub(super) fn base(path: &Path) -> Option<Base> {
    let mut base = None;
    let looked = each_head_line(path, &mut |line| {
        let inside: Option<Inside<'_>> = meta(line).and_then(|meta| object(meta.base));
        base = inside.and_then(|inside| {
            Some(Base { thread: word(inside.thread)?, end: inside.end?.get().parse().ok()? })
        });
        false
    });
    looked.ok().and(base)
}

fn first_input(path: &Path) -> Result<Option<String>, ReadError> {
    let mut found = None;
    each_head_line(path, &mut |line| {
        if !line.contains("\"user\"") {
            return true;
        }
        let Some(outer) = fields::parse::<Line<'_>>(line) else { return true };
        let payload: Option<Payload<'_>> =
            if outer.payload.is_some() { object(outer.payload) } else { fields::parse(line) };
        let Some(payload) = payload.filter(|payload| text(payload.role).as_deref() == Some("user")) else {
            return true;
        };
        let content = fields::value(payload.content).unwrap_or_default();
        let texts: Vec<&str> =
            content.as_array().into_iter().flatten().filter_map(|block| block["text"].as_str()).collect();
        let said = texts.join(" ");
        if !is_by_program(&payload, &said) {
            found = one_line(&said);
        }
        found.is_none()
    })?;
    Ok(found)
}

/// Reads first lines until one is enough.
fn each_head_line(path: &Path, each: &mut dyn FnMut(&str) -> bool) -> Result<(), ReadError> {
    let (mut source, _) = source::open(path)?;
    // A line without an end is not followed to where it ends.
    let mut lines = Lines::new(source.by_ref().take(HEAD_MAX + MAX_LINE as u64 + 1), 0);
    let mut is_empty = true;
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        is_empty = false;
        if line.offset > HEAD_MAX || (!line.oversized && !each(&fields::line_text(line.bytes))) {
            break;
        }
    }
    match source.damage().filter(|_| is_empty) {
        Some(why) => Err(ReadError::io(path, io::Error::new(io::ErrorKind::InvalidData, why))),
        None => Ok(()),
    }
}
