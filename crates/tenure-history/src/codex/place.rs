//! Where rollouts are: directories by day, names with the conversation's id. Nothing is opened but the index of names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::fields::{self, record, word};
use crate::files::{self, Entry};
use crate::lines::Lines;
use crate::{Found, Sighting, Stamp, Warning, WarningKind};

/// Directories of a home that hold rollouts.
pub(super) const DIRS: [&str; 2] = ["sessions", ARCHIVE];
/// The one for what was put away.
const ARCHIVE: &str = "archived_sessions";
/// Directories below those: year, month, day.
const DEPTH: usize = 3;
/// Forks of forks that are followed back.
pub(super) const BASES_MAX: usize = 64;
/// Most names that are read.
const NAMES_MAX: usize = 1_000_000;
/// The longest line of names that is read, in bytes.
const NAME_BYTES: usize = 1 << 20;
const DAY_MS: u64 = 24 * 3600 * 1000;

record!(
    /// A line of the index.
    Named { id: "id", name: "thread_name" }
);

/// Every rollout of a home.
pub(super) fn scan(home: &Path, each: &mut dyn FnMut(Sighting)) {
    let names = names(home);
    for dir in DIRS {
        let mut warnings = Vec::new();
        walk(&home.join(dir), DEPTH, &mut |path| each(rollout_at(path, &names)), &mut warnings);
        warnings.into_iter().for_each(|warning| each(Sighting::Warning(warning)));
    }
}

/// The rollout at a path of a home.
pub(super) fn at(home: &Path, path: &Path) -> Option<Found> {
    let id = id_of(path)?;
    let is_here = DIRS.iter().any(|dir| path.starts_with(home.join(dir)));
    // Beside a packed one the plain one counts.
    let is_second = path.extension().is_some_and(|kind| kind == "zst") && path.with_extension("").exists();
    if !is_here || is_second || !std::fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let names = names(home).remove_entry(id).into_iter().collect();
    match rollout_at(path.to_owned(), &names) {
        Sighting::Found(found) => Some(found),
        Sighting::Warning(_) => None,
    }
}

fn rollout_at(path: PathBuf, names: &HashMap<String, String>) -> Sighting {
    let meta = match std::fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) => {
            return Sighting::Warning(Warning::of(
                &path,
                WarningKind::Unreadable,
                format!("left out: {error}"),
            ));
        }
    };
    let native_id = id_of(&path).unwrap_or_default().to_owned();
    // A new name changes what a list shows.
    let name = names.get(&native_id).cloned();
    let name_hash = name.as_ref().map_or(0, |name| files::hash(name.as_bytes()));
    Sighting::Found(Found {
        agent: "codex".to_owned(),
        native_id,
        parts: Vec::new(),
        size_bytes: meta.len(),
        modified: files::modified(&meta),
        name,
        stamp: Stamp {
            size: meta.len(),
            modified_ns: files::modified_ns(&meta),
            other: files::identity(&meta).1 ^ name_hash,
        },
        path,
    })
}

fn walk(dir: &Path, depth: usize, each: &mut dyn FnMut(PathBuf), warnings: &mut Vec<Warning>) {
    let mut dirs = Vec::new();
    // While one is packed or unpacked both are there for a moment; the plain one comes first.
    let mut last = PathBuf::new();
    files::look(dir, &mut |warning| warnings.push(warning), &|_| true, |name, entry| match entry {
        Entry::Dir => dirs.push(dir.join(name)),
        Entry::File if id_of(Path::new(name)).is_some() => {
            let path = dir.join(name);
            if path.with_extension("") != last {
                last.clone_from(&path);
                each(path);
            }
        }
        Entry::File => {}
    });
    for dir in dirs {
        if depth > 0 {
            walk(&dir, depth - 1, each, warnings);
        }
    }
}

/// The conversation's id in a rollout's name.
pub(super) fn id_of(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".zst").unwrap_or(name).strip_prefix("rollout-")?.strip_suffix(".jsonl")?;
    let id = name.get(name.len().checked_sub(36)?..)?;
    uuid::Uuid::try_parse(id).ok().map(|_| id)
}

/// Whether a rollout was put away.
pub(super) fn is_archived(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == ARCHIVE)
}

/// The rollout of a conversation: in the directory of the day that its id tells, or of a day beside it, for
/// directories follow the clock on the wall; else among what was put away.
pub(super) fn rollout(home: &Path, id: &str) -> Option<PathBuf> {
    let (seconds, _) = uuid::Uuid::try_parse(id).ok()?.get_timestamp()?.to_unix();
    let ms = seconds.saturating_mul(1000);
    let days = [ms, ms.saturating_sub(DAY_MS), ms.saturating_add(DAY_MS)].map(|ms| {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or_default()).unwrap_or_default();
        home.join("sessions").join(at.strftime("%Y/%m/%d").to_string())
    });
    let mut found = None;
    for dir in days.iter().chain([&home.join(ARCHIVE)]) {
        files::look(dir, &mut |_| {}, &|name| id_of(Path::new(name)) == Some(id), |name, _| {
            // Beside a packed one the plain one, which comes first.
            found.get_or_insert_with(|| dir.join(name));
        });
        if found.is_some() {
            break;
        }
    }
    found
}

/// Names that people gave, by id; of several the last.
fn names(home: &Path) -> HashMap<String, String> {
    let mut names = HashMap::new();
    let Ok((file, _)) = files::open(&home.join("session_index.jsonl")) else { return names };
    let mut lines = Lines::with_max(file, 0, NAME_BYTES);
    for _ in 0..NAMES_MAX {
        let Ok(Some(line)) = lines.next() else { break };
        let text = fields::line_text(line.bytes);
        let Some(named) = fields::parse::<Named<'_>>(&text) else { continue };
        if let (Some(id), Some(name)) = (word(named.id), word(named.name)) {
            names.insert(id, name);
        }
    }
    names
}
