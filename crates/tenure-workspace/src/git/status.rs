//! `git status --porcelain -z`.

use super::{pieces, text};

/// A file that is not as its commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLine {
    /// Two letters as in `git status --short`; `??` for a file that git does not know.
    pub code: String,
    /// From the worktree's root; bytes that are no text as `\xNN`.
    pub path: String,
}

/// The lines of a status that was asked for with `--porcelain=v1 -z`.
#[must_use]
pub fn status(listing: &[u8]) -> Vec<StatusLine> {
    let mut lines = Vec::new();
    let mut listing = pieces(listing);
    while let Some(line) = listing.next() {
        let Some((code, path)) = line.split_at_checked(3) else { continue };
        let code = text(&code[..2]);
        if code.contains(['R', 'C']) {
            // Where it was before.
            listing.next();
        }
        lines.push(StatusLine { code, path: text(path) });
    }
    lines
}
