//! What an agent told of itself at the handshake, in one shape for all agents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Which program runs the session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct AgentInfo {
    /// Its name, as it says.
    pub name: String,
    /// Its version, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The protocol spoken with it, for example `acp/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// A command (slash command) that can be run by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandInfo {
    /// Its name without a slash.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What its argument is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument_hint: Option<String>,
}

/// A model that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// What to pass as `model`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// What it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values of `effort` that it takes.
    #[serde(default)]
    pub efforts: Vec<String>,
}

/// A mode (permission mode) that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeInfo {
    /// What to pass as `mode`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A subagent that the agent can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentChoice {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its model, if fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the words say it")]
pub struct AccountInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_source: Option<String>,
}

/// Whether a verb can be used: `true`, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Support {
    /// It can (`true`).
    Yes(bool),
    /// It cannot, and why.
    No(String),
}

impl Support {
    /// Whether the verb can be used.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        matches!(self, Self::Yes(true))
    }
}

/// What a session's agent can do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Capabilities {
    /// Commands by name.
    #[serde(default)]
    pub commands: Vec<CommandInfo>,
    /// Models to choose from.
    #[serde(default)]
    pub models: Vec<ModelInfo>,
    /// Modes to choose from.
    #[serde(default)]
    pub modes: Vec<ModeInfo>,
    /// Subagents.
    #[serde(default)]
    pub agents: Vec<AgentChoice>,
    /// Who is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountInfo>,
    /// Output styles to choose from.
    #[serde(default)]
    pub output_styles: Vec<String>,
    /// The output style in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_style: Option<String>,
    /// Verb → `true`, or the reason why it cannot.
    #[serde(default)]
    pub supports: BTreeMap<String, Support>,
    /// The agent's own answer at the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Value>,
}

/// How a tool server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum McpStatus {
    Connected,
    Failed,
    NeedsAuth,
    Pending,
    Disabled,
}

/// A tool server of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct McpServer {
    /// Its name.
    pub name: String,
    /// `stdio`, `http` or `sse`, where known.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How it stands.
    pub status: McpStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it told of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Value>,
    /// Where it was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Names of its tools.
    #[serde(default)]
    pub tools: Vec<String>,
}
