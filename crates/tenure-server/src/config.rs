//! `config.toml`: read at the start, again on SIGHUP and when it changes. A broken one
//! keeps the old and warns.

pub mod load;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use tenure_agents::catalog::Preset;

pub use policy::PermissionsConfig;

use crate::node::agents;

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
    /// `[checkpoints]`.
    pub checkpoints: CheckpointsConfig,
    /// `[history]`.
    pub history: HistoryConfig,
    /// `[usage]`.
    pub usage: UsageConfig,
    /// `[[permissions]]`, in the order in which they count.
    pub permissions: Vec<PermissionsConfig>,
}

/// Words that `protocol` may be.
pub const PROTOCOLS: [&str; 5] = ["acp", "claude", "codex", "pi", "scripted"];

impl Config {
    /// What the shape alone does not say. The error is the key and what is wrong with it.
    fn check(&self) -> Result<(), (String, String)> {
        for (name, agent) in &self.agents {
            let key = |field: &str| format!("agents.{name}.{field}");
            if let Some(word) = agent.protocol.as_deref().filter(|word| !PROTOCOLS.contains(word)) {
                let known = PROTOCOLS.join(", ");
                return Err((key("protocol"), format!("`{word}` is not one of {known}")));
            }
            if agent.command.as_ref().is_some_and(|command| command.first().is_none_or(String::is_empty)) {
                return Err((key("command"), "give the program and its arguments".to_owned()));
            }
            let built_in = Preset::find(name).is_some() || agent.protocol.as_deref() == Some("scripted");
            if agent.command.is_none() && !built_in {
                let what = format!(
                    "give the program and its arguments: `{name}` is none of the agents that are known by name"
                );
                return Err((key("command"), what));
            }
        }
        self.knows(self.default_agent.as_ref()).map_err(|what| ("default_agent".to_owned(), what))?;
        for (at, policy) in self.permissions.iter().enumerate() {
            let key = |field: &str| format!("permissions[{at}].{field}");
            policy.check().map_err(|(field, why)| (key(&field), why))?;
            self.knows(policy.agent.as_ref()).map_err(|what| (key("agent"), what))?;
        }
        Ok(())
    }

    fn knows(&self, agent: Option<&String>) -> Result<(), String> {
        let known = agents::names(self);
        match agent.filter(|agent| !known.contains(agent)) {
            None => Ok(()),
            Some(agent) => Err(format!(
                "there is no agent `{agent}`; known are: {}. Others are configured under [agents.NAME]",
                known.join(", ")
            )),
        }
    }
}

/// `[agents.NAME]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// `acp`, `claude`, `pi`, `scripted`.
    pub protocol: Option<String>,
    /// Program and arguments.
    pub command: Option<Vec<String>>,
    /// Added to the session's environment.
    pub env: BTreeMap<String, String>,
    /// Names of the daemon's environment to pass on; `true` for all.
    pub inherit_env: Option<InheritConfig>,
    /// Offer an ACP agent to run its commands for it. They end with the daemon, where the agent's own children go
    /// on; so it is off unless asked for.
    pub terminals: bool,
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

/// `[checkpoints]`: when they are taken where a create does not say, how much, and for how long they are kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointsConfig {
    /// When they are taken.
    pub mode: tenure_api::CheckpointMode,
    /// A workspace with more files, links and directories is recorded only on request.
    pub max_files: u64,
    /// One with more megabytes, too.
    pub max_mb: u64,
    /// How many of a session are kept: of those taken by themselves, and of those that were asked for.
    pub keep: usize,
    /// Megabytes of a workspace's store above which fewer are kept.
    pub keep_mb: u64,
}

impl Default for CheckpointsConfig {
    fn default() -> Self {
        let mode = tenure_api::CheckpointMode::Auto;
        Self { mode, max_files: 50_000, max_mb: 2048, keep: 200, keep_mb: 4096 }
    }
}

/// `[history]`: what is read of what agents left on disk.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Keep an index at all; without it there is no list of the past, no search and no usage.
    pub enabled: bool,
    /// Claude Code: configuration directories.
    pub claude: RootsConfig,
    /// Codex: its homes.
    pub codex: RootsConfig,
    /// Pi: its directories.
    pub pi: RootsConfig,
    /// OpenCode: its data directories.
    pub opencode: RootsConfig,
    /// goose: its data directories.
    pub goose: RootsConfig,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        let roots = RootsConfig::default;
        Self {
            enabled: true,
            claude: roots(),
            codex: roots(),
            pi: roots(),
            opencode: roots(),
            goose: roots(),
        }
    }
}

/// `[history.AGENT]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RootsConfig {
    /// Directories in the place of those that the agent itself uses; an empty list for none.
    pub roots: Option<Vec<std::path::PathBuf>>,
}

/// `[usage]`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageConfig {
    /// Prices in US dollars for a million tokens, by model; they go before those that come with the program.
    pub prices: BTreeMap<String, tenure_index::Price>,
}
