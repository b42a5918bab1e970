//! Finding session files: names, sizes and times, nothing is opened.

use std::path::Path;

use crate::files::{self, Entry};
use crate::{Found, Sighting, Stamp, Warning, WarningKind};

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
        Entry::File => files.extend(id_of(name).map(|id| (id.to_owned(), dir.join(name)))),
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
