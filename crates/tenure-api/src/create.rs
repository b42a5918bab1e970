//! Creating a session.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{PermissionDefault, PermissionRule, RestartPolicy};
use utoipa::ToSchema;

use crate::{InputContent, Limits, Receipt, Session, TurnResult, WorkspaceChoice};

/// Until when create waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreateWait {
    /// Until it is stored.
    #[default]
    Created,
    /// Until the agent's handshake is done.
    Live,
    /// Until the turn of `input` has ended.
    Finished,
}

/// Text for the agent's instructions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// Added to the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// Used instead of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
}

/// Permissions of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// What happens to asks that no rule decides.
    #[serde(default)]
    pub default: PermissionDefault,
    /// Rules that decide before `default` does; the first that matches counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PermissionRule>,
    /// Seconds until an ask is denied (default 86400; 0 denies at once).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 315_360_000)]
    pub ask_timeout_seconds: Option<u64>,
    /// A mode of the agent that bypasses permissions may be used.
    #[serde(default)]
    pub allow_bypass: bool,
}

/// Continue a conversation that exists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The newest conversation of this agent in the directory.
    #[serde(default)]
    pub latest: bool,
    /// This one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_id: Option<String>,
    /// Begin another conversation that shares what was said in it, which goes on as it was.
    #[serde(default)]
    pub fork: bool,
}

/// `POST /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// Name of the agent.
    pub agent: String,
    /// The client's id; the same id and body again is the same session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The directory to work in. One of `cwd`, `project`, `workspace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A project's id: its directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceChoice>,
    /// Files that are kept as artifacts whenever a turn has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<crate::ArtifactRule>,
    /// Offer the agent a tool server of Tenure's own, named `tenure`, by which it keeps files as artifacts
    /// (default false). Only for agents that take tool servers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub artifact_tool: bool,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What clients keep with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// The first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputContent>,
    /// Text that waits to be sent by a person; nothing is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
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
    /// Leave out the text that Tenure adds of its own to the agent's instructions. It adds none: every session is as if
    /// this were true, and the descriptions of its tools (`artifact_tool`) stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_default_instructions: bool,
    /// Tool servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp_servers: Vec<crate::McpServerConfig>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Permissions,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// What happens when the process ends by itself.
    #[serde(default)]
    pub restart: RestartPolicy,
    /// Continue a conversation that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<ResumeRequest>,
    /// When checkpoints of the files are taken (default: `[checkpoints]` of the configuration; `manual` for the
    /// built-in scripted agent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<crate::CheckpointChoice>,
    /// The directory's own settings may be used by the agent; remembered for the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_project: Option<bool>,
}

/// Names of environment variables to pass on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum InheritEnv {
    /// All of them (`true`), or none (`false`).
    All(bool),
    /// These.
    Names(Vec<String>),
}

/// Answer to create: the session, and what became of its first input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Created {
    /// The session.
    #[serde(flatten)]
    pub session: Session,
    /// With `input`: its receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// With `input` and `wait: finished`: its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TurnResult>,
}
