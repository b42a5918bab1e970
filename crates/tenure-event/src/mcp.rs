//! `mcp.changed`: how a session's tool servers stand, and what was done with them. A server itself is in
//! [`crate::McpServer`]; how one is reached is no part of any event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::McpServer;

/// `mcp.changed`: the whole list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct McpChanged {
    /// Every tool server as it stands.
    pub servers: Vec<McpServer>,
    /// What a client asked for, now done. Absent when the agent tells of a change by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<McpChange>,
    /// The number of the command to the process that it answers, if one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<u64>,
}

/// What was done with tool servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpChange {
    /// What was asked for.
    pub verb: McpVerb,
    /// The server that it is about; absent when the set was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Servers that are new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Servers that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Servers that do not work, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
}

/// What can be asked of tool servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum McpVerb {
    /// Replace those that were set before.
    Set,
    /// Use one again.
    Enable,
    /// Use one no more.
    Disable,
    /// Connect to one again.
    Reconnect,
}
