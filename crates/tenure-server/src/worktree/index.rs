//! Copies of a git index. Nothing is read out of one here.

use std::path::Path;
use std::{fs, io};

/// Copies an index with the time that it was written at. Git looks again at the bytes of files that changed at that
/// time or later; a copy that looks younger would have it trust what it noted of them. Blocks.
///
/// # Errors
/// What the file system says; there is no index before the first `git add`.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let written = fs::metadata(from)?.modified()?;
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(written)
}
