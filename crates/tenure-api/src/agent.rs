//! Agents that can run sessions.

use serde::{Deserialize, Serialize};
use tenure_event::Capabilities;
use utoipa::ToSchema;

/// Whether an agent can reach its model's provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthState {
    /// `yes`, `no` or `unknown`.
    pub logged_in: String,
    /// Where that is known from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// An agent of `GET /v1/agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentEntry {
    /// Its name: pass it as `agent`.
    pub name: String,
    /// `acp`, `claude`, `codex`, `pi` or `scripted`.
    pub protocol: String,
    /// It can be started.
    pub installed: bool,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its version, as it prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthState>,
    /// What its last session here told at the handshake. Before there was one, `supports` alone has something: what
    /// is known without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Where it was looked for, if it is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked_in: Vec<String>,
    /// How to get it, if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how_to_install: Option<String>,
    /// It was configured, not built in.
    pub configured: bool,
}
