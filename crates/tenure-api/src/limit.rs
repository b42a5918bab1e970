//! Limits of a session: given at create, changed while it lives, shown with what was used.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Limits of a session. What reaches one pauses with outcome `limit`, keeps its queue, and goes on when it is raised.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Turns that the session may have; 0 for no limit. The next one waits in the queue until it is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub turns: Option<u64>,
    /// US dollars that the session may cost, as its agent tells; 0 for no limit. An agent that never tells its cost is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub cost_usd: Option<f64>,
    /// Seconds that one turn may take; 0 for no limit. Time in which the daemon is down counts, time that waits for the
    /// reset of a provider's rate limit does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 315_360_000)]
    pub turn_seconds: Option<u64>,
    /// Megabytes (of 1,000,000 bytes) that all its processes may use together; 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub memory_mb: Option<u64>,
    /// Seconds without a turn, queue, ask or task until it is suspended (default 1800, 0 never). It is no outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 315_360_000)]
    pub idle_seconds: Option<u64>,
}

/// Limits to set; what is absent stays, and null or 0 takes one away.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsPatch {
    /// Turns that the session may have.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub turns: Option<u64>,
    /// US dollars that the session may cost.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub cost_usd: Option<f64>,
    /// Seconds that one turn may take.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_none")]
    #[schema(maximum = 315_360_000)]
    pub turn_seconds: Option<u64>,
    /// Megabytes that all its processes may use together.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub memory_mb: Option<u64>,
    /// Seconds of idleness until it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_none")]
    #[schema(maximum = 315_360_000)]
    pub idle_seconds: Option<u64>,
}

impl From<Limits> for LimitsPatch {
    fn from(limits: Limits) -> Self {
        let Limits { turns, cost_usd, turn_seconds, memory_mb, idle_seconds } = limits;
        Self { turns, cost_usd, turn_seconds, memory_mb, idle_seconds }
    }
}

/// Limits in force, and how far they are used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Turns that the session may have; null for no limit.
    pub turns: Option<u64>,
    /// Turns that it had.
    pub turns_used: u64,
    /// US dollars that the session may cost; null for no limit.
    pub cost_usd: Option<f64>,
    /// US dollars that it cost, as far as its agent told.
    pub cost_used_usd: f64,
    /// Some of it used tokens whose cost was not told: it cost more than `cost_used_usd`.
    pub cost_incomplete: bool,
    /// Seconds that one turn may take; null for no limit.
    pub turn_seconds: Option<u64>,
    /// Megabytes that all its processes may use together; null for no limit.
    pub memory_mb: Option<u64>,
    /// Seconds of idleness until it is suspended; null for never.
    pub idle_seconds: Option<u64>,
    /// The limit that holds the queue until it is raised: `turns`, `budget`, `time` or `memory`. `resume` or the next
    /// input also go on after the last two.
    pub reached: Option<String>,
}

fn null_is_none<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(from).map(|given| Some(given.unwrap_or_default()))
}
