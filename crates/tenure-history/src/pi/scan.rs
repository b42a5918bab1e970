//! Finding session files: names, sizes and times. None is opened but those that somebody gave a name of their own.

use std::path::Path;

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

fn level(dir: &Path, each: &mut dyn FnMut(Sighting), below: &mut dyn FnMut(&str)) {
    let mut files = Vec::new();
    files::look(dir, &mut |warning| each(Sighting::Warning(warning)), &|_| true, |name, entry| match entry {
        Entry::Dir => below(name),
        Entry::File if name.ends_with(".jsonl") => {
            let path = dir.join(name);
            let id = id_of(name).map(str::to_owned).or_else(|| id_inside(&path));
            files.extend(id.map(|id| (id, path)));
        }
        Entry::File => {}
    });
    for (native_id, path) in files {
        each(match std::fs::symlink_metadata(&path) {
            Ok(meta) => Sighting::Found(Found {
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
            }),
            Err(error) => {
                Sighting::Warning(Warning::of(&path, WarningKind::Unreadable, format!("left out: {error}")))
            }
        });
    }
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
