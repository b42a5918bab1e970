//! `git diff --raw --numstat -z`, and the sections of a patch.

use std::collections::BTreeMap;

use super::text;

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It is another one.
    Modified,
    /// It is of another kind, for example a link instead of a file: a patch tells it twice.
    Kind,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// From the root; bytes that are no text as `\xNN`.
    pub path: String,
    /// How.
    pub how: How,
    /// Git's mode before, `000000` if it was not there.
    pub old_mode: String,
    /// Its mode after.
    pub new_mode: String,
    /// Lines that came and went; none if it is no text.
    pub lines: Option<(u64, u64)>,
}

/// What differs, in git's order, asked for with `--raw --numstat -z --no-renames`.
#[must_use]
pub fn tell_changes(listing: &[u8]) -> Vec<Changed> {
    let mut all: Vec<Changed> = Vec::new();
    let mut lines = BTreeMap::new();
    let mut listing = listing.split(|byte| *byte == 0);
    while let Some(line) = listing.next() {
        if let Some(raw) = line.strip_prefix(b":") {
            let words: Vec<String> = raw.split(|byte| *byte == b' ').map(text).collect();
            let ([old_mode, new_mode, _, _, letter], Some(path)) = (words.as_slice(), listing.next()) else {
                continue;
            };
            let how = match letter.as_bytes().first() {
                Some(b'A') => How::Added,
                Some(b'D') => How::Deleted,
                Some(b'T') => How::Kind,
                _ => How::Modified,
            };
            let (old_mode, new_mode) = (old_mode.clone(), new_mode.clone());
            all.push(Changed { path: text(path), how, old_mode, new_mode, lines: None });
        } else {
            let mut parts = line.splitn(3, |byte| *byte == b'\t').map(text);
            if let (Some(came), Some(went), Some(path)) = (parts.next(), parts.next(), parts.next()) {
                lines.insert(path, came.parse().ok().zip(went.parse().ok()));
            }
        }
    }
    for changed in &mut all {
        changed.lines = lines.get(&changed.path).copied().flatten();
    }
    all
}

/// The sections of a patch, one for each file, in git's order. Lines of content begin with another character, so none
/// is mistaken for a beginning.
#[must_use]
pub fn sections(patch: &str) -> Vec<&str> {
    const BEGIN: &str = "diff --git ";
    let mut starts: Vec<usize> = if patch.starts_with(BEGIN) { vec![0] } else { Vec::new() };
    starts.extend(patch.match_indices("\ndiff --git ").map(|(at, _)| at + 1));
    let ends = starts.iter().skip(1).copied().chain([patch.len()]);
    starts.iter().zip(ends).map(|(start, end)| &patch[*start..end]).collect()
}
