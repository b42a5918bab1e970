//! Finding conversations: names, sizes and times, nothing is opened.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{beside, subagent_of};
use crate::files::{self, Entry};
use crate::{Found, Sighting, Stamp, Warning, WarningKind};

/// Directories that are looked at below one of subagents.
const DEPTH: usize = 4;

/// Everything below a `projects` directory.
pub(super) fn projects(dir: &Path, each: &mut dyn FnMut(Sighting)) {
    let mut dirs = Vec::new();
    files::look(dir, &mut |warning| each(Sighting::Warning(warning)), &|_| true, |name, entry| {
        if matches!(entry, Entry::Dir) {
            dirs.push(dir.join(name));
        }
    });
    for dir in dirs {
        project(&dir, each);
    }
}

fn project(dir: &Path, each: &mut dyn FnMut(Sighting)) {
    let (mut transcripts, mut dirs) = (Vec::new(), HashSet::new());
    let wanted = |name: &str| is_session(name.strip_suffix(".jsonl").unwrap_or(name));
    files::look(dir, &mut |warning| each(Sighting::Warning(warning)), &wanted, |name, entry| {
        match (entry, name.strip_suffix(".jsonl")) {
            (Entry::File, Some(id)) => transcripts.push((id.to_owned(), dir.join(name))),
            (Entry::Dir, None) => {
                dirs.insert(name.to_owned());
            }
            _ => {}
        }
    });
    for (id, path) in transcripts {
        let has_more = dirs.contains(&id);
        match found(id, path, has_more, &mut |warning| each(Sighting::Warning(warning))) {
            Ok(found) => each(Sighting::Found(found)),
            Err(warning) => each(Sighting::Warning(warning)),
        }
    }
}

/// The conversation below a `projects` directory to which a path belongs.
pub(super) fn at(projects: &Path, path: &Path) -> Option<Found> {
    let mut names = path.strip_prefix(projects).ok()?.components();
    let (project, name) = (names.next()?, names.next()?);
    let name = name.as_os_str().to_str()?;
    // What lies beside a transcript is in a directory of its name.
    let id = if names.next().is_some() { name } else { name.strip_suffix(".jsonl")? };
    let transcript = projects.join(project).join(format!("{id}.jsonl"));
    if !is_session(id) || !std::fs::symlink_metadata(&transcript).ok()?.is_file() {
        return None;
    }
    let has_more = std::fs::symlink_metadata(beside(&transcript)).is_ok_and(|meta| meta.is_dir());
    found(id.to_owned(), transcript, has_more, &mut |_| {}).ok()
}

/// A conversation by its transcript.
fn found(
    native_id: String,
    path: PathBuf,
    has_more: bool,
    warn: &mut dyn FnMut(Warning),
) -> Result<Found, Warning> {
    let meta = std::fs::symlink_metadata(&path)
        .map_err(|error| Warning::of(&path, WarningKind::Unreadable, format!("left out: {error}")))?;
    let mut stamp = Stamp { size: meta.len(), modified_ns: files::modified_ns(&meta), other: 0 };
    let mut seen: Vec<u8> = files::identity(&meta).1.to_le_bytes().to_vec();
    let mut parts = Vec::new();
    if has_more {
        let dir = beside(&path);
        subagents(&dir.join("subagents"), DEPTH, warn, &mut parts);
        parts.sort();
        let marks = ["archived.json", "custom-title.json"].map(|name| dir.join(name));
        for (index, file) in parts.iter().chain(&marks).enumerate() {
            let Ok(meta) = std::fs::symlink_metadata(file) else { continue };
            stamp.size += meta.len();
            stamp.modified_ns = stamp.modified_ns.max(files::modified_ns(&meta));
            seen.extend(index.to_le_bytes());
            seen.extend(files::identity(&meta).1.to_le_bytes());
        }
    }
    stamp.other = files::hash(&seen);
    Ok(Found {
        agent: "claude".to_owned(),
        native_id,
        path,
        parts,
        size_bytes: meta.len(),
        modified: files::modified(&meta),
        name: None,
        stamp,
    })
}

fn subagents(dir: &Path, depth: usize, warn: &mut dyn FnMut(Warning), out: &mut Vec<PathBuf>) {
    let mut dirs = Vec::new();
    files::look(dir, warn, &|_| true, |name, entry| match entry {
        Entry::Dir => dirs.push(dir.join(name)),
        Entry::File if subagent_of(Path::new(name)).is_some() => out.push(dir.join(name)),
        Entry::File => {}
    });
    for dir in dirs {
        if depth > 0 {
            subagents(&dir, depth - 1, warn, out);
        }
    }
}

/// Whether a name is a session's id: a UUID as it is usually written.
pub(super) fn is_session(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
