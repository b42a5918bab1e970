//! The state of a session as independent axes, never one string.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Timestamp, TurnId};

words! {
    /// How far a session's life has come.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum Lifecycle {
        /// Recorded; its agent is being started for the first time, or was never asked for.
        #[default]
        Creating = "creating",
        /// Has, or is getting, an agent process.
        Live = "live",
        /// Has no process; an input or `resume` brings one back.
        Suspended = "suspended",
        /// Ended by request; refuses inputs until `resume`.
        Closed = "closed",
        /// Data removed; a tombstone is left.
        Destroyed = "destroyed",
        /// Could not be created, or is beyond repair.
        Failed = "failed",
    }
}

words! {
    /// What a live session is doing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ActivityState {
        /// No turn runs and no input waits.
        Idle = "idle",
        /// Inputs wait and no turn runs.
        Queued = "queued",
        /// A turn runs.
        Running = "running",
        /// A turn waits for something outside the agent.
        Waiting = "waiting",
        /// The agent compacts its context.
        Compacting = "compacting",
        /// An interrupt was sent and the turn has not ended.
        Interrupting = "interrupting",
        /// A turn runs but nothing shows that the agent is alive.
        Stalled = "stalled",
    }
}

words! {
    /// What a waiting session waits for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum WaitReason {
        /// A permission ask is open.
        Permission = "permission",
        /// A question is open.
        Question = "question",
        /// A plan waits for approval.
        Plan = "plan",
        /// A form waits to be filled.
        Elicitation = "elicitation",
        /// The model's provider limits the rate.
        RateLimit = "rate_limit",
        /// The agent is not logged in, or its key was refused.
        Auth = "auth",
        /// The agent retries a failed model call.
        Retry = "retry",
    }
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

words! {
    /// How a turn ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Outcome {
        /// The agent finished.
        Completed = "completed",
        /// An interrupt was recorded before the end.
        Interrupted = "interrupted",
        /// It ended in an error; the turn's `error` says which.
        Failed = "failed",
        /// A limit was reached; the turn's `limit` says which.
        Limit = "limit",
        /// The agent's process ended inside the turn.
        Crashed = "crashed",
    }
}

words! {
    /// Why a session is suspended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum SuspendedBy {
        /// A client asked for it.
        Request = "request",
        /// It was idle for longer than its `idle_seconds`.
        Idle = "idle",
        /// It reached a limit.
        Limit = "limit",
        /// Its process ended by itself.
        Crash = "crash",
    }
}

words! {
    /// Whether a session is well.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub enum HealthState {
        /// All is well.
        #[default]
        Healthy = "healthy",
        /// It works, with something wrong.
        Degraded = "degraded",
        /// It cannot work now.
        Unhealthy = "unhealthy",
    }
}

words! {
    /// Why a session is not healthy.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum HealthReason {
        /// The process is starting, or the daemon still catches up with it.
        Starting = "starting",
        /// The process ended by itself.
        ProcessGone = "process_gone",
        /// There is no process, by request.
        NotRunning = "not_running",
        /// A turn runs and shows no sign of life.
        Stalled = "stalled",
        /// A tool server failed.
        Mcp = "mcp",
        /// The agent is blocked because its output is not read, or could not be stored.
        SpoolFull = "spool_full",
        /// The model's provider limits the rate.
        RateLimited = "rate_limited",
        /// Something of it cannot be read from the log; `tenure doctor` tells what.
        Storage = "storage",
    }
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
