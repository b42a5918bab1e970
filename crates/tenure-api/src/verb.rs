//! Verbs that end or bring back something.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Session;

/// Until when a verb waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerbWait {
    /// Until it is recorded.
    Accepted,
    /// Until it is done.
    #[default]
    Done,
}

/// What happens to inputs that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueChoice {
    /// They stay.
    #[default]
    Keep,
    /// They are cancelled.
    Discard,
}

/// `POST …/interrupt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Interrupt {
    /// What happens to inputs that wait.
    #[serde(default)]
    pub queue: QueueChoice,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: VerbWait,
}

/// `POST …/suspend|resume|close|kill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerbRequest {
    /// Until when the call waits.
    #[serde(default)]
    pub wait: VerbWait,
}

/// What a verb hit and what remains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerbReply {
    /// What was ended or brought back, for example `turn:trn_…`, `process:4711`, `input:inp_…`. Empty when there
    /// was nothing to do.
    pub hit: Vec<String>,
    /// What could not be ended.
    pub remained: Vec<String>,
    /// The session after it.
    pub session: Session,
}
