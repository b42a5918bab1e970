//! The verbs that end or bring back something. Each tells what it hits.

use tenure_api::{ErrorCode, Problem, QueueChoice};
use tenure_event::{Lifecycle, Outcome, SuspendedBy};

use super::state::Ending;
use super::{Act, Ladder, Step};
use crate::agent::Command;
use crate::{Reply, Until};

/// Milliseconds that a process may take to end by itself, then from SIGTERM to SIGKILL.
pub(super) const LADDER: Ladder = Ladder { grace_ms: 2_000, term_ms: 3_000 };

impl Step<'_> {
    pub(super) fn destroyed(&self) -> Problem {
        let id = &self.s.spec.id;
        Problem::new(ErrorCode::Destroyed, format!("session {id} was destroyed")).about(id)
    }

    /// Ends the running turn. Never kills: a deaf agent needs `kill`.
    pub(super) fn interrupt(&mut self, queue: QueueChoice) -> Reply {
        let mut hit = Vec::new();
        let mut until = Until::Now;
        if queue == QueueChoice::Keep {
            self.begin_without_files();
        }
        if self.s.waits_for_reset() {
            // The agent has nothing to end.
            hit.extend(self.s.turn.as_ref().map(|t| format!("turn:{}", t.id)));
            self.close_turn(Outcome::Interrupted, None, None, None);
        } else if let Some(turn_id) = self.s.turn.as_ref().map(|t| t.id.clone()) {
            hit.push(format!("turn:{turn_id}"));
            until = Until::TurnEnd(turn_id);
            hit.extend(self.interrupt_turn(queue));
        }
        if queue == QueueChoice::Discard {
            hit.extend(self.cancel_queue("discarded"));
        }
        self.out.full = true;
        self.done(hit, until)
    }

    /// Tells which steered inputs are discarded by it. The agent may have taken them in already, and only its own words
    /// tell: so they end when the turn does.
    pub(super) fn interrupt_turn(&mut self, queue: QueueChoice) -> Vec<String> {
        let (mut discarded, mut back) = (Vec::new(), false);
        let steered = self.s.turn.as_mut().map(|turn| {
            turn.interrupting.get_or_insert(self.now.at);
            std::mem::take(&mut turn.steered)
        });
        for mut s in steered.unwrap_or_default() {
            if queue == QueueChoice::Keep && !s.discarded {
                self.requeue(s);
                back = true;
                continue;
            }
            discarded.push(format!("input:{}", s.queued.input_id));
            s.discarded = true;
            if let Some(turn) = &mut self.s.turn {
                turn.steered.push(s);
            }
        }
        // A turn that waits for a limit's reset may have a process that is still to begin: there is nothing to end in it.
        if self.s.process.as_ref().is_some_and(|process| process.ready) {
            let n = self.send(Command::Interrupt);
            if back {
                self.s.unheard = Some(super::hold::UnheardInterrupt { n, idle: false });
            }
        }
        self.withdraw_asks("interrupted", |_| true);
        self.sync_axes();
        discarded
    }

    pub(super) fn suspend(&mut self) -> Result<Reply, Problem> {
        if self.s.ending == Some(Ending::Clear) {
            let what = "its conversation is being cleared; try again when that is done";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        if self.s.checkpoints.take_back.as_ref().is_some_and(|pending| !pending.reached) {
            let what = "its conversation is being taken back; try again when that is done";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        match self.s.lifecycle {
            Lifecycle::Suspended => {
                self.s.restart_at = None;
                Ok(self.done(Vec::new(), Until::Now))
            }
            Lifecycle::Closed | Lifecycle::Failed => {
                let what = format!("session {} has no process to suspend", self.s.spec.id);
                Err(Problem::new(ErrorCode::Closed, what).about(&self.s.spec.id))
            }
            // Never started: there is nothing to suspend yet.
            Lifecycle::Creating if self.s.process.is_none() => Ok(self.done(Vec::new(), Until::Now)),
            _ => {
                self.s.wake_after = false;
                Ok(self.end_process(Ending::Suspend(SuspendedBy::Request)))
            }
        }
    }

    pub(super) fn resume(&mut self) -> Result<Reply, Problem> {
        if self.s.ending.is_some() {
            let what = "its process is being ended; try again when it is gone";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        self.may_go_on()?;
        self.try_after_limit();
        if self.s.process.is_some() {
            let ready = self.s.process.as_ref().is_some_and(|p| p.ready);
            self.start_next();
            return Ok(self.done(Vec::new(), if ready { Until::Now } else { Until::Ready }));
        }
        self.s.crashes = 0;
        if self.s.lifecycle == Lifecycle::Failed {
            self.s.lifecycle = Lifecycle::Creating;
            self.s.failure = None;
            self.spawn();
        } else if self.s.lifecycle == Lifecycle::Creating {
            self.spawn();
        } else {
            self.bring_back();
        }
        let hit = vec![format!("session:{}", self.s.spec.id)];
        Ok(self.done(hit, Until::Ready))
    }

    pub(super) fn close(&mut self) -> Reply {
        if matches!(self.s.lifecycle, Lifecycle::Closed) && self.s.process.is_none() {
            return self.done(Vec::new(), Until::Now);
        }
        let mut hit = self.cancel_queue("closed");
        let reply = self.end_process(Ending::Close);
        if let Reply::Done { hit: more, seq, until } = reply {
            hit.extend(more);
            return Reply::Done { hit, seq, until };
        }
        reply
    }

    pub(super) fn kill(&mut self) -> Reply {
        let reply = self.close();
        if self.s.process.is_some() {
            self.out.acts.retain(|a| !matches!(a, Act::End(_)));
            self.out.acts.push(Act::Kill);
        }
        reply
    }

    /// Not while files are being taken back: nobody would end that after a kill.
    pub(super) fn destroy(&mut self, keep_transcript: bool) -> Result<Reply, Problem> {
        if self.s.checkpoints.rewind.is_some() {
            let what = "its files are being taken back; destroy it when that is done";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        let mut hit = self.cancel_queue("destroyed");
        let ending = Ending::Destroy { keep_transcript };
        if let Reply::Done { hit: more, seq, until } = self.end_process(ending) {
            hit.extend(more);
            let session = format!("session:{}", self.s.spec.id);
            if !hit.contains(&session) {
                hit.push(session);
            }
            return Ok(Reply::Done { hit, seq, until });
        }
        Ok(self.done(hit, Until::ProcessGone))
    }

    /// Ends the process for a reason. A harsher reason replaces a milder one.
    pub(super) fn end_process(&mut self, ending: Ending) -> Reply {
        let Some(process) = &self.s.process else {
            self.settle(ending, &super::ExitNews::default());
            return self.done(vec![format!("session:{}", self.s.spec.id)], Until::Now);
        };
        let pid = process.pid;
        let ready = process.ready;
        let already = self.s.ending.is_some();
        self.s.ending = Some(harsher(self.s.ending, ending));
        let mut hit: Vec<String> = pid.map(|p| format!("process:{p}")).into_iter().collect();
        if let Some(turn_id) = self.s.turn.as_ref().map(|t| t.id.clone()) {
            hit.insert(0, format!("turn:{turn_id}"));
            self.interrupt_turn(QueueChoice::Keep);
        }
        self.withdraw_asks("interrupted", |_| true);
        if !already {
            if ready && self.supports("end") {
                self.send(Command::End);
            }
            self.out.acts.push(Act::End(LADDER));
        }
        self.out.full = true;
        self.done(hit, Until::ProcessGone)
    }
}

fn harsher(old: Option<Ending>, new: Ending) -> Ending {
    let rank = |e: &Ending| match e {
        Ending::Useless => 0,
        Ending::Suspend(_) => 1,
        Ending::Clear | Ending::TakeBack => 2,
        Ending::Close => 3,
        Ending::Destroy { .. } => 4,
    };
    match old {
        Some(old) if rank(&old) > rank(&new) => old,
        _ => new,
    }
}
