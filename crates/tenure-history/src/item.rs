//! What reading a conversation gives, piece by piece: messages, ends of tool calls, counted tokens. Pieces of
//! every branch come, in the order in which they stand in the files; [`Fold`](crate::Fold) puts them together.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{Message, MessageId, Timestamp, ToolState, Usage};

use crate::Warning;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line's first byte; for a row of a database its number.
    pub offset: u64,
}

/// One piece of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Everything that was given of this conversation earlier is void: a file was replaced or cut, and it is read
    /// from its beginning. Comes first, or not at all.
    Reset,
    /// A message, or more of one.
    Message(Box<Said>),
    /// A tool call of an earlier message ended.
    ToolEnded(ToolOutcome),
    /// Tokens were counted.
    Used(Counted),
    /// Something was left out.
    Warning(Warning),
}

/// A message, or more of one: an agent may write a message in several records. One whose id was given before adds its parts
/// and the native ids that are new to that one; its usage replaces that one's.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The message in Tenure's words. Its id is the same whenever and in whatever order it is read; `origin` is
    /// `native`, `seq` and `turn_id` are unset, and a tool part is `pending` until it ended.
    pub message: Message,
    /// The agent wrote it for the model alone: reminders, caveats, notices. Lists of messages leave it out.
    pub hidden: bool,
    /// The subagent that said it, by the agent's id of it.
    pub subagent: Option<String>,
    /// The record.
    pub place: Place,
}

/// How a tool call ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutcome {
    /// The agent's id of the call, as in [`ToolPart`](tenure_event::ToolPart).
    pub tool_id: String,
    /// The message that called it, where the record tells.
    pub message_id: Option<MessageId>,
    /// `completed`, `failed`, `denied` or `cancelled`.
    pub state: ToolState,
    /// What it gave.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When.
    pub ts: Timestamp,
    /// The agent's id of the record.
    pub native_id: Option<String>,
    /// The subagent whose call it was.
    pub subagent: Option<String>,
    /// The record.
    pub place: Place,
}

/// Tokens that one call of a model used.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Names what was counted, over all conversations of this agent: a fork that carries the record along has the same key.
    /// The same key again replaces what was counted under it.
    pub key: String,
    /// When.
    pub ts: Timestamp,
    /// The model.
    pub model: Option<String>,
    /// What it used; a cost only where the agent wrote one down.
    pub usage: Usage,
    /// The message it was used for, where one is.
    pub message_id: Option<MessageId>,
    /// The subagent that used it.
    pub subagent: Option<String>,
}
