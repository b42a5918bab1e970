//! Reading on: every record of every file of a conversation in order, from where the last reading ended.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;

use super::record::Record;
use super::say::{self, Scene};
use super::{beside, subagent_of};
use crate::fields::{self, line_text, record, word};
use crate::lines::{Line, Lines};
use crate::{Each, FileMark, Found, Item, Mark, ReadError, Warning, WarningKind, files};

/// What is remembered of the lines before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Of the last record that had one; in milliseconds since 1970.
    ts: Option<i64>,
    /// The tool call for which a subagent works.
    parent_tool: Option<String>,
    cwd: String,
    /// It was told already that a time cannot be one.
    clock_told: bool,
}

pub(super) fn read(found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
    let mut next = mark.cloned().unwrap_or_default();
    if let Some(mark) = mark
        && !still_fits(found, mark)?
    {
        next = Mark::default();
        if each(Item::Reset).is_break() {
            return Ok(next);
        }
    }
    for path in std::iter::once(&found.path).chain(&found.parts) {
        match file(found, path, &mut next, each) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            // The conversation itself must be there; one subagent may not.
            Err(error) if *path == found.path => return Err(error),
            Err(error) => {
                if each(Item::Warning(Warning::of(path, WarningKind::Unreadable, error))).is_break() {
                    break;
                }
            }
        }
    }
    Ok(next)
}

/// Whether every file that was read is still what it was, as far as it was read.
fn still_fits(found: &Found, mark: &Mark) -> Result<bool, ReadError> {
    for known in &mark.files {
        if known.path != found.path && !found.parts.contains(&known.path) {
            return Ok(false);
        }
        let (file, meta) = match files::open(&known.path) {
            Ok(open) => open,
            Err(error) if known.path == found.path => return Err(error),
            Err(_) => return Ok(false),
        };
        let head = files::head_hash(&file, known.offset);
        if meta.len() < known.offset
            || files::identity(&meta) != known.identity
            || head.ok() != Some(known.head)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn file(
    found: &Found,
    path: &Path,
    next: &mut Mark,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, ReadError> {
    let (mut file, meta) = files::open(path)?;
    let known = next.file(path);
    let start = known.map_or(0, |known| known.offset);
    let mut memory: Memory =
        known.and_then(|known| serde_json::from_value(known.state.clone()).ok()).unwrap_or_default();
    if start == 0 && *path != found.path {
        memory.parent_tool = parent_tool(path);
    }
    let io = |source| ReadError::io(path, source);
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let mut lines = Lines::new(&mut file, start);
    let (mut end, mut flow) = (start, ControlFlow::Continue(()));
    let mut out = Vec::new();
    while let Some(line) = lines.next().map_err(io)? {
        if !take(path, &line, &mut memory, found.modified, &mut out) {
            flow = give(&mut out, each);
            break;
        }
        end = line.end;
        flow = give(&mut out, each);
        if flow.is_break() {
            break;
        }
    }
    if flow.is_continue() && end < start.max(meta.len()) && file_len(&file) < meta.len() {
        let told = Warning::at(path, end, WarningKind::Shrunk, "it became shorter while it was read");
        flow = each(Item::Warning(told));
    }
    let state = serde_json::to_value(&memory).unwrap_or_default();
    let head = files::head_hash(&file, end).map_err(io)?;
    next.set(FileMark { path: path.to_owned(), identity: files::identity(&meta), head, offset: end, state });
    Ok(flow)
}

fn give(out: &mut Vec<Item>, each: &mut Each<'_>) -> ControlFlow<()> {
    out.drain(..).try_for_each(each)
}

fn file_len(file: &File) -> u64 {
    file.metadata().map_or(0, |meta| meta.len())
}

/// Puts a line into words. False for one that must be read again when there is more of it.
fn take(path: &Path, line: &Line<'_>, memory: &mut Memory, modified: Timestamp, out: &mut Vec<Item>) -> bool {
    let warn = |kind, detail: &str| Item::Warning(Warning::at(path, line.offset, kind, detail));
    if line.oversized {
        out.push(warn(WarningKind::Oversized, "a line of more than 32 MB, skipped"));
        return line.terminated;
    }
    let said = line_text(line.bytes);
    if said.is_empty() {
        return true;
    }
    let Some(record) = fields::parse::<Record<'_>>(&said) else {
        if line.terminated {
            out.push(warn(WarningKind::Malformed, "a line that is no JSON object, skipped"));
        } else {
            out.push(warn(WarningKind::Torn, "the last line is cut off, left out until there is more"));
        }
        return line.terminated;
    };
    if record.chained().is_none() {
        return true;
    }
    if memory.cwd.is_empty() {
        memory.cwd = word(record.cwd).unwrap_or_default();
    }
    match record.time() {
        Some(ts) => memory.ts = Some(ts.as_millis()),
        None if !std::mem::replace(&mut memory.clock_told, true) => {
            out.push(warn(WarningKind::Clock, "a record without a time that can be one"));
        }
        None => {}
    }
    let scene = Scene {
        path,
        offset: line.offset,
        subagent: subagent_of(path).map(str::to_owned).or_else(|| record.side()),
        parent_tool: memory.parent_tool.clone(),
        ts: memory.ts.map_or(modified, Timestamp::from_millis),
        cwd: &memory.cwd,
    };
    say::items(&record, &scene, out);
    true
}

/// The tool call for which a subagent works, from the file beside its transcript.
pub(super) fn parent_tool(path: &Path) -> Option<String> {
    record!(
        /// `agent-ID.meta.json`.
        Meta { tool: "toolUseId" }
    );
    let bytes = files::small(&path.with_extension("meta.json"), 64 << 10)?;
    let line = line_text(&bytes);
    word(fields::parse::<Meta<'_>>(&line)?.tool)
}

/// Where a subagent's transcript is, by the agent's id of it.
pub(super) fn subagent_path<'a>(found: &'a Found, id: &str) -> Option<&'a Path> {
    debug_assert!(found.parts.iter().all(|path| path.starts_with(beside(&found.path))));
    found.parts.iter().map(AsRef::as_ref).find(|path| subagent_of(path) == Some(id))
}
