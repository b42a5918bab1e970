//! Checkpoints of a workspace's files, and the ways back to them.

use serde::{Deserialize, Serialize};
use tenure_event::{
    CheckpointCause, CheckpointId, InputId, RewindConflict, RewindFile, RewindId, Seq, Timestamp, TurnId,
};
use utoipa::ToSchema;

/// When checkpoints are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointMode {
    /// Before each input and after its turn.
    Auto,
    /// Also after each tool that may write.
    Tool,
    /// Only when asked for.
    #[default]
    Manual,
    /// Never.
    Off,
}

/// `checkpoints` of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointChoice {
    /// When they are taken.
    pub mode: CheckpointMode,
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// Its id.
    pub id: CheckpointId,
    /// The one that it follows on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CheckpointId>,
    /// Why it was taken.
    pub cause: CheckpointCause,
    /// What somebody called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
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
    /// Its event.
    pub seq: Seq,
    /// When.
    pub created_at: Timestamp,
    /// Name of what it holds. Equal directories have equal names.
    pub tree: String,
    /// Files and links that it holds.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that the turn made, or that are new since the parent.
    pub added: u64,
    /// Files that are other.
    pub modified: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// What could not be read, with the reason; the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
    /// What it holds is still there: retention removes old ones.
    pub restorable: bool,
}

/// `POST …/checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCheckpoint {
    /// What to call it; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// It is another one.
    Modified,
    /// It is gone.
    Deleted,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointFileDiff {
    /// Relative to the workspace; bytes that are no text as `\xNN`.
    pub path: String,
    /// How.
    pub status: FileStatus,
    /// Kind and permission bits before, for example `file 0644`, `link`, `directory 0755`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Bytes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_bytes: Option<u64>,
    /// Bytes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_bytes: Option<u64>,
    /// It is no text, on one side at least.
    pub binary: bool,
    /// It is too large to be compared line by line.
    pub large: bool,
    /// Lines that came.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
    /// The difference in the unified form, at most 64 KB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// `diff` is cut, or left out because the answer would be too long.
    pub cut: bool,
}

/// What differs between two states of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointDiff {
    /// From where: a checkpoint's id, `base` for what was there before its turn, or `nothing`.
    pub from: String,
    /// To where: a checkpoint's id or `workspace`.
    pub to: String,
    /// Files that differ, by path; the first 1000.
    pub files: Vec<CheckpointFileDiff>,
    /// How many differ.
    pub files_total: u64,
    /// Lines that came, in the files that are listed.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
}

/// To where: an id of its kind, or of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RewindTo {
    /// Of any kind.
    Id(String),
    /// Of one kind.
    Kind(RewindToKind),
}

/// An id of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RewindToKind {
    /// What was there when this message was said, ours or native.
    Message(String),
    /// What was there after this turn.
    Turn(String),
    /// What was there before this input.
    Input(String),
    /// What this checkpoint holds.
    Checkpoint(String),
}

/// What is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewindScope {
    /// What was said.
    Conversation,
    /// The workspace's files.
    Files,
    /// Both.
    Both,
}

/// `POST …/rewind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewindRequest {
    /// To where.
    pub to: RewindTo,
    /// What is taken back.
    pub scope: RewindScope,
    /// Only tell what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Take conflicts back, too. What stands there now is kept in the guard checkpoint.
    #[serde(default)]
    pub force: bool,
}

/// `POST …/rewind/undo` and `POST …/checkpoints/{checkpoint_id}/restore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewindHow {
    /// Only tell what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Take conflicts back, too. What stands there now is kept in the guard checkpoint.
    #[serde(default)]
    pub force: bool,
}

/// A way back: what it would do (`dry_run`), or what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewindPlan {
    /// It can be done.
    pub possible: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was only planned.
    pub dry_run: bool,
    /// The way back that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewind_id: Option<RewindId>,
    /// The checkpoint that was taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<CheckpointId>,
    /// The checkpoint that it leads to, or led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// What changes; the first 1000.
    pub files: Vec<RewindFile>,
    /// How many change.
    pub files_total: u64,
    /// Lines that come.
    pub insertions: u64,
    /// Lines that go.
    pub deletions: u64,
    /// What differs and is not touched; the first 1000.
    pub conflicts: Vec<RewindConflict>,
    /// How many.
    pub conflicts_total: u64,
    /// Messages that go; the first 1000.
    pub messages_removed: Vec<String>,
    /// How many go.
    #[serde(default)]
    pub messages_removed_total: u64,
    /// What no checkpoint covers.
    pub not_covered: String,
}
