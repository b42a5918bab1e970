//! What could not be read, told and stepped over. A warning is never an error: everything else is still read.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// A directory or file that could not be opened or read.
    Unreadable,
    /// A symbolic link below a root; it is not followed.
    Link,
    /// A pipe, socket or device where a file is expected; it is not opened.
    NotAFile,
    /// A line, record or row that is no such thing.
    Malformed,
    /// The last line is cut off: its writer died or still writes. It is read again when the file has grown.
    Torn,
    /// A line longer than [`MAX_LINE`](crate::MAX_LINE).
    Oversized,
    /// The file became shorter while it was read.
    Shrunk,
    /// A time that cannot be one; the time of the record before is taken instead.
    Clock,
    /// A store of a layout that is not known here.
    Layout,
}

/// Something that was left out of what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The file or directory.
    pub path: PathBuf,
    /// Where in the file, in bytes; for a line its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Why.
    pub kind: WarningKind,
    /// For people; says what was lost.
    pub detail: String,
}

impl Warning {
    /// About a whole file or directory.
    pub fn of(path: &Path, kind: WarningKind, detail: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), offset: None, kind, detail: detail.to_string() }
    }

    /// About a place in a file.
    #[must_use]
    pub fn at(path: &Path, offset: u64, kind: WarningKind, detail: impl fmt::Display) -> Self {
        Self { offset: Some(offset), ..Self::of(path, kind, detail) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} at byte {offset}: {}", self.path.display(), self.detail),
            None => write!(f, "{}: {}", self.path.display(), self.detail),
        }
    }
}
