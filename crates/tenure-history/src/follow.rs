//! Reading files of lines on from where the last reading ended, for every agent that keeps such files. What a line
//! says is the agent's own affair.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_event::Timestamp;

use crate::fields::line_text;
use crate::lines::{Line, Lines};
use crate::source::{self, Source};
use crate::{Each, FileMark, Found, Item, Mark, ReadError, Warning, WarningKind, files};

/// A line of a file, with what surrounds it.
pub(crate) struct Spot<'a> {
    pub(crate) path: &'a Path,
    pub(crate) offset: u64,
    pub(crate) text: &'a str,
    /// When the file was last written: the time of what has none.
    pub(crate) modified: Timestamp,
}

/// How an agent's lines are read.
pub(crate) trait Format {
    /// What is remembered of the lines before.
    type Memory: Default + Serialize + DeserializeOwned;

    /// What is known of a file before its first line.
    fn begin(&self, _found: &Found, _path: &Path) -> Self::Memory {
        Self::Memory::default()
    }

    /// Puts a line into words; false for one that is no record.
    fn line(&self, spot: &Spot<'_>, memory: &mut Self::Memory, out: &mut Vec<Item>) -> bool;
}

/// The time of a record, or that of the one before.
pub(crate) fn time_of(
    spot: &Spot<'_>,
    told: Option<Timestamp>,
    clock: &mut Clock,
    out: &mut Vec<Item>,
) -> Timestamp {
    match told {
        Some(ts) => clock.last = Some(ts.as_millis()),
        None if !std::mem::replace(&mut clock.told, true) => {
            let detail = "a record without a time that can be one";
            out.push(Item::Warning(Warning::at(spot.path, spot.offset, WarningKind::Clock, detail)));
        }
        None => {}
    }
    clock.last.map_or(spot.modified, Timestamp::from_millis)
}

/// What is remembered of times.
#[derive(Debug, Clone, Default, Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Clock {
    /// Of the last record that had one; in milliseconds since 1970.
    last: Option<i64>,
    /// It was told already that a time cannot be one.
    told: bool,
}

/// Reads on in the file of a conversation and in those of its parts.
pub(crate) fn read<F: Format>(
    format: &F,
    found: &Found,
    mark: Option<&Mark>,
    each: &mut Each<'_>,
) -> Result<Mark, ReadError> {
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
        match file(format, found, path, &mut next, each) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            // The conversation itself must be there; one part may not.
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
        let is_shorter = meta.len() < known.offset && !source::is_packed(&known.path);
        let hashes = hashes(&file, &known.path, known.offset);
        let is_same = hashes.is_ok_and(|hashes| hashes == (known.head, known.tail));
        if is_shorter || !is_same || files::identity(&meta) != known.identity {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a file is known by that was read up to a place: a hash of its first bytes, and one of those before the place. Places in a
/// packed file are none of its text, so there the end counts; it is unpacked from its beginning whenever it has changed anyhow.
fn hashes(file: &File, path: &Path, offset: u64) -> std::io::Result<(u64, u64)> {
    let upto = if source::is_packed(path) { file.metadata()?.len() } else { offset };
    Ok((files::head_hash(file, offset)?, files::tail_hash(file, upto)?))
}

fn file<F: Format>(
    format: &F,
    found: &Found,
    path: &Path,
    next: &mut Mark,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, ReadError> {
    let known = next.file(path);
    let start = known.map_or(0, |known| known.offset);
    let (mut source, meta) = source::open_at(path, start)?;
    let mut memory: F::Memory = known
        .and_then(|known| serde_json::from_value(known.state.clone()).ok())
        .unwrap_or_else(|| format.begin(found, path));
    let io = |source| ReadError::io(path, source);
    let mut lines = Lines::new(&mut source, start);
    let (mut end, mut flow) = (start, ControlFlow::Continue(()));
    let (mut out, mut is_left) = (Vec::new(), false);
    while let Some(line) = lines.next().map_err(io)? {
        let whole = take(format, found, path, &line, &mut memory, &mut out);
        if whole {
            end = line.end;
        }
        flow = give(out.drain(..), each);
        if !whole || flow.is_break() {
            is_left = whole;
            break;
        }
    }
    let surplus = is_left.then(|| lines.surplus());
    if flow.is_continue()
        && let Some(warning) = damage(path, end, &source)
    {
        flow = each(Item::Warning(warning));
    }
    let file = source.file();
    if flow.is_continue() && end < meta.len() && file_len(file) < meta.len() {
        let told = Warning::at(path, end, WarningKind::Shrunk, "it became shorter while it was read");
        flow = each(Item::Warning(told));
    }
    let state = serde_json::to_value(&memory).unwrap_or_default();
    let (head, tail) = hashes(file, path, end).map_err(io)?;
    let identity = files::identity(&meta);
    next.set(FileMark { path: path.to_owned(), identity, head, tail, offset: end, state });
    if let Some(surplus) = surplus {
        source::leave(path, &meta, end, source, surplus);
    }
    Ok(flow)
}

/// Gives all pieces of a record, also when somebody has enough: the next reading begins behind it.
pub(crate) fn give(items: impl IntoIterator<Item = Item>, each: &mut Each<'_>) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    for item in items {
        if each(item).is_break() {
            flow = ControlFlow::Break(());
        }
    }
    flow
}

/// What is told of a file whose text ended too soon.
fn damage(path: &Path, end: u64, source: &Source) -> Option<Warning> {
    let why = source.damage()?;
    Some(Warning::at(
        path,
        end,
        WarningKind::Malformed,
        format!("{why}; what comes after this place is left out"),
    ))
}

fn file_len(file: &File) -> u64 {
    file.metadata().map_or(0, |meta| meta.len())
}

/// Puts a line into words. False for one that must be read again when there is more of it.
fn take<F: Format>(
    format: &F,
    found: &Found,
    path: &Path,
    line: &Line<'_>,
    memory: &mut F::Memory,
    out: &mut Vec<Item>,
) -> bool {
    let text = match whole(path, line) {
        Ok(text) => text,
        Err(warning) => {
            out.push(Item::Warning(warning));
            return line.terminated;
        }
    };
    let spot = Spot { path, offset: line.offset, text: &text, modified: found.modified };
    if text.is_empty() || format.line(&spot, memory, out) {
        return true;
    }
    out.push(Item::Warning(no_record(path, line)));
    line.terminated
}

/// A line's text, unless it is too long.
pub(crate) fn whole<'a>(path: &Path, line: &Line<'a>) -> Result<std::borrow::Cow<'a, str>, Warning> {
    if line.oversized {
        let detail = "a line of more than 32 MB, skipped";
        return Err(Warning::at(path, line.offset, WarningKind::Oversized, detail));
    }
    Ok(line_text(line.bytes))
}

/// What is told of a line that is no record.
pub(crate) fn no_record(path: &Path, line: &Line<'_>) -> Warning {
    let (kind, detail) = if line.terminated {
        (WarningKind::Malformed, "a line that is no record, skipped")
    } else {
        (WarningKind::Torn, "the last line is cut off, left out until there is more")
    };
    Warning::at(path, line.offset, kind, detail)
}

/// Reads files of lines from their beginning, up to a place in each, for one thing after the other.
pub(crate) fn pass<F: Format>(
    format: &F,
    found: &Found,
    files: &[(PathBuf, u64)],
    each: &mut dyn FnMut(Item),
) -> Result<(), ReadError> {
    for (path, limit) in files {
        let mut memory = format.begin(found, path);
        let (mut source, _) = source::open(path)?;
        let mut lines = Lines::new(&mut source, 0);
        let (mut out, mut end) = (Vec::new(), 0);
        while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
            if line.end > *limit {
                break;
            }
            end = line.end;
            take(format, found, path, &line, &mut memory, &mut out);
            out.drain(..).for_each(&mut *each);
        }
        damage(path, end, &source).map(Item::Warning).into_iter().for_each(&mut *each);
    }
    Ok(())
}
