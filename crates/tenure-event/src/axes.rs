//! The state of a session as independent axes, never one string.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Timestamp, TurnId};

/// How far a session's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Recorded; its agent is being started for the first time, or was never asked for.
    #[default]
    Creating,
    /// Has, or is getting, an agent process.
    Live,
    /// Has no process; an input or `resume` brings one back.
    Suspended,
    /// Ended by request; refuses inputs until `resume`.
    Closed,
    /// Data removed; a tombstone is left.
    Destroyed,
    /// Could not be created, or is beyond repair.
    Failed,
}

impl Lifecycle {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Live => "live",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Destroyed => "destroyed",
            Self::Failed => "failed",
        }
    }
}

/// What a live session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityState {
    /// No turn runs and no input waits.
    Idle,
    /// Inputs wait and no turn runs.
    Queued,
    /// A turn runs.
    Running,
    /// A turn waits for something outside the agent.
    Waiting,
    /// The agent compacts its context.
    Compacting,
    /// An interrupt was sent and the turn has not ended.
    Interrupting,
    /// A turn runs but nothing shows that the agent is alive.
    Stalled,
}

impl ActivityState {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Compacting => "compacting",
            Self::Interrupting => "interrupting",
            Self::Stalled => "stalled",
        }
    }
}

/// What a waiting session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// A permission ask is open.
    Permission,
    /// A question is open.
    Question,
    /// A plan waits for approval.
    Plan,
    /// A form waits to be filled.
    Elicitation,
    /// The model's provider limits the rate.
    RateLimit,
    /// The agent is not logged in, or its key was refused.
    Auth,
    /// The agent retries a failed model call.
    Retry,
}

/// Activity of a live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// What it is doing.
    pub state: ActivityState,
    /// Only when `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WaitReason>,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// When the wait is expected to end, if the agent told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The turn that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The agent finished.
    Completed,
    /// An interrupt was recorded before the end.
    Interrupted,
    /// It ended in an error; the turn's `error` says which.
    Failed,
    /// A limit was reached; the turn's `limit` says which.
    Limit,
    /// The agent's process ended inside the turn.
    Crashed,
}

impl Outcome {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Limit => "limit",
            Self::Crashed => "crashed",
        }
    }
}

/// Why a session is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuspendedBy {
    /// A client asked for it.
    Request,
    /// It was idle for longer than its `idle_seconds`.
    Idle,
    /// It reached a limit.
    Limit,
    /// Its process ended by itself.
    Crash,
}

/// Whether a session is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// All is well.
    #[default]
    Healthy,
    /// It works, with something wrong.
    Degraded,
    /// It cannot work now.
    Unhealthy,
}

/// Why a session is not healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthReason {
    /// The process is starting, or the daemon still catches up with it.
    Starting,
    /// The process ended by itself.
    ProcessGone,
    /// There is no process, by request.
    NotRunning,
    /// A turn runs and shows no sign of life.
    Stalled,
    /// A tool server failed.
    Mcp,
    /// The agent is blocked because its output is not read, or could not be stored.
    SpoolFull,
    /// The model's provider limits the rate.
    RateLimited,
    /// Something of it cannot be read from the log; `tenure doctor` tells what.
    Storage,
}

/// Health with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// How well it is.
    pub state: HealthState,
    /// Why it is not healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<HealthReason>,
}

/// All axes, as they are after an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Axes {
    /// How far its life has come.
    pub lifecycle: Lifecycle,
    /// What it is doing; null unless live.
    pub activity: Option<Activity>,
    /// How its last turn ended; null before the first.
    pub last_outcome: Option<Outcome>,
    /// Hidden from the usual lists.
    pub archived: bool,
    /// Whether it is well.
    pub health: Health,
    /// Background tasks that run now.
    pub tasks_running: u32,
    /// Why it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<SuspendedBy>,
}
