//! The axes, computed from the state, and the events that tell when they change.

use tenure_event::{
    Activity, ActivityState, AskKind, Axes, Health, HealthReason, HealthState, Kind, Lifecycle,
    SessionChanged, SuspendedBy, WaitReason,
};

use super::{State, Step};

impl State {
    /// The axes as they are now. The activity keeps its beginning while it stays the same.
    #[must_use]
    pub fn axes(&self) -> Axes {
        Axes {
            lifecycle: self.lifecycle,
            activity: self.activity.clone(),
            last_outcome: self.last_outcome,
            archived: self.archived,
            health: self.health(),
            tasks_running: u32::try_from(self.tasks.len()).unwrap_or(u32::MAX),
            suspended_by: self.suspended_by,
        }
    }

    fn health(&self) -> Health {
        let (state, why) = match self.lifecycle {
            Lifecycle::Creating => (HealthState::Unhealthy, Some(HealthReason::Starting)),
            // No state is read with another word.
            Lifecycle::Closed | Lifecycle::Destroyed | Lifecycle::Other(_) => {
                (HealthState::Unhealthy, Some(HealthReason::NotRunning))
            }
            Lifecycle::Failed => (HealthState::Unhealthy, Some(HealthReason::ProcessGone)),
            Lifecycle::Suspended if self.suspended_by == Some(SuspendedBy::Crash) => {
                (HealthState::Unhealthy, Some(HealthReason::ProcessGone))
            }
            Lifecycle::Suspended => (HealthState::Unhealthy, Some(HealthReason::NotRunning)),
            Lifecycle::Live => match self.live_trouble() {
                Some(why) => (HealthState::Degraded, Some(why)),
                None => (HealthState::Healthy, None),
            },
        };
        Health { state, why }
    }

    fn live_trouble(&self) -> Option<HealthReason> {
        if self.spool_blocked {
            Some(HealthReason::SpoolFull)
        } else if self.stalled.is_some() {
            Some(HealthReason::Stalled)
        } else if self.process.as_ref().is_none_or(|p| !p.ready) {
            Some(HealthReason::Starting)
        } else if self.waits_for_reset() || self.wait.as_ref().is_some_and(|w| w.reason != WaitReason::Auth) {
            Some(HealthReason::RateLimited)
        } else if self.mcp_failed {
            Some(HealthReason::Mcp)
        } else {
            None
        }
    }

    pub(super) fn doing(&self) -> (ActivityState, Option<WaitReason>) {
        let asked = self.asks.values().next().map(|a| match a.ask.kind {
            AskKind::Permission => WaitReason::Permission,
            AskKind::Question => WaitReason::Question,
            AskKind::Plan => WaitReason::Plan,
            AskKind::Elicitation => WaitReason::Elicitation,
        });
        if self.turn.as_ref().is_some_and(|t| t.interrupting.is_some()) {
            return (ActivityState::Interrupting, None);
        }
        if let Some(reason) = asked {
            return (ActivityState::Waiting, Some(reason));
        }
        if self.waits_for_reset() {
            return (ActivityState::Waiting, Some(WaitReason::RateLimit));
        }
        if self.compacting {
            return (ActivityState::Compacting, None);
        }
        if self.turn.is_some() {
            if self.stalled.is_some() {
                return (ActivityState::Stalled, None);
            }
            if let Some(wait) = &self.wait {
                return (ActivityState::Waiting, Some(wait.reason));
            }
            return (ActivityState::Running, None);
        }
        (if self.queue.is_empty() { ActivityState::Idle } else { ActivityState::Queued }, None)
    }
}

impl Step<'_> {
    /// Brings the stored activity up to date without telling anyone.
    fn refresh_activity(&mut self) {
        if self.s.lifecycle != Lifecycle::Live {
            self.s.activity = None;
            return;
        }
        let (state, reason) = self.s.doing();
        let turn_id = self.s.turn.as_ref().map(|t| t.id.clone());
        let until = self.s.waits_until().filter(|_| state == ActivityState::Waiting);
        let same = self
            .s
            .activity
            .as_ref()
            .filter(|a| a.state == state && a.reason == reason && a.turn_id == turn_id);
        let since = same
            .map_or(self.s.stalled.filter(|_| state == ActivityState::Stalled).unwrap_or(self.now.at), |a| {
                a.since
            });
        self.s.activity = Some(Activity { state, reason, since, until, turn_id });
    }

    /// The axes after what happened so far; also what is told by the event that carries them.
    pub(super) fn axes_now(&mut self) -> Axes {
        self.refresh_activity();
        let axes = self.s.axes();
        self.s.told = axes.clone();
        axes
    }

    /// Tells what changed since the last event that carried the axes.
    pub(super) fn sync_axes(&mut self) {
        let before = self.s.told.clone();
        let idle_before = before.activity.as_ref().is_some_and(|a| a.state == ActivityState::Idle);
        let axes = self.axes_now();
        let idle =
            axes.activity.as_ref().is_some_and(|a| a.state == ActivityState::Idle) && axes.tasks_running == 0;
        if idle && !(idle_before && before.tasks_running == 0) {
            self.s.idle_since = self.now.at;
        }
        if self.out.events.is_empty() && before == axes {
            return;
        }
        let moved = before.activity != axes.activity || before.lifecycle != axes.lifecycle;
        if moved || before.tasks_running != axes.tasks_running || before.suspended_by != axes.suspended_by {
            self.emit(Kind::SessionActivityChanged(SessionChanged { axes }));
        } else if before.health != axes.health || before.last_outcome != axes.last_outcome {
            self.emit(Kind::SessionHealthChanged(SessionChanged { axes }));
        }
        if !self.out.events.is_empty() {
            self.s.updated_at = self.now.at;
        }
    }
}
