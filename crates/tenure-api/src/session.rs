//! A session as clients see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{
    AgentInfo, Ask, Axes, Capabilities, Delivery, InputId, Parent, ProjectId, Seq, SessionId, Timestamp,
    Usage, WorkspaceId,
};
use utoipa::ToSchema;

use crate::{Process, input::InputContent};

/// Where a session works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceRef {
    /// Its id.
    pub id: WorkspaceId,
    /// `directory`, `scratch`, `copy` (of a fork's parent) or `worktree`.
    pub kind: String,
    /// Its path, canonical.
    pub path: String,
}

/// The project that a session belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectRef {
    /// Its id.
    pub id: ProjectId,
    /// Its path, canonical.
    pub path: String,
}

/// An input that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueuedInput {
    /// The input.
    pub input_id: InputId,
    /// How it is to reach the agent.
    pub delivery: Delivery,
    /// Its text, at most 200 characters of it.
    pub text: String,
    /// When it was admitted.
    pub admitted_at: Timestamp,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Ours, from the moment it is created.
    pub id: SessionId,
    /// Name of its agent.
    pub agent: String,
    /// The agent's own id; null until the agent has confirmed it.
    pub native_id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What clients keep with it.
    pub metadata: BTreeMap<String, Value>,
    /// Its directory, as it was given.
    pub cwd: String,
    /// Where it works.
    pub workspace: WorkspaceRef,
    /// The project it belongs to.
    pub project: ProjectRef,
    /// Lifecycle, activity, last outcome, archived, health, tasks.
    #[serde(flatten)]
    pub axes: Axes,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model that the agent says it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_effective: Option<String>,
    /// The mode in force.
    pub mode: Option<String>,
    /// The effort in force.
    pub effort: Option<String>,
    /// Rises with each `clear`.
    pub epoch: u32,
    /// Rises with each rewind of the conversation.
    #[serde(default)]
    pub branch: u32,
    /// The session it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Text that waits to be sent by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The first thing that was said, at most 200 characters of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_input: Option<String>,
    /// Inputs that wait.
    pub queue: Vec<QueuedInput>,
    /// Asks that are open.
    pub pending_asks: Vec<Ask>,
    /// Its process, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// What it used so far.
    pub usage: Usage,
    /// The limit that holds its queue until it is raised: `turns`, `budget`, `time` or `memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_reached: Option<String>,
    /// The program that runs it, once it has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_info: Option<AgentInfo>,
    /// What it can do; in create and in GET of one session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// The machine.
    pub node: String,
    /// Its last event.
    pub last_seq: Seq,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its last activity.
    pub updated_at: Timestamp,
}

/// `PATCH /v1/sessions/{id}`: what is given is set; null clears a title.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPatch {
    /// The title; null clears it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "double_option")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<String>>,
    /// The tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// Hidden from the usual lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Text that waits to be sent by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<InputContent>,
}

mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::option_option, reason = "absent and null mean different things here")]
    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Option<String>>, s: S) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(s)
    }

    #[expect(clippy::option_option, reason = "absent and null mean different things here")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(d).map(Some)
    }
}
