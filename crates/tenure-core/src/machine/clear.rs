//! Beginning an empty conversation. The process ends and another one begins: so it is the same for every agent, and
//! nothing of the old conversation can be left in it. What was said stays in the log, in an epoch of its own.

use tenure_api::{ErrorCode, Problem};
use tenure_event::{Kind, Lifecycle, SessionCleared};

use super::Step;
use super::state::Ending;
use crate::{Reply, Until};

impl Step<'_> {
    pub(super) fn clear(&mut self) -> Result<Reply, Problem> {
        let about = |code, what: &str| Err(Problem::new(code, what).about(&self.s.spec.id));
        if self.s.turn.is_some() {
            return about(ErrorCode::Busy, "a turn is running; clear when it has ended, or interrupt it");
        }
        if self.s.checkpoints.take_back.is_some() {
            return about(
                ErrorCode::Busy,
                "its conversation is being taken back; try again when that is done",
            );
        }
        if self.s.ending.is_some() {
            return about(ErrorCode::Busy, "its process is being ended; try again when it is gone");
        }
        if self.s.lifecycle == Lifecycle::Failed {
            return about(ErrorCode::Closed, "the session has failed; `resume` tries it again");
        }
        let hit = vec![format!("session:{}", self.s.spec.id)];
        if self.s.process.is_none() {
            self.begin_empty();
            return Ok(self.done(hit, Until::Now));
        }
        let _ = self.end_process(Ending::Clear);
        Ok(self.done(hit, Until::Cleared))
    }

    /// The old process is gone, or there was none.
    pub(super) fn begin_empty(&mut self) {
        self.s.epoch += 1;
        self.s.begun = false;
        self.s.native_id = None;
        self.s.history_taken = true;
        self.s.point = None;
        self.s.context = None;
        let epoch = self.s.epoch;
        let axes = self.axes_now();
        self.out.full = true;
        self.emit_bare(Kind::SessionCleared(SessionCleared { axes, epoch }));
    }
}
