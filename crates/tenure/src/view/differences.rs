//! What differs between two states of a directory: a line for each file, and its lines below.

use tenure_api::{CheckpointFileDiff, FileStatus};

use crate::style::Style;
use crate::text::{bytes, clean};

/// The files, of `total` that differ; with `stat` only their names and counts.
pub(crate) fn differences(style: Style, files: &[CheckpointFileDiff], total: u64, stat: bool) -> String {
    let mut out = String::new();
    for file in files {
        out.push_str(&head(style, file));
        if let Some(text) = file.diff.as_ref().filter(|_| !stat) {
            out.push_str(&coloured(style, text));
        }
        if file.cut && !stat {
            out.push_str(&format!("{}\n", style.dim("  … too long to show whole")));
        }
    }
    let left = total.saturating_sub(files.len() as u64);
    if left > 0 {
        out.push_str(&format!("… and {left} more\n"));
    }
    out
}

fn head(style: Style, file: &CheckpointFileDiff) -> String {
    let path = clean(&file.path);
    let head = match file.status {
        FileStatus::Added => style.green(&format!("added    {path}")),
        FileStatus::Modified => format!("modified {path}"),
        FileStatus::Deleted => style.red(&format!("deleted  {path}")),
    };
    let sides = match (&file.before, &file.after) {
        (Some(a), Some(b)) if a != b => format!(" ({a} → {b})"),
        _ => String::new(),
    };
    format!("{head}{} {}\n", style.dim(&sides), style.dim(&amount(file)))
}

fn amount(file: &CheckpointFileDiff) -> String {
    if !file.binary && !file.large {
        return format!("+{} −{}", file.insertions, file.deletions);
    }
    let size = |n: Option<u64>| n.map_or_else(|| "nothing".to_owned(), bytes);
    match (file.old_bytes, file.new_bytes) {
        (None, None) => "no text".to_owned(),
        (old, new) => format!("{} → {}", size(old), size(new)),
    }
}

fn coloured(style: Style, diff: &str) -> String {
    let line = |line: &str| {
        let text = clean(line);
        match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => style.dim(&text),
            Some(b'+') => style.green(&text),
            Some(b'-') => style.red(&text),
            Some(b'@') => style.cyan(&text),
            _ => text,
        }
    };
    diff.lines().map(|l| format!("  {}\n", line(l))).collect()
}
