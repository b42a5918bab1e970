//! What happens when the agent's process ends by itself: started again with a growing pause, as often as the policy
//! says; then the breaker opens and the session rests as crashed until a person wants it.

use tenure_api::{Problem, RestartPolicy};
use tenure_event::{ConfigChanged, Kind};

use super::Step;

/// Crashes in a row after which an input that waits is no reason to try again.
const BREAKER: u32 = 3;
/// The most restarts that can be asked for, and the longest time that they are counted over, in seconds.
const MOST: (u32, u64) = (1000, 31_536_000);

impl Step<'_> {
    /// After a crash: again if the policy says so, or because inputs wait.
    pub(super) fn restart_or_rest(&mut self) {
        let waits = !self.s.queue.is_empty() && !self.is_held();
        let open = match self.s.spec.restart {
            RestartPolicy::OnCrash(policy) => {
                let now = self.now.at;
                self.s.restarts.retain(|at| at.plus_seconds(policy.seconds) > now);
                let often = self.s.restarts.len() >= usize::try_from(policy.max).unwrap_or(usize::MAX);
                often.then(|| {
                    format!(
                        "it was started again {} times within {} s",
                        self.s.restarts.len(),
                        policy.seconds
                    )
                })
            }
            RestartPolicy::Never if !waits => return,
            RestartPolicy::Never => {
                (self.s.crashes >= BREAKER).then(|| format!("it ended by itself {BREAKER} times in a row"))
            }
        };
        if let Some(why) = open {
            let what = format!(
                "the agent is not started again: {why}; send an input or `resume` to try it once more"
            );
            return self.warn("breaker_open", &what);
        }
        if matches!(self.s.spec.restart, RestartPolicy::OnCrash(_)) {
            self.s.restarts.push(self.now.at);
        }
        let wait_ms = 500_i64 << self.s.crashes.min(10);
        self.s.restart_at = Some(self.now.at.plus_millis(wait_ms));
    }

    pub(super) fn set_restart(&mut self, restart: RestartPolicy) {
        if self.s.spec.restart == restart {
            return;
        }
        self.s.spec.restart = restart;
        if restart == RestartPolicy::Never && self.s.queue.is_empty() {
            self.s.restart_at = None;
        }
        let by = "client".to_owned();
        self.emit_bare(Kind::ConfigChanged(ConfigChanged {
            restart: Some(restart),
            by,
            ..Default::default()
        }));
    }
}

/// Whether a policy can be kept.
///
/// # Errors
/// `invalid` with the field.
pub fn check_restart(restart: RestartPolicy) -> Result<(), Problem> {
    let RestartPolicy::OnCrash(policy) = restart else { return Ok(()) };
    if policy.max > MOST.0 {
        return Err(Problem::invalid("restart.on_crash.max", format!("at most {} times", MOST.0)));
    }
    if !(1..=MOST.1).contains(&policy.seconds) {
        return Err(Problem::invalid("restart.on_crash.seconds", format!("1 to {} seconds", MOST.1)));
    }
    Ok(())
}
