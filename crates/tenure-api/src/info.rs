//! The daemon itself.

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;
use utoipa::ToSchema;

/// `GET /healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReply {
    /// `ok`, or `starting`.
    pub status: String,
    /// The daemon's version.
    pub version: String,
}

/// What an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// A loss of power.
    #[default]
    Power,
    /// A kill of the daemon.
    Process,
}

/// How many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct InfoCounts {
    /// Sessions with a process.
    pub live: u64,
    /// Sessions that are not destroyed.
    pub sessions: u64,
    /// Asks that are open.
    pub open_asks: u64,
    /// Followers of event streams.
    pub followers: u64,
}

/// Limits in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InfoLimits {
    /// Largest input, in bytes.
    pub input_bytes: u64,
    /// Largest other request body, in bytes.
    pub body_bytes: u64,
    /// Longest line of an agent, in bytes.
    pub line_bytes: u64,
    /// Largest `limit` of a list.
    pub page_items: u64,
}

/// `GET /v1/info`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Info {
    /// The daemon's version.
    pub version: String,
    /// The machine's name.
    pub node: String,
    /// The daemon's process id.
    pub pid: u32,
    /// When it was started.
    pub started_at: Timestamp,
    /// For how long it has run.
    pub uptime_seconds: u64,
    /// How many there are.
    pub counts: InfoCounts,
    /// What an acknowledged change survives.
    pub durability: Durability,
    /// Cursors of another generation are void.
    pub log_generation: u64,
    /// Limits in force.
    pub limits: InfoLimits,
    /// Something wrong with the configuration, if there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_warning: Option<String>,
}
