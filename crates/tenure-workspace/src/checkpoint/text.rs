//! A change of a file as people read it: lines that came and lines that went.

use std::io::Read;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::diff::Change;
use super::store::Store;
use super::tree::What;

/// How much is compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Larger files are not compared line by line, in bytes.
    pub file_bytes: u64,
    /// Longest text of one file's difference, in bytes; 0 for no text.
    pub shown_bytes: usize,
    /// How long the best difference of one file is looked for; after that a coarser one is taken.
    pub time: Duration,
}

/// A change of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// One side is no text.
    pub binary: bool,
    /// One side is too large to be compared.
    pub large: bool,
    /// Lines that came.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
    /// The difference in the unified form.
    pub unified: Option<String>,
    /// It was too long and is cut.
    pub cut: bool,
}

/// One side of a comparison.
enum Side {
    Text(String),
    Binary,
    Large,
}

/// Compares both sides of a change. What cannot be read counts as binary.
#[must_use]
pub fn compare(store: &Store, change: &Change, limits: TextLimits) -> FileDiff {
    let (before, after) = (side(store, &change.before, limits), side(store, &change.after, limits));
    let (before, after) = match (before, after) {
        (Side::Text(before), Side::Text(after)) => (before, after),
        (Side::Large, _) | (_, Side::Large) => return FileDiff { large: true, ..FileDiff::default() },
        _ => return FileDiff { binary: true, ..FileDiff::default() },
    };
    let diff = TextDiff::configure().timeout(limits.time).diff_lines(before.as_str(), after.as_str());
    let count = |tag| diff.iter_all_changes().filter(|line| line.tag() == tag).count() as u64;
    let (insertions, deletions) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let mut shown = FileDiff { insertions, deletions, ..FileDiff::default() };
    if limits.shown_bytes > 0 && insertions + deletions > 0 {
        let path = change.path.to_string();
        let name =
            |side: &str, there: bool| if there { format!("{side}/{path}") } else { "/dev/null".to_owned() };
        let (a, b) = (name("a", change.before.is_some()), name("b", change.after.is_some()));
        let mut text = diff.unified_diff().context_radius(3).header(&a, &b).to_string();
        shown.cut = text.len() > limits.shown_bytes;
        let fits = |at: &usize| text.is_char_boundary(*at);
        let end = (0..=limits.shown_bytes.min(text.len())).rev().find(fits).unwrap_or(0);
        text.truncate(end);
        shown.unified = Some(text);
    }
    shown
}

fn side(store: &Store, what: &Option<What>, limits: TextLimits) -> Side {
    let (hash, size) = match what {
        None | Some(What::Dir { .. }) => return Side::Text(String::new()),
        Some(What::Link { target }) => {
            return match std::str::from_utf8(target) {
                Ok(text) => Side::Text(text.to_owned()),
                Err(_) => Side::Binary,
            };
        }
        Some(What::File { hash, size, .. }) => (hash, *size),
        Some(What::Unknown { .. }) => return Side::Binary,
    };
    if size > limits.file_bytes {
        return Side::Large;
    }
    let mut bytes = Vec::new();
    let read =
        store.read(hash).ok().and_then(|from| from.take(limits.file_bytes).read_to_end(&mut bytes).ok());
    match String::from_utf8(bytes) {
        Ok(text) if read.is_some() && !text.contains('\0') => Side::Text(text),
        _ => Side::Binary,
    }
}
