//! Projects: what sessions work on.

use serde::{Deserialize, Serialize};
use tenure_event::{ProjectId, Timestamp};
use utoipa::ToSchema;

/// `POST /v1/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// Its directory.
    pub path: String,
    /// The client's id of it; the same id and path again is the same project. For a directory that is recorded already it is
    /// another name of that project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its title, in place of the one that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Other ids of it: those that clients gave the directory after it was recorded. Each names the project wherever an id is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ProjectId>,
    /// Its directory, canonical.
    pub path: String,
    /// Every directory that belongs to it, its own first: worktrees, and where it was before it was moved (at most 100 others).
    pub paths: Vec<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Sessions that are not destroyed.
    pub sessions: u64,
    /// Conversations of any agent in it, ours and those of other tools, as far as the index of the past is.
    #[serde(default)]
    pub conversations: u64,
    /// Agents that worked in it.
    pub agents: Vec<String>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When a session of it last did something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
}
