//! Commands run where a session works, without its agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/sessions/{id}/exec`: one of `command` and `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecRequest {
    /// Program and arguments, as they are: no shell is between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A text for `/bin/sh -c`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Where it runs: a directory below the session's, by default that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Added to the session's environment; null unsets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Option<String>>,
    /// Milliseconds until its whole tree is killed: 1 to 86400000, by default 120000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400_000)]
    pub timeout_ms: Option<u64>,
    /// What it reads on its standard input, as text; else nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// The same as base64, for bytes that are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin_base64: Option<String>,
}

/// How a command ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExecResult {
    /// Its id, as long as it ran.
    pub exec_id: String,
    /// Its exit code, unless a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Its time was over, and its whole tree was killed.
    pub timed_out: bool,
    /// It was cancelled, and its whole tree was killed.
    #[serde(default)]
    pub cancelled: bool,
    /// It wrote more than is told here: of each output the first megabyte (2^20 bytes).
    pub truncated: bool,
    /// Its standard output; empty at the end of a stream. Bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error; empty at the end of a stream. Bytes that are no UTF-8 are replaced.
    pub stderr: String,
    /// The exact bytes of `stdout`, if they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_base64: Option<String>,
    /// The exact bytes of `stderr`, if they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_base64: Option<String>,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
}

/// The first frame of a stream, `started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecStarted {
    /// By which it can be cancelled.
    pub exec_id: String,
    /// Its process.
    pub pid: u32,
}

/// A frame `stdout` or `stderr`: what was written, in its order. Exactly one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExecOutput {
    /// As text; a character is never cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As base64, if it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// `DELETE /v1/sessions/{id}/exec/{exec_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecCancelled {
    /// The command, and how many of its processes were signalled.
    pub hit: Vec<String>,
    /// Processes that could not be ended.
    pub remained: Vec<String>,
}
