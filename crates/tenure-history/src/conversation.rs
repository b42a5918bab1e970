//! A conversation as it is found and as it is listed. Nothing here reads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;

use crate::files;

/// A conversation that a scan came by: where it is, and whether it changed. Nothing of it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The agent's name, as in [`Reader::agent`](crate::Reader::agent).
    pub agent: String,
    /// The agent's own id of the conversation. Together with `agent` it names it; the same may be found twice
    /// (a copied directory), and the one that was modified last counts.
    pub native_id: String,
    /// The file that holds it: a transcript, or a database that holds many.
    pub path: PathBuf,
    /// Further files of it, with what its subagents said, sorted.
    pub parts: Vec<PathBuf>,
    /// Size of `path` in bytes; for a conversation in a database what its rows hold, as far as the store tells.
    pub size_bytes: u64,
    /// When `path` was last written, or the conversation's rows were.
    pub modified: Timestamp,
    /// A name that the agent keeps apart from it, in a list of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Changes whenever anything of it did.
    pub stamp: Stamp,
}

/// Equal stamps of one conversation: nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Sizes of all its files in bytes, or the number of its rows.
    pub size: u64,
    /// Newest change of them in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Hash of what else tells them apart (inodes, marks beside the transcript).
    pub other: u64,
}

impl Stamp {
    /// The same for one of which more is known that no file of it tells: it changes with these bytes too.
    #[must_use]
    pub fn with(self, more: &[u8]) -> Self {
        Self { other: self.other ^ files::hash(more), ..self }
    }
}

/// A conversation's entry in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The agent's name.
    pub agent: String,
    /// The agent's own id of it.
    pub native_id: String,
    /// The file that holds it.
    pub path: PathBuf,
    /// Further files of it, with what its subagents said.
    #[serde(default)]
    pub parts: Vec<PathBuf>,
    /// Size of that file in bytes, or what the store tells of it.
    pub size_bytes: u64,
    /// Its first record's time.
    pub created_at: Option<Timestamp>,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The directory it worked in, as its records say; never taken from a directory's name.
    pub cwd: Option<String>,
    /// The branch it was last on.
    pub git_branch: Option<String>,
    /// The line that the agent's own list shows: a person's title, else one the agent made, else what was asked.
    pub title: Option<String>,
    /// A title that a person or the agent gave it.
    pub custom_title: Option<String>,
    /// What was asked first, on one line and short.
    pub first_input: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Whether it is put away; none where nobody ever said.
    pub archived: Option<bool>,
    /// The model that spoke last, where the list's source tells it.
    pub model: Option<String>,
    /// Version of the program that wrote it.
    pub version: Option<String>,
    /// A program spoke to the agent and not a person at a terminal.
    pub programmatic: bool,
    /// The conversation whose beginning it shares.
    pub forked_from: Option<String>,
    /// The conversation for which it works as a subagent.
    pub parent: Option<String>,
    /// Subagents with records of their own.
    pub subagents: usize,
}

impl Conversation {
    /// An entry that says nothing yet but where it is.
    #[must_use]
    pub fn of(found: &Found) -> Self {
        Self {
            agent: found.agent.clone(),
            native_id: found.native_id.clone(),
            path: found.path.clone(),
            parts: found.parts.clone(),
            size_bytes: found.size_bytes,
            created_at: None,
            updated_at: found.modified,
            cwd: None,
            git_branch: None,
            title: None,
            custom_title: None,
            first_input: None,
            tags: Vec::new(),
            archived: None,
            model: None,
            version: None,
            programmatic: false,
            forked_from: None,
            parent: None,
            subagents: found.parts.len(),
        }
    }
}
