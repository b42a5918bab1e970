//! Finding session files: names, sizes and times. None is opened but those that somebody gave a name of their own.

use std::path::{Path, PathBuf};

use crate::fields::{text, word};
use crate::files::{self, Entry};
use crate::lines::Lines;
use crate::{Found, Sighting, Stamp, Warning, WarningKind};
use crate::{fields, follow, pi};

/// Longest first line that is read for an id, in bytes.
const FIRST_LINE: usize = 64 << 10;

/// Everything below a `sessions` directory, and in it.
pub(super) fn sessions(dir: &Path, each: &mut dyn FnMut(Sighting)) {
    let mut dirs = vec![dir.to_owned()];
    let mut inside = Vec::new();
    level(dir, each, &mut |name| inside.push(dir.join(name)));
    dirs.extend(inside);
    for dir in &dirs[1..] {
        level(dir, each, &mut |_| {});
    }
}

/// The session below a `sessions` directory whose file a path is.
pub(super) fn at(sessions: &Path, path: &Path) -> Option<Found> {
    let depth = path.strip_prefix(sessions).ok()?.components().count();
    if depth > 2 || !std::fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    found(id_at(path)?, path.to_owned()).ok()
}

fn level(dir: &Path, each: &mut dyn FnMut(Sighting), below: &mut dyn FnMut(&str)) {
    let mut files = Vec::new();
    files::look(dir, &mut |warning| each(Sighting::Warning(warning)), &|_| true, |name, entry| match entry {
        Entry::Dir => below(name),
        Entry::File => files.push(dir.join(name)),
    });
    for path in files {
        let Some(id) = id_at(&path) else { continue };
        each(match found(id, path) {
            Ok(found) => Sighting::Found(found),
            Err(warning) => Sighting::Warning(warning),
        });
    }
}

fn found(native_id: String, path: PathBuf) -> Result<Found, Warning> {
    let meta = std::fs::symlink_metadata(&path)
        .map_err(|error| Warning::of(&path, WarningKind::Unreadable, format!("left out: {error}")))?;
    Ok(Found {
        agent: "pi".to_owned(),
        native_id,
        parts: Vec::new(),
        size_bytes: meta.len(),
        modified: files::modified(&meta),
        name: None,
        stamp: Stamp {
            size: meta.len(),
            modified_ns: files::modified_ns(&meta),
            other: files::identity(&meta).1,
        },
        path,
    })
}

/// The id of the session that a file is: its name tells it, or its first line.
fn id_at(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let is_one = name.ends_with(".jsonl");
    id_of(name).map(str::to_owned).or_else(|| is_one.then(|| id_inside(path)).flatten())
}

/// The conversation's id in a file's name: what follows the time.
fn id_of(name: &str) -> Option<&str> {
    let (time, id) = name.strip_suffix(".jsonl")?.split_once('_')?;
    (time.starts_with(|c: char| c.is_ascii_digit()) && !id.is_empty()).then_some(id)
}

/// The id that a file's first line tells. Pi reads it there; where it named the file itself its name tells the same.
fn id_inside(path: &Path) -> Option<String> {
    let (file, _) = files::open(path).ok()?;
    let mut lines = Lines::with_max(file, 0, FIRST_LINE);
    let line = lines.next().ok()??;
    let said = follow::whole(path, &line).ok()?;
    let header: pi::entry::Entry<'_> = fields::parse(&said)?;
    (text(header.kind)? == "session").then(|| word(header.id)).flatten()
}
