//! How a session is, in three words, read from its axes.

use tenure_api::Session;
use tenure_event::{ActivityState, Lifecycle, SuspendedBy, WaitReason};

/// How a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works, or could at once.
    Healthy,
    /// It waits for a rate limit or a retry, or shows no sign of life.
    Degraded,
    /// It has no process.
    Unhealthy(Unhealthy),
}

/// Why a session has no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unhealthy {
    /// It is on its way.
    Provisioning,
    /// It ended by itself; an input brings another one.
    PortDead,
    /// It was ended, or could not be made; or no daemon answers.
    NotConnected,
}

/// What the axes come to.
pub(super) fn of(session: &Session) -> Health {
    let axes = &session.axes;
    match axes.lifecycle {
        Lifecycle::Creating => Health::Unhealthy(Unhealthy::Provisioning),
        Lifecycle::Suspended if axes.suspended_by == Some(SuspendedBy::Crash) => {
            Health::Unhealthy(Unhealthy::PortDead)
        }
        Lifecycle::Suspended
        | Lifecycle::Closed
        | Lifecycle::Failed
        | Lifecycle::Destroyed
        | Lifecycle::Other(_) => Health::Unhealthy(Unhealthy::NotConnected),
        Lifecycle::Live => match axes.activity.as_ref().map(|activity| (activity.state, activity.reason)) {
            Some((ActivityState::Stalled, _)) => Health::Degraded,
            Some((ActivityState::Waiting, Some(WaitReason::RateLimit | WaitReason::Retry))) => {
                Health::Degraded
            }
            _ => Health::Healthy,
        },
    }
}

/// Whether it may still be talked to without bringing it back first.
pub(super) fn is_alive(session: &Session) -> bool {
    !matches!(session.axes.lifecycle, Lifecycle::Closed | Lifecycle::Failed | Lifecycle::Destroyed)
}
