//! Segment files: their names, their order, their deletion.

use std::io;
use std::path::{Path, PathBuf};

/// The spool's directory, inside the shim's.
pub const SPOOL_DIR: &str = "spool";

/// How much of the end is kept although it was released, for reading the agent's
/// own lines.
pub const KEPT_BYTES: u64 = 16 << 20;

const SUFFIX: &str = ".seg";

/// The file name of the segment that starts at this offset.
pub(crate) fn name(start: u64) -> String {
    format!("{start:020}{SUFFIX}")
}

/// The start offsets of all segments in a shim's directory, rising.
pub(crate) fn starts(dir: &Path) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for entry in std::fs::read_dir(dir.join(SPOOL_DIR))? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        starts.extend(digits.filter(|d| d.len() == 20).and_then(|d| d.parse::<u64>().ok()));
    }
    starts.sort_unstable();
    Ok(starts)
}

/// The path of a segment.
pub(crate) fn path(dir: &Path, start: u64) -> PathBuf {
    dir.join(SPOOL_DIR).join(name(start))
}

/// Deletes the segments that lie wholly before `open` and before the last
/// [`KEPT_BYTES`] of a spool that ends at `end`.
pub(crate) fn trim(dir: &Path, open: u64, end: u64) -> io::Result<()> {
    let keep_from = open.min(end.saturating_sub(KEPT_BYTES));
    let starts = starts(dir)?;
    for pair in starts.windows(2) {
        if pair[1] <= keep_from {
            std::fs::remove_file(path(dir, pair[0]))?;
        }
    }
    Ok(())
}
