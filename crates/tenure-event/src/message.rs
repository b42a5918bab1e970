//! Messages and the parts they are made of.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{MessageId, Seq, Timestamp, TurnId, Usage};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person or a program that drives the session.
    User,
    /// The agent.
    Assistant,
    /// The agent's own notices.
    System,
}

/// How an input is to reach the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Behind what waits already.
    #[default]
    Queue,
    /// Into the running turn.
    Steer,
    /// The running turn is interrupted and this goes first.
    Interrupt,
}

/// The two kinds of streamed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// Said to the person.
    Text,
    /// Thought aloud.
    Thought,
}

/// What a tool does, in one word. Unknown words are kept as `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum ToolKind {
    Read,
    Edit,
    Delete,
    Move,
    Search,
    Execute,
    Think,
    Fetch,
    SwitchMode,
    #[default]
    #[serde(other)]
    Other,
}

/// Where a tool call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolState {
    /// Announced, not begun (an ask may be open).
    #[default]
    Pending,
    /// At work.
    Running,
    /// Ended well.
    Completed,
    /// Ended in an error.
    Failed,
    /// A person or a policy said no.
    Denied,
    /// Cut off by an interrupt, a turn's end or the process's end.
    Cancelled,
}

/// A tool call inside a message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ToolPart {
    /// The agent's id of the call.
    pub tool_id: String,
    /// The tool's name.
    pub tool: String,
    /// What it does.
    pub kind: ToolKind,
    /// A line for people.
    pub title: String,
    /// Where it stands.
    pub state: ToolState,
    /// What it was called with.
    #[serde(default)]
    pub input: Value,
    /// What it gave: text, or the agent's own structure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The content of a part, by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PartBody {
    /// Said text.
    Text {
        /// The whole text, or its first 4 KB when `blob` is given.
        text: String,
    },
    /// Thought text.
    Thought {
        /// The whole text, or its first 4 KB when `blob` is given.
        text: String,
    },
    /// A tool call.
    Tool(ToolPart),
    /// An image.
    Image {
        /// Base64 of the bytes; empty when `blob` is given.
        #[serde(default)]
        data: String,
        /// For example `image/png`.
        mime_type: String,
    },
    /// A file's content.
    File {
        /// Its name or URI.
        uri: String,
        /// For example `text/plain`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// Its text, if it is text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Base64 of its bytes, if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// A pointer to a resource.
    ResourceLink {
        /// Where it is.
        uri: String,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// For example `text/plain`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// A plan.
    Plan {
        /// Its text.
        text: String,
    },
    /// Something that has no word here yet, as the agent sent it.
    Other {
        /// The agent's own structure.
        value: Value,
    },
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// Unique in its session: the message's id, a dot and a number.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub body: PartBody,
    /// Size of the whole in bytes, when it stands in a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Hash under which `…/blobs/{hash}` gives the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// A message that did not originate in a turn that Tenure saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageOrigin {
    /// Said before Tenure held the conversation; has no `seq`.
    Native,
}

/// A message as the `messages` path gives it: whole, with its tools as they stand now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Our id.
    pub id: MessageId,
    /// Every native record that was folded into it.
    pub native_ids: Vec<String>,
    /// Who speaks.
    pub role: Role,
    /// Its parts, whole.
    pub parts: Vec<Part>,
    /// The text parts joined.
    pub text: String,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// The event that completed it (or started its first tool).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When.
    pub ts: Timestamp,
    /// The model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// It was cut short; what was seen is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Set when it is older than the session here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<MessageOrigin>,
    /// The tool call of the subagent that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_tool_id: Option<String>,
    /// Rises with each `clear`.
    pub epoch: u32,
}
