//! The agent process as the machine sees it: started, ready, ended. At most one at a time.

use tenure_event::{
    ErrorInfo, Kind, Lifecycle, Outcome, ProcessExited, ProcessStarted, SessionChanged, SessionClosed,
    SessionFailed, SessionSuspended, SuspendedBy, TaskCompleted, TaskStatus,
};

use super::state::{Ending, Proc};
use super::update::error;
use super::{Act, ExitNews, SpawnPlan, Step};
use crate::agent::{Back, Command, Fork, ResumeHow, Signal};

impl Step<'_> {
    /// Asks for a process. The old one is proven gone: there is none in the state.
    pub(super) fn spawn(&mut self) {
        if self.s.process.is_some() {
            return;
        }
        self.s.generation += 1;
        self.s.next_n = 1;
        self.s.restart_at = None;
        (self.s.spool_blocked, self.s.probing, self.s.busy_until) = (false, false, None);
        self.s.meter.measuring = false;
        self.s.serving.clear();
        self.s.calls.clear();
        self.s.unheard = None;
        let resume = self.how_to_resume();
        // Some agents go back to a point in another conversation of theirs.
        let resumes = match &resume {
            ResumeHow::Resume(id) => Some(id.clone()),
            _ => None,
        };
        let generation = self.s.generation;
        self.s.process = Some(Proc {
            generation,
            pid: None,
            started_at: self.now.at,
            ready: false,
            resumes,
            found_at: None,
            unseen: false,
        });
        self.s.life_at = self.now.at;
        self.out.full = true;
        let (model, mode, effort) = (self.s.model.clone(), self.s.mode.clone(), self.s.effort.clone());
        let fork = self.s.forked_from();
        self.out.acts.push(Act::Spawn(SpawnPlan { generation, resume, model, mode, effort, fork }));
    }

    fn how_to_resume(&self) -> ResumeHow {
        let spec = &self.s.spec;
        if let (None, Some(fork)) = (&self.s.native_id, self.s.forked_from()) {
            let point = self.s.point.clone().or(fork.point);
            return ResumeHow::Fork(Fork { point, ..fork });
        }
        // After a `clear` the conversation of the beginning is another one.
        let at_first = |id: &Option<String>| id.clone().filter(|_| self.s.epoch == 0 && !self.s.left_all);
        let known = self.s.native_id.clone().or_else(|| at_first(&spec.resumes));
        let chosen = known.clone().or_else(|| at_first(&spec.native_id_chosen));
        match (self.s.begun, known, chosen) {
            (true, Some(id), _) | (true, None, Some(id)) => match self.s.point.clone() {
                Some(point) => ResumeHow::Back(Back { id, point }),
                None => ResumeHow::Resume(id),
            },
            (false, _, Some(id)) if spec.native_id_chosen.is_some() => ResumeHow::NewAs(id),
            _ => ResumeHow::New,
        }
    }

    /// Brings a suspended or closed session back to life.
    pub(super) fn bring_back(&mut self) {
        self.s.lifecycle = Lifecycle::Live;
        self.s.suspended_by = None;
        self.spawn();
        let axes = self.axes_now();
        self.emit_bare(Kind::SessionResumed(SessionChanged { axes }));
    }

    /// An input wants a process.
    pub(super) fn wake(&mut self) {
        if self.s.process.is_some() {
            self.s.wake_after |= matches!(self.s.ending, Some(Ending::Suspend(_)));
            return;
        }
        if self.is_held() {
            return;
        }
        match self.s.lifecycle {
            Lifecycle::Creating => self.spawn(),
            Lifecycle::Suspended => self.bring_back(),
            _ => {}
        }
    }

    pub(super) fn started(&mut self, generation: u32, pid: u32, hello: Vec<Command>) {
        let Some(process) = self.s.process.as_mut().filter(|p| p.generation == generation) else { return };
        if process.pid.is_some() {
            self.found();
            return;
        }
        (process.pid, process.unseen) = (Some(pid), false);
        let resumes = process.resumes.clone();
        self.s.life_at = self.now.at;
        self.emit_bare(Kind::ProcessStarted(ProcessStarted { generation, pid, resumes }));
        if self.s.ending.is_some() {
            // Whoever was told to end it may have had no process yet to end.
            self.out.acts.push(Act::End(super::verb::LADDER));
            return;
        }
        for command in hello {
            self.send(command);
        }
    }

    /// The daemon was away and has found the process again: what it was about to do is done
    /// again, and what nobody could hear meanwhile counts from now.
    fn found(&mut self) {
        let now = self.now.at;
        if let Some(process) = &mut self.s.process {
            (process.found_at, process.unseen) = (Some(now), false);
        }
        self.s.life_at = now;
        (self.s.probing, self.s.meter.measuring) = (false, false);
        self.hold_longer();
        self.s.busy_until = self.s.busy_until.map(|_| now.plus_millis(super::turn::IDLE_WORD_MS));
        if self.s.ending.is_some() {
            self.out.acts.push(Act::End(super::verb::LADDER));
        }
        self.serve_again();
        self.start_next();
    }

    pub(super) fn spawn_failed(&mut self, generation: u32, failure: ErrorInfo) {
        if !self.is_current(generation) {
            return;
        }
        self.s.process = None;
        if let Some(ending) = self.s.ending.take() {
            self.settle(ending, &ExitNews::default());
            return;
        }
        self.of_no_use(failure);
    }

    /// The handshake is done.
    pub(super) fn ready(&mut self) {
        if self.s.ending.is_some() {
            return;
        }
        if let Some(process) = &mut self.s.process {
            process.ready = true;
        }
        if matches!(self.s.lifecycle, Lifecycle::Creating) {
            self.s.lifecycle = Lifecycle::Live;
        }
        self.taken_back();
        self.sync_axes();
        self.start_next();
    }

    /// The handshake failed: the process is of no use.
    pub(super) fn handshake_failed(&mut self, failure: ErrorInfo) {
        if self.s.ending.is_none() {
            self.s.failure = Some(failure);
            self.s.ending = Some(Ending::Useless);
            self.out.acts.push(Act::End(super::verb::LADDER));
        }
    }

    pub(super) fn exited(&mut self, exit: ExitNews, cut: Vec<Signal>) {
        let Some(process) = self.s.process.clone() else { return };
        self.signals(cut, None);
        let turn_before = self.s.turn.is_some();
        if process.pid.is_some() || !exit.never_ran {
            self.emit_bare(Kind::ProcessExited(ProcessExited {
                generation: process.generation,
                code: exit.code,
                signal: exit.signal,
                stderr_tail: exit.stderr_tail.clone(),
                unseen: exit.unseen,
            }));
        }
        self.out.full = true;
        self.withdraw_asks("process_exited", |_| true);
        self.stop_tasks();
        self.s.process = None;
        self.s.serving.clear();
        self.s.calls.clear();
        // They were its own, and went with it.
        (self.s.mcp, self.s.mcp_failed) = (Vec::new(), false);
        (self.s.busy_until, self.s.wait, self.s.compacting) = (None, None, false);
        self.s.unheard = None;
        (self.s.stalled, self.s.spool_blocked, self.s.probing) = (None, false, false);
        if exit.never_ran && process.pid.is_none() {
            self.again_after_nothing_ran();
            return;
        }
        match self.s.ending.take() {
            Some(ending) => {
                self.end_turn_of_ended_process(&exit, ending);
                self.settle(ending, &exit);
            }
            None if self.wait_on_without_process() => {}
            None if !process.ready => self.of_no_use(exit_error(&exit, "before it was ready")),
            None => self.crashed(&exit, turn_before),
        }
    }

    /// The daemon ended between its decision to start a process and the start.
    fn again_after_nothing_ran(&mut self) {
        match self.s.ending.take() {
            Some(ending) => self.settle(ending, &ExitNews::default()),
            None => self.spawn(),
        }
    }

    fn end_turn_of_ended_process(&mut self, exit: &ExitNews, ending: Ending) {
        if self.s.turn.is_none() {
            return;
        }
        if self.end_held_turn() {
            return;
        }
        let otherwise = if ending == Ending::Useless { Outcome::Failed } else { Outcome::Interrupted };
        let (outcome, limit) = self.decided().unwrap_or((otherwise, None));
        let failure = (outcome == Outcome::Failed).then(|| exit_error(exit, "inside the turn"));
        self.requeue_steered();
        self.close_turn(outcome, limit, failure, None);
    }

    /// The process said how its turn ended before it was gone.
    fn end_held_turn(&mut self) -> bool {
        let Some(held) = self.s.turn.as_mut().and_then(|turn| turn.held.take()) else { return false };
        let (outcome, limit, failure) = self.judge(&held.end, held.stderr.as_deref());
        self.requeue_steered();
        self.close_turn(outcome, limit, failure, Some(held.end));
        true
    }

    pub(super) fn requeue_steered(&mut self) {
        let steered = self.s.turn.as_mut().map(|t| std::mem::take(&mut t.steered)).unwrap_or_default();
        for s in steered {
            self.requeue(s);
        }
    }

    fn stop_tasks(&mut self) {
        self.s.stopping.clear();
        for (task_id, _) in std::mem::take(&mut self.s.tasks) {
            let summary = Some("its process ended".to_owned());
            self.emit_bare(Kind::TaskCompleted(TaskCompleted {
                task_id,
                status: TaskStatus::Stopped,
                summary,
                output: None,
            }));
        }
    }

    fn crashed(&mut self, exit: &ExitNews, in_turn: bool) {
        if in_turn && !self.end_held_turn() {
            self.requeue_steered();
            self.close_turn(Outcome::Crashed, None, Some(exit_error(exit, "inside the turn")), None);
        }
        self.s.crashes += 1;
        self.suspend_by_crash();
        self.restart_or_rest();
    }

    fn suspend_by_crash(&mut self) {
        self.s.lifecycle = Lifecycle::Suspended;
        self.s.suspended_by = Some(SuspendedBy::Crash);
        let axes = self.axes_now();
        self.emit_bare(Kind::SessionSuspended(SessionSuspended { axes, by: SuspendedBy::Crash }));
    }

    /// A process that never became ready is gone.
    fn of_no_use(&mut self, failure: ErrorInfo) {
        // One that waits for a reset is all that may run without a process that is ready.
        if self.s.turn.is_some() {
            self.close_turn(Outcome::Crashed, None, Some(failure.clone()), None);
        }
        let resuming = self.s.begun && self.s.lifecycle != Lifecycle::Creating;
        let first = self.s.lifecycle == Lifecycle::Creating;
        if first {
            self.cancel_queue("failed");
            self.s.lifecycle = Lifecycle::Failed;
            self.s.failure = Some(failure.clone());
            let axes = self.axes_now();
            self.emit_bare(Kind::SessionFailed(SessionFailed { axes, error: failure }));
            return;
        }
        self.abandon_take_back(&failure.message);
        self.s.crashes += 1;
        let failure = if resuming && failure.code != "agent_missing" && failure.code != "auth_required" {
            ErrorInfo { code: "resume_failed".to_owned(), ..failure }
        } else {
            failure
        };
        if self.s.queue.is_empty() {
            self.warn(&failure.code, &failure.message);
        }
        self.fail_head_of_queue(failure);
        self.suspend_by_crash();
        self.restart_or_rest();
    }

    /// What is to follow once the process is gone.
    pub(super) fn settle(&mut self, ending: Ending, exit: &ExitNews) {
        let (hit, remained) = (exit.hit.clone(), exit.remained.clone());
        let wake = std::mem::take(&mut self.s.wake_after);
        match ending {
            Ending::Useless => {
                let failure =
                    self.s.failure.take().unwrap_or_else(|| exit_error(exit, "before it was ready"));
                self.of_no_use(failure);
            }
            Ending::Suspend(by) => {
                self.s.lifecycle = Lifecycle::Suspended;
                self.s.suspended_by = Some(by);
                let axes = self.axes_now();
                self.emit_bare(Kind::SessionSuspended(SessionSuspended { axes, by }));
                if wake && !self.s.queue.is_empty() && !self.is_held() {
                    self.bring_back();
                }
            }
            Ending::Clear => {
                self.begin_empty();
                if matches!(self.s.lifecycle, Lifecycle::Live | Lifecycle::Creating) {
                    self.spawn();
                }
            }
            Ending::TakeBack => {
                if matches!(self.s.lifecycle, Lifecycle::Live) {
                    self.spawn();
                }
            }
            Ending::Close => {
                self.abandon_take_back("the session was closed");
                self.cancel_queue("closed");
                (self.s.limit_reached, self.s.held_by_limit) = (None, false);
                self.s.lifecycle = Lifecycle::Closed;
                self.s.suspended_by = None;
                self.s.restart_at = None;
                let axes = self.axes_now();
                self.emit_bare(Kind::SessionClosed(SessionClosed { axes, hit, remained }));
            }
            Ending::Destroy { keep_transcript } => {
                self.abandon_take_back("the session was destroyed");
                self.cancel_queue("destroyed");
                (self.s.limit_reached, self.s.held_by_limit) = (None, false);
                self.s.lifecycle = Lifecycle::Destroyed;
                self.s.checkpoints = super::Checkpoints::default();
                self.s.suspended_by = None;
                self.s.restart_at = None;
                let axes = self.axes_now();
                self.emit_bare(Kind::SessionDestroyed(SessionChanged { axes }));
                self.out.acts.push(Act::Erase { keep_transcript });
            }
        }
    }

    pub(super) fn warn(&mut self, code: &str, message: &str) {
        let warning = tenure_event::WarningRaised { code: code.to_owned(), message: message.to_owned() };
        self.emit(Kind::WarningRaised(warning));
    }
}

fn exit_error(exit: &ExitNews, when: &str) -> ErrorInfo {
    let how = match (exit.code, exit.signal, exit.unseen) {
        (Some(code), _, _) => format!("exit code {code}"),
        (_, Some(signal), _) => format!("signal {signal}"),
        _ => "nobody saw how".to_owned(),
    };
    let tail = exit.stderr_tail.trim();
    let said = if tail.is_empty() { String::new() } else { format!("; it said: {}", last_chars(tail, 2000)) };
    let mut info = error("agent_exited", format!("the agent's process ended {when} ({how}){said}"));
    info.data = Some(serde_json::json!({ "code": exit.code, "signal": exit.signal, "stderr_tail": tail }));
    info
}

fn last_chars(text: &str, n: usize) -> &str {
    let skip = text.chars().count().saturating_sub(n);
    text.char_indices().nth(skip).map_or("", |(at, _)| &text[at..])
}
