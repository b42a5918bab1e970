//! Taking a conversation back: what was said after a point leaves it, and stays in the log. The process ends and another
//! one begins from that point: so it is the same for every agent, and nothing of what went can be left in it. It is done
//! when the agent says that it stands there; until then it is part of the state, and a daemon that was away goes on with it.
//!
//! Where files are taken back, too, they follow once the agent has agreed: they can always be.

use serde::{Deserialize, Serialize};
use tenure_api::{ErrorCode, Problem};
use tenure_event::{Kind, Lifecycle, MessageId, RewindCompleted, RewindId, Seq};

use super::checkpoint::{PendingRewind, RewindGoal};
use super::state::Ending;
use super::{Act, Step};
use crate::agent::Point;

/// Messages that are named one by one.
const TOLD: usize = 1000;

/// What is to be taken back, and to where.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// The files.
    pub files: Option<RewindGoal>,
    /// What was said.
    pub conversation: Option<Cut>,
}

/// To where a conversation is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// As it was asked.
    pub to: String,
    /// The last event that is kept.
    pub seq: Seq,
    /// What is kept, as the agent knows it; nothing if nothing is.
    pub point: Option<Point>,
    /// Messages that go; the first of them.
    pub removed: Vec<MessageId>,
    /// How many go.
    pub removed_total: u64,
}

impl Cut {
    /// A cut after which these messages go.
    #[must_use]
    pub fn new(to: String, seq: Seq, point: Option<Point>, mut removed: Vec<MessageId>) -> Self {
        let removed_total = removed.len() as u64;
        removed.truncate(TOLD);
        Self { to, seq, point, removed, removed_total }
    }
}

/// A conversation that is being taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeBack {
    /// Which.
    pub id: RewindId,
    /// To where.
    pub cut: Cut,
    /// The files follow.
    pub files: Option<RewindGoal>,
    /// The agent stands there.
    pub reached: bool,
    /// What is believed again if the agent cannot.
    pub before: Before,
}

/// How the conversation stood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Before {
    native_id: Option<String>,
    begun: bool,
    point: Option<Point>,
    left_all: bool,
}

impl Step<'_> {
    /// Why what was said cannot be taken back at the moment.
    fn no_take_back_now(&self) -> Option<Problem> {
        let problem = |code, what: &str| Some(Problem::new(code, what).about(&self.s.spec.id));
        if !self.supports("rewind") {
            return Some(self.unsupported("rewind"));
        }
        match self.s.lifecycle {
            Lifecycle::Live | Lifecycle::Suspended if self.s.ending.is_some() => {
                problem(ErrorCode::Busy, "its process is being ended; try again when it is gone")
            }
            Lifecycle::Live | Lifecycle::Suspended if self.s.process.as_ref().is_some_and(|p| !p.ready) => {
                problem(ErrorCode::Busy, "its process is being started; try again when it is ready")
            }
            Lifecycle::Live | Lifecycle::Suspended => None,
            _ => problem(ErrorCode::Closed, "the agent takes back what was said; `resume` the session first"),
        }
    }

    pub(super) fn take_back(
        &mut self,
        id: &RewindId,
        cut: Cut,
        files: Option<RewindGoal>,
    ) -> Result<(), Problem> {
        if let Some(problem) = self.no_take_back_now() {
            return Err(problem);
        }
        let s = &mut *self.s;
        let before = Before {
            native_id: s.native_id.clone(),
            begun: s.begun,
            point: s.point.clone(),
            left_all: s.left_all,
        };
        s.point.clone_from(&cut.point);
        if cut.point.is_none() {
            (s.native_id, s.begun, s.left_all) = (None, false, true);
        }
        s.checkpoints.take_back =
            Some(Box::new(TakeBack { id: id.clone(), cut, files, reached: false, before }));
        s.restart_at = None;
        if s.process.is_some() {
            let _ = self.end_process(Ending::TakeBack);
        } else {
            self.bring_back();
        }
        Ok(())
    }

    /// A process is ready: one that was to begin from a point stands there.
    pub(super) fn taken_back(&mut self) {
        let id = match &mut self.s.checkpoints.take_back {
            Some(pending) if !pending.reached => {
                pending.reached = true;
                pending.id.clone()
            }
            _ => return,
        };
        self.out.full = true;
        self.s.branch += 1;
        self.s.context = None;
        match self.s.checkpoints.take_back.as_ref().and_then(|pending| pending.files.clone()) {
            Some(goal) => {
                let head = self.s.checkpoints.tree.clone();
                let rewind = Box::new(PendingRewind { id, goal, head });
                self.s.checkpoints.rewind = Some(rewind.clone());
                self.out.acts.push(Act::Rewind(rewind));
            }
            None => self.tell_taken_back(None),
        }
    }

    /// All is done. `files` is what became of the files.
    pub(super) fn tell_taken_back(&mut self, files: Option<RewindCompleted>) {
        let Some(pending) = self.s.checkpoints.take_back.take() else { return };
        let TakeBack { id, cut, .. } = *pending;
        let scope = if files.is_some() { "both" } else { "conversation" };
        let files = files.unwrap_or_else(|| RewindCompleted::nothing(id, cut.to));
        self.emit_bare(Kind::RewindCompleted(RewindCompleted {
            scope: scope.to_owned(),
            kept_seq: Some(cut.seq),
            messages_removed: cut.removed,
            messages_removed_total: cut.removed_total,
            ..files
        }));
    }

    /// It cannot be, or something else was asked for meanwhile.
    pub(super) fn abandon_take_back(&mut self, why: &str) {
        let Some(pending) = self.s.checkpoints.take_back.take_if(|pending| !pending.reached) else { return };
        let Before { native_id, begun, point, left_all } = pending.before;
        (self.s.native_id, self.s.begun, self.s.point, self.s.left_all) = (native_id, begun, point, left_all);
        self.warn("rewind_failed", &format!("nothing was taken back: {why}"));
    }
}
