//! Changes to files. Codex tells a new or a removed file whole, and of a changed one the
//! changed places with their context, as a unified diff.

use serde_json::Value;
use tenure_event::FileDiff;

use crate::json::{list_at, str_at};
use crate::places::places;

/// Most places of one call that are told.
const PLACES_MAX: usize = 200;

/// What the changes of an item changed.
pub(super) fn diffs(item: &Value) -> Vec<FileDiff> {
    list_at(item, &["changes"]).iter().flat_map(of_change).take(PLACES_MAX).collect()
}

fn of_change(change: &Value) -> Vec<FileDiff> {
    let path = str_at(change, &["path"]).unwrap_or_default();
    let diff = str_at(change, &["diff"]).unwrap_or_default();
    let one = |path: &str, old: Option<&str>, new: &str| FileDiff {
        path: path.to_owned(),
        old_text: old.map(ToOwned::to_owned),
        new_text: new.to_owned(),
    };
    match str_at(change, &["kind", "type"]) {
        Some("add") => vec![one(path, None, diff)],
        Some("delete") => vec![one(path, Some(diff), "")],
        _ => {
            let path = str_at(change, &["kind", "move_path"]).unwrap_or(path);
            places(diff).into_iter().map(|(old, new)| one(path, Some(&old), &new)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_files_are_told_whole() {
        let item = json!({"changes": [
            {"path": "/w/n", "kind": {"type": "add"}, "diff": "one\n"},
            {"path": "/w/o", "kind": {"type": "delete"}, "diff": "old\n"},
            {"path": "/w/a", "kind": {"type": "update", "move_path": "/w/b"}, "diff": "@@ -1 +1 @@\n-é\n+ü\n"},
            {"path": 7}, null,
        ]});
        let told: Vec<_> = diffs(&item).into_iter().map(|d| (d.path, d.old_text, d.new_text)).collect();
        assert_eq!(
            told,
            [
                ("/w/n".to_owned(), None, "one\n".to_owned()),
                ("/w/o".to_owned(), Some("old\n".to_owned()), String::new()),
                ("/w/b".to_owned(), Some("é\n".to_owned()), "ü\n".to_owned()),
            ]
        );
    }
}
