//! `config.toml`: read at the start, again on SIGHUP and when it changes. A broken one
//! keeps the old and warns.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Agents by name; a name of a preset changes that preset.
    pub agents: BTreeMap<String, AgentConfig>,
    /// The agent that is used when none is named.
    pub default_agent: Option<String>,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// `[sessions]`.
    pub sessions: SessionsConfig,
}

/// `[agents.NAME]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// `acp`, `claude`, `scripted`.
    pub protocol: Option<String>,
    /// Program and arguments.
    pub command: Option<Vec<String>>,
    /// Added to the session's environment.
    pub env: BTreeMap<String, String>,
    /// Names of the daemon's environment to pass on; `true` for all.
    pub inherit_env: Option<InheritConfig>,
}

/// `inherit_env = true` or a list of names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum InheritConfig {
    /// All, or none.
    All(bool),
    /// These.
    Names(Vec<String>),
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Host names beside loopback's own that requests may carry.
    pub hosts: Vec<String>,
    /// Origins that get CORS answers.
    pub origins: Vec<String>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `power` (default) or `process`.
    pub durability: Option<tenure_api::Durability>,
}

/// `[sessions]`: figures that tests and unusual machines change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsConfig {
    /// Seconds without a sign of life until a turn counts as stalled.
    pub stall_seconds: u64,
    /// Seconds that a handshake may take.
    pub start_seconds: u64,
    /// Bytes of unread output at which an agent is stopped from writing.
    pub spool_quota_bytes: u64,
    /// Longest line of an agent that is read, in bytes.
    pub line_bytes: u64,
    /// Put agents in cgroups of their own where the system gives them.
    pub cgroups: bool,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            stall_seconds: 120,
            start_seconds: 60,
            spool_quota_bytes: 256 << 20,
            line_bytes: 32 << 20,
            cgroups: true,
        }
    }
}
