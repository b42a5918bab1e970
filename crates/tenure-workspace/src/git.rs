//! What git says, read; and what a repository's own configuration may not say.
//!
//! Git is a program that is run by whoever needs it, never from here. [`guards`] tells which settings of a repository
//! are overruled then: those that name programs. The rest reads answers that were asked for with `-z`, so that a
//! name is whatever bytes it is.

mod changes;
mod guard;
mod status;
mod trees;

pub use changes::{Changed, How, sections, tell_changes};
pub use guard::{files_are_elsewhere, guards};
pub use status::{StatusLine, status};
pub use trees::{CheckedOut, worktrees};

/// Bytes as text; those that are none as `\xNN`.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

/// The pieces that end in a zero byte.
fn pieces(listing: &[u8]) -> impl Iterator<Item = &[u8]> {
    listing.split(|byte| *byte == 0).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests;
