//! What differs between two recorded states, for people.

use std::time::Duration;

use tenure_api::{CheckpointDiff, CheckpointFileDiff, FileStatus};
use tenure_workspace::checkpoint::{Change, TextLimits, TreeId, What, compare, diff};

use super::InUse;

/// Files that are listed.
const LISTED: usize = 1000;
/// Bytes of text in one answer.
const TEXT_BYTES: usize = 1 << 20;
/// Bytes whose lines are compared in one answer.
const COMPARED_BYTES: u64 = 32 << 20;
const LIMITS: TextLimits =
    TextLimits { file_bytes: 1 << 20, shown_bytes: 64 << 10, time: Duration::from_millis(500) };

/// Bytes on both sides of a change.
pub(super) fn bytes_of(change: &Change) -> u64 {
    size(&change.before).unwrap_or(0) + size(&change.after).unwrap_or(0)
}

fn size(what: &Option<What>) -> Option<u64> {
    match what {
        Some(What::File { size, .. }) => Some(*size),
        _ => None,
    }
}

/// The difference of two trees; `from` none is an empty directory.
pub(crate) fn difference(
    used: &mut InUse<'_>,
    from: Option<TreeId>,
    to: TreeId,
    names: (String, String),
) -> Result<CheckpointDiff, String> {
    let after = used.store.tree(&to).map_err(|e| e.to_string())?;
    let before = match from {
        Some(id) => used.store.tree(&id).map_err(|e| e.to_string())?,
        None => std::sync::Arc::default(),
    };
    let changes = diff(&before, &after);
    let mut shown = CheckpointDiff {
        from: names.0,
        to: names.1,
        files: Vec::new(),
        files_total: changes.len() as u64,
        insertions: 0,
        deletions: 0,
    };
    let (mut text_left, mut bytes_left) = (TEXT_BYTES, COMPARED_BYTES);
    for change in changes.iter().take(LISTED) {
        let bytes = bytes_of(change);
        let file = if bytes <= bytes_left { one(used, change, &mut text_left) } else { plain(change, true) };
        bytes_left = bytes_left.saturating_sub(bytes);
        shown.insertions += file.insertions;
        shown.deletions += file.deletions;
        shown.files.push(file);
    }
    Ok(shown)
}

fn one(used: &InUse<'_>, change: &Change, text_left: &mut usize) -> CheckpointFileDiff {
    let lines = compare(used.store, change, LIMITS);
    let fits = lines.unified.as_ref().is_none_or(|text| text.len() <= *text_left);
    *text_left -= lines.unified.as_ref().filter(|_| fits).map_or(0, String::len);
    CheckpointFileDiff {
        binary: lines.binary,
        large: lines.large,
        insertions: lines.insertions,
        deletions: lines.deletions,
        diff: lines.unified.filter(|_| fits),
        cut: lines.cut || !fits,
        ..plain(change, false)
    }
}

fn plain(change: &Change, cut: bool) -> CheckpointFileDiff {
    CheckpointFileDiff {
        path: change.path.to_string(),
        status: match (&change.before, &change.after) {
            (None, _) => FileStatus::Added,
            (_, None) => FileStatus::Deleted,
            _ => FileStatus::Modified,
        },
        before: change.before.as_ref().map(words),
        after: change.after.as_ref().map(words),
        old_bytes: size(&change.before),
        new_bytes: size(&change.after),
        binary: false,
        large: false,
        insertions: 0,
        deletions: 0,
        diff: None,
        cut,
    }
}

fn words(what: &What) -> String {
    match what {
        What::Dir { mode } => format!("directory {mode:04o}"),
        What::File { mode, .. } => format!("file {mode:04o}"),
        What::Link { .. } => "link".to_owned(),
        What::Unknown { why } => format!("unknown ({why})"),
    }
}
