//! What every reader can do. How to use one stands in the crate's own documentation.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::Message;

use crate::{Conversation, Found, Item, Warning};

/// Reads what one agent left on disk. Every call looks at the disk, blocks on it, and holds no more than a line (or a
/// page) in memory beside what it gives.
pub trait Reader: Send + Sync {
    /// The agent's name: `claude`, `codex`, `pi`, `opencode`, `goose`, `tenure`.
    fn agent(&self) -> &'static str;

    /// Directories worth watching for changes, those that exist.
    fn roots(&self) -> Vec<PathBuf>;

    /// Finds every conversation without reading any. What cannot be looked at is told and left out.
    fn scan(&self, each: &mut dyn FnMut(Sighting));

    /// What a scan would find at a path that changed: the conversation whose file it is, or that it lies beside. None where only a scan can
    /// tell, or nothing is there.
    fn at(&self, _path: &Path) -> Option<Found> {
        None
    }

    /// Whether a scan gives all that there is, so that what it does not give is gone.
    fn sees_all(&self) -> bool {
        true
    }

    /// Reads as little as a list's entry needs. None for a file that is no conversation of its own, or in which
    /// nothing was said.
    ///
    /// # Errors
    /// If it cannot be read at all.
    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError>;

    /// Gives what was written since `mark`, or everything, in the order of the files, every branch and subagent, until
    /// there is no more or `each` breaks. What it returns is where to go on; without a break that is the end.
    ///
    /// # Errors
    /// If it cannot be read at all. Damage inside is an [`Item::Warning`].
    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError>;

    /// Processes that tell, in the agent's own files, that they have it open. Whether they still live is not looked at.
    fn claims(&self, _found: &Found) -> Vec<Claim> {
        Vec::new()
    }

    /// A page of whole messages, oldest first.
    ///
    /// # Errors
    /// If it cannot be read at all.
    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError>;
}

/// Takes what is read; a break ends the reading behind this record, of which more pieces may still come.
pub type Each<'a> = dyn FnMut(Item) -> ControlFlow<()> + 'a;

/// A process that says that it has a conversation open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its pid.
    pub pid: i32,
    /// When it started, in the kernel's clock ticks, as it told; a process of this pid that started at another time is another one.
    pub started: Option<String>,
}

/// What a scan came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// A conversation.
    Found(Found),
    /// Something that was left out.
    Warning(Warning),
}

/// How far a conversation was read. It may be stored; one that no longer fits leads to [`Item::Reset`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// One entry for each of its files that was begun.
    pub files: Vec<FileMark>,
}

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FileMark {
    /// The file.
    pub path: PathBuf,
    /// Device and inode.
    pub identity: (u64, u64),
    /// Hash of its first bytes, up to 4 KB and never beyond `offset`.
    pub head: u64,
    /// Hash of the last bytes before `offset`, up to 4 KB; of a packed file of its own last bytes. A mark without it fits nothing.
    pub tail: u64,
    /// The first byte that was not read; of a database the first row.
    pub offset: u64,
    /// What the reader remembers of the lines before; null if nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub state: Value,
}

impl Mark {
    /// The entry of a file.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&FileMark> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Puts an entry in the place of the one of its file.
    pub fn set(&mut self, mark: FileMark) {
        match self.files.iter_mut().find(|file| file.path == mark.path) {
            Some(file) => *file = mark,
            None => self.files.push(mark),
        }
    }
}

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// What the agent would see if it took the conversation up now, and what was before a compaction is left out.
    #[default]
    Current,
    /// Everything that was ever said, in the order of the files.
    All,
}

/// Which page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Which branch.
    pub branch: Branch,
    /// One subagent by the agent's id of it; none for the conversation itself.
    pub subagent: Option<String>,
    /// Messages that the agent wrote for the model alone are given too.
    pub hidden: bool,
    /// Messages to leave out at the beginning.
    pub skip: usize,
    /// Messages to give at most.
    pub limit: usize,
}

impl Default for Want {
    fn default() -> Self {
        Self { branch: Branch::Current, subagent: None, hidden: false, skip: 0, limit: usize::MAX }
    }
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Messages {
    /// Oldest first; tools as they ended.
    pub items: Vec<Message>,
    /// How many there are in all.
    pub total: usize,
    /// What was left out on the way.
    pub warnings: Vec<Warning>,
}

/// A conversation cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}; look at its permissions and whether it still exists", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be opened or read.
    #[error("cannot read the database {path}: {source}; try it with the agent that wrote it", path = path.display())]
    Database {
        /// Which database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// There is no such conversation any more, or no such subagent in it.
    #[error("{agent} has no conversation {native_id} (any more); list what there is with: tenure history")]
    Gone {
        /// The agent.
        agent: String,
        /// The conversation, or the subagent.
        native_id: String,
    },
    /// The log of this node cannot be read.
    #[error("cannot read the log: {0}")]
    Log(String),
}

impl ReadError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// A conversation is there no more, or has no such subagent.
    pub(crate) fn gone(found: &Found, subagent: Option<&str>) -> Self {
        let native_id = subagent.unwrap_or(&found.native_id).to_owned();
        Self::Gone { agent: found.agent.clone(), native_id }
    }
}
