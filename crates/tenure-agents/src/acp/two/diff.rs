//! Changes to files: which files, and a patch with the places that changed in them.

use serde_json::Value;
use tenure_event::FileDiff;

use crate::json::{list_at, str_at};
use crate::places::places;

/// Most places of one call that are told.
const PLACES_MAX: usize = 200;

/// What a diff of a tool call changed. Files of which it tells no text are left out: their change has no words here.
pub(in crate::acp) fn diffs(entry: &Value) -> Vec<FileDiff> {
    let patch = str_at(entry, &["patch", "text"]).unwrap_or_default();
    let sections: Vec<&str> = sections(patch).collect();
    let changes = list_at(entry, &["changes"]);
    let of = |change: &Value| -> Vec<FileDiff> {
        let Some(path) = str_at(change, &["path"]) else { return Vec::new() };
        let operation = str_at(change, &["operation"]).unwrap_or_default();
        let Some(section) = sections.iter().find(|section| is_about(section, path)) else {
            return Vec::new();
        };
        let told = |(old, new): (String, String)| FileDiff {
            path: path.to_owned(),
            old_text: (operation != "add").then_some(old),
            new_text: new,
        };
        places(section).into_iter().map(told).collect()
    };
    changes.iter().flat_map(of).take(PLACES_MAX).collect()
}

/// The parts of a patch, one for each file.
fn sections(patch: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = patch
        .match_indices("diff --git ")
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || patch.as_bytes()[at - 1] == b'\n')
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([patch.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| patch.get(start..end))
}

/// Whether a part is of this file, as its first line says.
fn is_about(section: &str, path: &str) -> bool {
    let first = section.lines().next().unwrap_or_default();
    first.strip_suffix('"').unwrap_or(first).ends_with(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_is_told_by_file_and_place() {
        let patch = "diff --git a/w/a.txt b/w/a.txt\n--- a/w/a.txt\n+++ b/w/a.txt\n@@ -1 +1 @@\n-one\n+two\n\
                     diff --git a/w/n.txt b/w/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/w/n.txt\n@@ -0,0 +1 @@\n+new\n";
        let entry = json!({"type": "diff", "patch": {"format": "git_patch", "text": patch}, "changes": [
            {"operation": "modify", "path": "/w/a.txt"}, {"operation": "add", "path": "/w/n.txt"},
            {"operation": "modify", "path": "/w/logo.png"}, {"operation": 7}, null,
        ]});
        let told: Vec<_> = diffs(&entry).into_iter().map(|d| (d.path, d.old_text, d.new_text)).collect();
        assert_eq!(
            told,
            [
                ("/w/a.txt".to_owned(), Some("one\n".to_owned()), "two\n".to_owned()),
                ("/w/n.txt".to_owned(), None, "new\n".to_owned()),
            ]
        );
        assert_eq!(diffs(&json!({"changes": [{"path": "/w/a.txt"}]})), []);
    }
}
