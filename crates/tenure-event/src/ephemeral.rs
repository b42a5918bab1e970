//! Events without a number: never stored, never replayed, sent as well as it goes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{MessageId, Seq, SessionId, TextKind, Timestamp, TurnId};

/// `message.delta`: a piece of a message that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageDelta {
    /// The message.
    pub message_id: MessageId,
    /// The part of it.
    pub part_id: String,
    /// Text or thought.
    pub kind: TextKind,
    /// Where `text` begins in the part, in Unicode scalar values.
    pub offset: u64,
    /// The piece.
    pub text: String,
    /// The tool call of the subagent that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_tool_id: Option<String>,
}

/// `tool.progressed`: a running tool tells more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolProgressed {
    /// The agent's id of the call.
    pub tool_id: String,
    /// A new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Output so far, or a piece of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// `task.progressed`: a running task tells more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskProgressed {
    /// The agent's id of the task.
    pub task_id: String,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What an ephemeral event tells, with its name on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum EphemeralKind {
    /// A piece of a message.
    #[serde(rename = "message.delta")]
    MessageDelta(MessageDelta),
    /// A running tool tells more.
    #[serde(rename = "tool.progressed")]
    ToolProgressed(ToolProgressed),
    /// A running task tells more.
    #[serde(rename = "task.progressed")]
    TaskProgressed(TaskProgressed),
}

impl EphemeralKind {
    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageDelta(_) => "message.delta",
            Self::ToolProgressed(_) => "tool.progressed",
            Self::TaskProgressed(_) => "task.progressed",
        }
    }
}

/// An event without a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ephemeral {
    /// Whose.
    pub session_id: SessionId,
    /// The last durable event before it.
    pub after: Seq,
    /// When.
    pub ts: Timestamp,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// What it tells.
    #[serde(flatten)]
    pub kind: EphemeralKind,
}
