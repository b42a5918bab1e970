//! Files where a session works.

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;
use utoipa::ToSchema;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    Pipe,
    Socket,
    Device,
}

/// A file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    /// From the session's directory; that one itself is `.`. Bytes that are no UTF-8 are replaced, and then it
    /// cannot be asked for by this name.
    pub path: String,
    /// The last name of it.
    pub name: String,
    /// What it is; a link is not followed.
    pub kind: FileKind,
    /// Its size in bytes; 0 unless it is a file.
    pub bytes: u64,
    /// Permission bits, in octal.
    pub mode: String,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Of a file: changes with its content; `ETag` of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What a link says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A page of names that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilesFound {
    /// In the order of their paths.
    pub items: Vec<FileEntry>,
    /// The cursor of the next page. A search that took too long has one too, be its page empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrepLine {
    /// The file, from the session's directory.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// Where in it the match begins, in bytes, from 1.
    pub column: u64,
    /// The line without its end; of one over 1 KB the part about the match. Bytes that are no UTF-8 are replaced.
    pub text: String,
    /// It is not the whole line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A page of lines that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrepFound {
    /// In the order of paths and lines.
    pub items: Vec<GrepLine>,
    /// The cursor of the next page. A search that took too long has one too, be its page empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Files of this page that were not searched: no text, over 16 MB, or not to be read.
    pub skipped: u64,
}
