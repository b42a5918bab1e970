//! Continuing a conversation that another program began.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{CreateWait, InheritEnv, InputContent, Instructions, Limits, McpServerConfig, Permissions};

/// `POST /v1/history/{agent}/{native_id}/adopt`: the session that goes on in the conversation. Fields are those of a create.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptConversation {
    /// The agent that goes on in it: one that keeps its conversations in the same place and form (default: the one of
    /// the path).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The client's id of the session; the same id and body again is the same session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The directory to work in (default: where the conversation last worked).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Title (default: the one that the conversation was given).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tags (default: those of the conversation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What clients keep with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// The first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputContent>,
    /// `false` starts nothing yet (default true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: CreateWait,
    /// Environment for the agent; null unsets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// Names of the daemon's environment to pass on, instead of the agent's own list; true for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherit_env: Option<InheritEnv>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Text for the agent's instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
    /// Tool servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp_servers: Vec<McpServerConfig>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Permissions,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// The directory's own settings may be used by the agent; remembered for the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_project: Option<bool>,
}
