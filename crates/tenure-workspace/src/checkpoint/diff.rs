//! What differs between two trees.

use super::path::RelPath;
use super::tree::{Entry, Tree, What};

/// One thing that differs. At least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: RelPath,
    /// What was there.
    pub before: Option<What>,
    /// What is there.
    pub after: Option<What>,
}

/// How many files and links differ. Directories are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: u64,
    /// Other ones.
    pub modified: u64,
    /// Those that are gone.
    pub deleted: u64,
}

impl Changes {
    /// Of what differs.
    #[must_use]
    pub fn count(changes: &[Change]) -> Self {
        let counts = |what: &Option<What>| matches!(what, Some(What::File { .. } | What::Link { .. }));
        changes.iter().fold(Self::default(), |mut sum, change| {
            match (counts(&change.before), counts(&change.after)) {
                (false, true) => sum.added += 1,
                (true, true) => sum.modified += 1,
                (true, false) => sum.deleted += 1,
                (false, false) => {}
            }
            sum
        })
    }
}

/// What differs, by path. What is unknown on one side differs; beneath it nothing is said.
#[must_use]
pub fn diff(before: &Tree, after: &Tree) -> Vec<Change> {
    let (mut old, mut new) = (before.entries().iter().peekable(), after.entries().iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        let was = if order.is_le() { old.next() } else { None };
        let is = if order.is_ge() { new.next() } else { None };
        if let Some(change) = change(before, after, was, is) {
            changes.push(change);
        }
    }
}

fn change(before: &Tree, after: &Tree, was: Option<&Entry>, is: Option<&Entry>) -> Option<Change> {
    let path = &was.or(is)?.path;
    match (was, is) {
        (Some(a), Some(b)) if a.what == b.what => None,
        // It lies beneath something unknown of the other side.
        (None, Some(_)) if before.get(path).is_some() => None,
        (Some(_), None) if after.get(path).is_some() => None,
        _ => Some(Change {
            path: path.clone(),
            before: was.map(|e| e.what.clone()),
            after: is.map(|e| e.what.clone()),
        }),
    }
}
