//! Forks: how a session comes by another one's past, and how that other one comes to know. The copy itself is the agent's:
//! it is made by the new session's first process, so the other session is not disturbed.

use tenure_api::Problem;
use tenure_event::{Kind, Seq, SessionForked, SessionId};

use super::{Act, Step};
use crate::agent::Fork;
use crate::{Reply, Until};

impl super::State {
    /// The native conversation that another session would be forked from.
    ///
    /// # Errors
    /// `unsupported` where the agent cannot, `conflict` where nothing was said.
    pub fn native_to_fork(&self) -> Result<String, Problem> {
        let native = self.native_id.clone().filter(|_| self.begun);
        native.ok_or_else(|| {
            let what = "nothing was said in this session yet, so there is nothing to share; create a session instead";
            Problem::new(tenure_api::ErrorCode::Conflict, what).about(&self.spec.id)
        })
    }

    /// The conversation that this one was forked from, as long as it still is that one.
    pub(super) fn forked_from(&self) -> Option<Fork> {
        self.spec.fork.clone().filter(|_| self.epoch == 0 && !self.left_all)
    }
}

impl Step<'_> {
    /// The session that this one was forked from is to record it.
    pub(super) fn tell_parent(&mut self) {
        if let Some(parent) = self.s.spec.parent.clone().filter(|_| self.s.parent_untold) {
            self.out.acts.push(Act::TellParent(parent));
        }
    }

    /// What is not shown of the other session's past is said, so that nobody takes the rest for all of it.
    pub(super) fn tell_left_out(&mut self) {
        let Some(parent) = &self.s.spec.parent else { return };
        if let Some(left_out) = parent.messages_left_out {
            let told = format!(
                "the {left_out} oldest messages of session {} are not shown here, there were too many; read them \
                 there. The agent has its own copy of the conversation",
                parent.session_id
            );
            self.warn("past_left_out", &told);
        }
    }

    /// The agent stands where its conversation was to be continued from.
    pub(super) fn at_point(&mut self, lasting: bool) {
        if lasting {
            self.s.point = None;
        }
    }

    pub(super) fn forked(&mut self, child: SessionId, seq: Seq) -> Reply {
        let hit = vec![format!("session:{child}")];
        let axes = self.axes_now();
        self.emit_bare(Kind::SessionForked(SessionForked { axes, child, seq }));
        self.done(hit, Until::Now)
    }
}
