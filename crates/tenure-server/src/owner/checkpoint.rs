//! The owner's part in checkpoints: the slow work is spawned, and comes back as something that happened.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::machine::{
    CheckpointPlan, CheckpointTrouble, Input, PendingRewind, RewindOutcome, TakenCheckpoint,
};
use tenure_crash_point::crash_point;
use tenure_event::RewindId;
use tenure_workspace::checkpoint::Limits;
use tokio::sync::oneshot;

use super::Owner;
use super::mail::Work;
use crate::checkpoints::way::{Failed, Since};
use crate::checkpoints::{Place, retention, take, way};
use crate::node::Shared;

/// Old checkpoints are looked for after so many new ones.
const SWEEP_EVERY: u64 = 25;
/// How often a way back that was begun is tried to be finished, and the pause between.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_secs(5);

impl Owner {
    /// Records the files, beside all else.
    pub(super) fn take_checkpoint(&self, plan: CheckpointPlan) {
        let (shared, place, out) =
            (Arc::clone(&self.shared), Place::of(self.machine.state()), self.work_out.clone());
        self.shared.tasks.spawn(async move {
            let config = shared.config().checkpoints.clone();
            let limits = Limits { files: config.max_files, bytes: config.max_mb.saturating_mul(1 << 20) };
            let result = take(&shared.stores, &place, Some(limits), plan.against).await;
            if shared.stopping.is_cancelled() {
                // The next daemon takes it.
                return;
            }
            let kept = result.is_ok();
            crash_point!("checkpoint.taken");
            let _ = out.send(Work::Checkpointed { n: plan.n, result }).await;
            if kept && plan.n.is_multiple_of(SWEEP_EVERY) {
                retention::sweep(&shared, &place.workspace).await;
            }
        });
    }

    pub(super) async fn checkpointed(&mut self, n: u64, result: Result<TakenCheckpoint, CheckpointTrouble>) {
        let input = Input::Checkpointed { n, result: result.clone() };
        match self.apply(input, None).await {
            Ok(_) => {
                crash_point!("checkpoint.stored");
            }
            Err(_) => self.later(Work::Checkpointed { n, result }),
        }
    }

    /// Takes files back, or finishes what an earlier daemon began.
    pub(super) fn make_way(&self, rewind: PendingRewind) {
        let (shared, place, out) =
            (Arc::clone(&self.shared), Place::of(self.machine.state()), self.work_out.clone());
        let session = self.id.clone();
        self.shared.tasks.spawn(async move {
            let id = rewind.id.clone();
            let since = Since::read(&shared.log, &session, &place, &rewind.goal).await;
            let result = match since {
                Ok(since) => finish(&shared, &place, rewind, since).await,
                Err(e) => Some(Err(e.to_string())),
            };
            if let Some(result) = result {
                crash_point!("rewind.made");
                let _ = out.send(Work::Rewound { id, result: result.map(Box::new) }).await;
            }
        });
    }

    pub(super) async fn rewound(&mut self, id: RewindId, result: Result<Box<RewindOutcome>, String>) {
        let input = Input::Rewound { id: id.clone(), result: result.clone() };
        match self.apply(input, None).await {
            Ok(_) => {
                crash_point!("rewind.stored");
            }
            Err(_) => self.later(Work::Rewound { id, result }),
        }
    }

    /// Answers once no checkpoint is being taken by itself.
    pub(super) fn settle_for(&mut self, reply: oneshot::Sender<()>) {
        self.settling.retain(|waiting| !waiting.is_closed());
        self.settling.push(reply);
        self.tell_settled();
    }

    pub(super) fn tell_settled(&mut self) {
        if self.machine.state().checkpoints.pending.is_none() {
            for waiting in self.settling.drain(..) {
                // Whoever does not wait any more needs no answer.
                let _ = waiting.send(());
            }
        }
    }
}

/// Makes a way back. One that was begun is tried again, since its half is no state to be in. None when the daemon ends:
/// the next one finishes it.
async fn finish(
    shared: &Shared,
    place: &Place,
    rewind: PendingRewind,
    since: Since,
) -> Option<Result<RewindOutcome, String>> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match way::make(&shared.stores, place, rewind.clone(), since.clone()).await {
            _ if shared.stopping.is_cancelled() => return None,
            Ok(outcome) => return Some(Ok(outcome)),
            Err(Failed::Before(why)) => return Some(Err(why)),
            Err(Failed::Between(why)) => {
                tracing::warn!(rewind = %rewind.id, error = %why, "a way back could not be finished; trying again");
                last = why;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shared.stopping.cancelled() => return None,
        }
    }
    Some(Err(format!(
        "it was broken off in the middle, so some files may be taken back and others not: {last}"
    )))
}
