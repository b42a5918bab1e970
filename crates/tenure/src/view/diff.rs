//! A change to a file as a few coloured lines.

use similar::{ChangeTag, TextDiff};
use tenure_event::FileDiff;

use crate::style::Style;
use crate::text::{clean, one_line};

/// More lines than this are counted, not shown.
const MOST_LINES: usize = 40;
/// A file of more bytes is not compared: only its size is told.
const MOST_BYTES: usize = 1 << 20;
const CONTEXT: usize = 2;
const WIDEST: usize = 200;

/// The path with counts, and the changed lines with some around them. Every line is indented. A change that tells no
/// text from before is marked with a word.
pub(crate) fn diff(style: Style, change: &FileDiff, cwd: &str, without_old: &str) -> String {
    let old = change.old_text.as_deref().unwrap_or("");
    let new = &change.new_text;
    let path = one_line(below(cwd, &change.path), 120);
    if old.len() + new.len() > MOST_BYTES {
        return format!("  {}\n", style.dim(&format!("{path}: too large to show what changed")));
    }
    let diff = TextDiff::from_lines(old, new);
    let count = |tag| diff.iter_all_changes().filter(|c| c.tag() == tag).count();
    let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let what = if change.old_text.is_none() { without_old } else { "" };
    let mut out = format!("  {}{} {}\n", path, what, style.dim(&format!("+{added} −{removed}")));
    let (mut shown, mut left) = (0, 0);
    for (i, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if i > 0 && shown < MOST_LINES {
            out.push_str(&format!("  {}\n", style.dim("⋮")));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if shown == MOST_LINES {
                left += 1;
                continue;
            }
            shown += 1;
            out.push_str(&line(style, change.tag(), change.value()));
        }
    }
    if left > 0 {
        out.push_str(&format!("  {}\n", style.dim(&format!("… {left} more lines"))));
    }
    out
}

fn line(style: Style, tag: ChangeTag, text: &str) -> String {
    let text = crate::text::cut(clean(text).trim_end_matches('\n'), WIDEST);
    match tag {
        ChangeTag::Insert => format!("  {}\n", style.green(&format!("+ {text}"))),
        ChangeTag::Delete => format!("  {}\n", style.red(&format!("- {text}"))),
        ChangeTag::Equal => format!("  {}\n", style.dim(&format!("  {text}"))),
    }
}

/// A path below a directory without that directory.
pub(crate) fn below<'a>(cwd: &str, path: &'a str) -> &'a str {
    let inside = path.strip_prefix(cwd.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    inside.filter(|rest| !rest.is_empty()).unwrap_or(path)
}
