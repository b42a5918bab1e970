//! The `data` of the events about checkpoints and the ways back to them.
//!
//! What a checkpoint holds is not here: it lies in a store of its own, and `tree` is its name there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CheckpointId, InputId, MessageId, RewindId, Seq, TurnId};

/// Why a checkpoint was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointCause {
    /// Before an input was delivered, or when the agent began a turn by itself.
    Before,
    /// After a turn: what differs from `base` is what the turn changed.
    After,
    /// A tool that may write has ended.
    Tool,
    /// Somebody asked for it.
    Manual,
    /// Before files were taken back.
    Guard,
    /// After files were taken back: what differs from `base` is what that changed.
    Rewind,
}

/// `checkpoint.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointCreated {
    /// Which.
    pub checkpoint_id: CheckpointId,
    /// The checkpoint that it follows on; after a way back, the one that was gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CheckpointId>,
    /// Why.
    pub cause: CheckpointCause,
    /// The input that it was taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_id: Option<InputId>,
    /// The turn that it was taken in or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// The tool call that it was taken after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// The way back that it was taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewind_id: Option<RewindId>,
    /// What somebody called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Name of what it holds. Equal directories have equal names.
    pub tree: String,
    /// For `after` and `rewind`: name of what was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Files and links that it holds.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are new, against `base` or else the parent.
    pub added: u64,
    /// Files that are other, against the same.
    pub modified: u64,
    /// Files that are gone, against the same.
    pub deleted: u64,
    /// What could not be read, with the reason; the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

/// What a way back does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// It comes back.
    Restore,
    /// It becomes what it was.
    Change,
    /// It goes.
    Delete,
}

/// A file, link or directory that a way back touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewindFile {
    /// Relative to the workspace; bytes that are no text as `\xNN`.
    pub path: String,
    /// What happens to it.
    pub action: FileAction,
    /// Lines that come; 0 for what is no text.
    pub insertions: u64,
    /// Lines that go.
    pub deletions: u64,
}

/// Something that differs and is not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewindConflict {
    /// Relative to the workspace; bytes that are no text as `\xNN`.
    pub path: String,
    /// Stable word: `not_ours`, `since`, `between`, `other_session`, `was_ignored`, `unknown`, `failed`.
    pub reason: String,
    /// For people.
    pub detail: String,
}

impl RewindCompleted {
    /// A way back that has changed nothing.
    #[must_use]
    pub fn nothing(rewind_id: RewindId, to: String) -> Self {
        Self {
            rewind_id,
            scope: String::new(),
            to,
            undoes: None,
            guard: None,
            checkpoint_id: None,
            kept_seq: None,
            messages_removed: Vec::new(),
            messages_removed_total: 0,
            force: false,
            files: Vec::new(),
            files_total: 0,
            insertions: 0,
            deletions: 0,
            conflicts: Vec::new(),
            conflicts_total: 0,
        }
    }
}

/// `rewind.completed` and `rewind.undone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewindCompleted {
    /// Which.
    pub rewind_id: RewindId,
    /// What was taken back: `files`, `conversation` or `both`.
    pub scope: String,
    /// To where, as it was asked.
    pub to: String,
    /// The way back that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<RewindId>,
    /// The checkpoint that was taken before, where files were taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<CheckpointId>,
    /// The checkpoint that was taken after, where files were taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// The last event of the conversation that was kept, where it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_seq: Option<Seq>,
    /// Messages that went; the first 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages_removed: Vec<MessageId>,
    /// How many went.
    #[serde(default)]
    pub messages_removed_total: u64,
    /// Conflicts were taken back, too.
    pub force: bool,
    /// What was changed; the first 1000.
    pub files: Vec<RewindFile>,
    /// How many were changed.
    pub files_total: u64,
    /// Lines that came.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
    /// What was not touched, with the reason; the first 1000.
    pub conflicts: Vec<RewindConflict>,
    /// How many were not touched.
    pub conflicts_total: u64,
}
