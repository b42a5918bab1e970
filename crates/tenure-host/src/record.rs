//! The two small files that a shim leaves beside its spool, and the types that
//! both sides of the socket share. `shim.json` says who runs, `exit.json` how it
//! ended; both appear whole, by rename.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::PidRef;

/// Where the shim's identity is kept, inside its directory.
pub(crate) const IDENTITY_FILE: &str = "shim.json";
/// Where the exit is recorded, as the shim's last act.
pub(crate) const EXIT_FILE: &str = "exit.json";
/// Held with `flock` for the life of the shim.
pub(crate) const LOCK_FILE: &str = "lock";
/// Says that the directory was given up: no shim may start an agent in it any more.
pub(crate) const LOST_FILE: &str = "lost";
/// The shim's socket.
pub(crate) const SOCKET_FILE: &str = "shim.sock";
/// What the shim itself had to complain about; empty as a rule.
pub(crate) const SHIM_LOG: &str = "shim.log";

/// Bounds of one spool, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolLimits {
    /// A segment this long is followed by a new one at the next end of a line.
    pub segment_bytes: u64,
    /// How much may lie after the release point before the agent is made to wait.
    /// Never less than one line of the greatest length.
    pub quota_bytes: u64,
    /// Lines longer than this are cut to one byte more, so that a reader can tell.
    pub max_line_bytes: u64,
}

impl Default for SpoolLimits {
    fn default() -> SpoolLimits {
        SpoolLimits { segment_bytes: 4 << 20, quota_bytes: 256 << 20, max_line_bytes: 32 << 20 }
    }
}

/// Who runs: the content of `shim.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimIdentity {
    /// The protocol version that the shim speaks.
    pub protocol: u32,
    /// The shim.
    pub shim: PidRef,
    /// The agent.
    pub agent: PidRef,
    /// When the agent was started, milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// The bounds that the spool is written with.
    pub limits: SpoolLimits,
    /// The agent's own cgroup, where the system gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<PathBuf>,
}

/// What the shim had to do before the agent ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forced {
    /// Nothing: it ended by itself, or when its input was closed.
    #[default]
    None,
    /// SIGTERM was sent.
    Term,
    /// SIGKILL was sent.
    Kill,
}

/// How an agent process ended: the content of `exit.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExitRecord {
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The end of its standard error, at most 8 KB.
    pub stderr_tail: String,
    /// The end of the spool; nothing comes after it.
    pub spool_end: u64,
    /// The last line had no newline; one was added.
    pub truncated_line: bool,
    /// Output was lost because the spool could not be written to the very end.
    pub spool_lost: bool,
    /// The highest command that was applied.
    pub applied: u64,
    /// Processes that the shim signalled.
    pub hit: Vec<i32>,
    /// Processes of the tree that could not be ended in time.
    pub remained: Vec<i32>,
    /// When the agent ended, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What the shim had to do before the agent ended.
    pub forced: Forced,
}

/// A bounded way to end an agent: close its input, wait, SIGTERM to the agent,
/// wait, SIGKILL to the whole tree. Of two requests the earlier step holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Close the agent's standard input, after what is still to be written to it.
    pub close_stdin: bool,
    /// Milliseconds until SIGTERM.
    pub grace_ms: u64,
    /// Milliseconds from SIGTERM to SIGKILL.
    pub term_ms: u64,
}

impl Ladder {
    /// Only closes the agent's input and never goes further by itself.
    pub const CLOSE_INPUT: Ladder = Ladder { close_stdin: true, grace_ms: u64::MAX, term_ms: 0 };
}

/// Reads `exit.json` of a shim's directory.
///
/// # Errors
/// Any but "not found", which is `None`; a file that is no record is `InvalidData`.
pub fn read_exit(dir: &Path) -> std::io::Result<Option<ExitRecord>> {
    read_json(&dir.join(EXIT_FILE))
}

/// Reads `shim.json` of a shim's directory.
///
/// # Errors
/// Any but "not found", which is `None`; a file that is no identity is `InvalidData`.
pub fn read_identity(dir: &Path) -> std::io::Result<Option<ShimIdentity>> {
    read_json(&dir.join(IDENTITY_FILE))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> std::io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
