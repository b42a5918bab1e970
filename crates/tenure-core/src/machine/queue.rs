//! The queue of inputs: ours, not the agent's. One input is in flight at a time.

use std::sync::Arc;

use tenure_api::{ErrorCode, Problem, QueueChoice, Receipt};
use tenure_event::{Delivery, InputAdmitted, InputCancelled, InputId, Kind, Lifecycle, Part, PartBody};

use super::state::{QueuedInput, Steered};
use super::{InputChange, Step};
use crate::agent::{Command, input_uuid};
use crate::{Admit, Reply, Until};

/// Inputs that may wait in one session.
const QUEUE_BOUND: usize = 1000;
/// Characters of an input that are shown in lists.
const BRIEF_CHARS: usize = 200;

impl Step<'_> {
    pub(super) fn admit(&mut self, admit: Admit) -> Result<Reply, Problem> {
        self.may_take_inputs()?;
        self.check_wishes(&admit)?;
        self.has_room()?;
        // The agent of a turn that waits for a reset would begin another one with it.
        let joined = self.s.turn.as_ref().filter(|turn| turn.retry.until.is_none());
        let interrupting = joined.map(|t| t.interrupting.is_some());
        let (delivery, at) = match (admit.delivery, interrupting) {
            (Delivery::Steer, Some(false)) => return self.steer(admit),
            // As if it had been handed over before the interrupt: it comes back at once.
            (Delivery::Steer, Some(true)) => (Delivery::Steer, self.behind_the_urgent()),
            (Delivery::Steer | Delivery::Queue, _) => (Delivery::Queue, self.s.queue.len()),
            (Delivery::Interrupt, _) => (Delivery::Interrupt, 0),
        };
        let position = u32::try_from(at).unwrap_or(u32::MAX);
        let input_id = admit.input_id.clone();
        let queued = self.record_admission(admit, delivery, position);
        let seq = self.last_emitted();
        self.try_after_limit();
        if delivery == Delivery::Interrupt {
            // First, so that steered inputs which come back stand behind this one.
            let _ = self.interrupt(QueueChoice::Keep);
        }
        self.s.queue.insert(at.min(self.s.queue.len()), queued);
        self.wake();
        self.start_next();
        self.tell_if_held();
        let taken = self.s.turn.as_ref().filter(|t| t.inputs.iter().any(|i| i.input_id == input_id));
        let turn_id = taken.map(|t| t.id.clone());
        Ok(Reply::Admitted(Receipt { input_id, delivery, position, seq, turn_id }))
    }

    pub(super) fn may_take_inputs(&self) -> Result<(), Problem> {
        let id = &self.s.spec.id;
        match self.s.lifecycle {
            Lifecycle::Closed => {
                let what = format!("session {id} is closed; `resume` it first");
                Err(Problem::new(ErrorCode::Closed, what).about(id))
            }
            Lifecycle::Failed => {
                let why = self.s.failure.as_ref().map_or("it failed", |f| f.message.as_str());
                let what =
                    format!("session {id} could not be started ({why}); mend the cause, then `resume` it");
                Err(Problem::new(ErrorCode::Closed, what).about(id))
            }
            _ if matches!(
                self.s.ending,
                Some(super::state::Ending::Close | super::state::Ending::Destroy { .. })
            ) =>
            {
                let what = format!("session {id} is being closed; `resume` it when it is");
                Err(Problem::new(ErrorCode::Closed, what).about(id))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_room(&self) -> Result<(), Problem> {
        let steered = self.s.turn.as_ref().map_or(0, |t| t.steered.len());
        if self.s.queue.len() + steered < QUEUE_BOUND {
            return Ok(());
        }
        let why = format!("{QUEUE_BOUND} inputs wait already; cancel some or wait");
        Err(Problem::new(ErrorCode::Overloaded, why).about(&self.s.spec.id))
    }

    fn check_wishes(&self, admit: &Admit) -> Result<(), Problem> {
        let told = !self.s.supports.is_empty();
        if admit.model.is_some() && told && !self.supports("set_model") {
            return Err(self.unsupported("set_model"));
        }
        if admit.effort.is_some() && told && !self.supports("set_effort") {
            return Err(self.unsupported("set_effort"));
        }
        let refused = |part: &Part| {
            let ways = wants(&part.body);
            ways.first().filter(|_| ways.iter().all(|verb| self.lacks(verb))).copied()
        };
        admit.parts.iter().find_map(refused).map_or(Ok(()), |verb| Err(self.unsupported(verb)))
    }

    fn record_admission(&mut self, admit: Admit, delivery: Delivery, position: u32) -> QueuedInput {
        let brief = brief(&admit.parts);
        if self.s.first_input.is_none() {
            self.s.first_input = Some(brief.clone());
        }
        self.s.draft = None;
        self.emit_bare(Kind::InputAdmitted(InputAdmitted {
            input_id: admit.input_id.clone(),
            delivery,
            position,
            parts: admit.parts.clone(),
            model: admit.model.clone(),
            effort: admit.effort.clone(),
        }));
        let seq = self.last_emitted();
        self.out.inputs.push(InputChange::Admitted { input_id: admit.input_id.clone(), seq });
        QueuedInput {
            input_id: admit.input_id,
            delivery,
            attempt: 0,
            brief,
            admitted_at: self.now.at,
            model: admit.model,
            effort: admit.effort,
            body_hash: admit.body_hash,
            parts: Arc::new(admit.parts),
        }
    }

    fn steer(&mut self, admit: Admit) -> Result<Reply, Problem> {
        if !self.supports("steer") {
            return Err(self.unsupported("steer"));
        }
        for (field, given) in [("model", admit.model.is_some()), ("effort", admit.effort.is_some())] {
            if given {
                let why = "a steered input joins a turn that runs already; send it as a plain input, or without this";
                return Err(Problem::invalid(field, why));
            }
        }
        let queued = self.record_admission(admit, Delivery::Steer, 0);
        let seq = self.last_emitted();
        let input_id = queued.input_id.clone();
        self.hand_over_steered(queued);
        Ok(Reply::Admitted(Receipt { input_id, delivery: Delivery::Steer, position: 0, seq, turn_id: None }))
    }

    /// The place behind inputs that are to go before the queue.
    fn behind_the_urgent(&self) -> usize {
        self.s.queue.iter().take_while(|q| q.attempt > 0 || q.delivery != Delivery::Queue).count()
    }

    /// Gives a running turn one more input.
    pub(super) fn hand_over_steered(&mut self, mut queued: QueuedInput) {
        let native = self.native_of(&queued);
        // Its words stand beside it: the queue's own are not stored.
        let parts = Arc::unwrap_or_clone(std::mem::take(&mut queued.parts));
        let command = Command::Steer {
            input_id: queued.input_id.clone(),
            attempt: queued.attempt,
            parts: parts.clone(),
        };
        let n = self.send(command);
        if let Some(turn) = &mut self.s.turn {
            turn.unanswered.insert(native.clone(), n);
            turn.steered.push(Steered { queued, native, n, parts, discarded: false });
        }
    }

    /// An input that went back into the queue was taken in after all, under the id that it had
    /// before: the agent was faster than our word to drop it.
    pub(super) fn reclaim(&mut self, native: &str) -> Option<Steered> {
        let id = &self.s.spec.id;
        let before =
            |q: &QueuedInput| Some(input_uuid(id, &q.input_id, q.attempt.checked_sub(1)?).to_string());
        let at = self.s.queue.iter().position(|q| before(q).as_deref() == Some(native))?;
        let mut queued = self.s.queue.remove(at);
        let parts = Arc::unwrap_or_clone(std::mem::take(&mut queued.parts));
        Some(Steered { queued, native: native.to_owned(), n: 0, parts, discarded: false })
    }

    pub(super) fn native_of(&self, queued: &QueuedInput) -> String {
        input_uuid(&self.s.spec.id, &queued.input_id, queued.attempt).to_string()
    }

    /// Puts a steered input that was not taken in back to the head of the queue, behind those
    /// that went back before it; or ends it, if it was discarded meanwhile.
    pub(super) fn requeue(&mut self, steered: Steered) {
        let input_id = steered.queued.input_id.clone();
        if steered.discarded {
            return self.input_cancelled(input_id, "discarded");
        }
        let queued = QueuedInput {
            attempt: steered.queued.attempt + 1,
            parts: Arc::new(steered.parts),
            ..steered.queued
        };
        let older = |q: &&QueuedInput| q.attempt > 0 && q.admitted_at <= queued.admitted_at;
        let at = self.s.queue.iter().take_while(older).count();
        self.s.queue.insert(at, queued);
        self.out.inputs.push(InputChange::Requeued { input_id });
    }

    /// Ends those of a turn's steered inputs that were discarded and not taken in after all.
    pub(super) fn without_discarded(&mut self, steered: Vec<Steered>) -> Vec<Steered> {
        let (discarded, left): (Vec<_>, Vec<_>) = steered.into_iter().partition(|s| s.discarded);
        for s in discarded {
            self.requeue(s);
        }
        left
    }

    pub(super) fn cancel_input(&mut self, id: &InputId) -> Result<Reply, Problem> {
        let Some(at) = self.s.queue.iter().position(|q| &q.input_id == id) else {
            return Err(self.not_queued(id));
        };
        if self.owed(&self.s.queue[at]).is_some() {
            return Err(self.was_handed_over(id));
        }
        let queued = self.s.queue.remove(at);
        self.input_cancelled(queued.input_id, "request");
        Ok(self.done(vec![format!("input:{id}")], Until::Now))
    }

    pub(super) fn edit_input(&mut self, id: &InputId, parts: Vec<Part>) -> Result<Reply, Problem> {
        let Some(at) = self.s.queue.iter().position(|q| &q.input_id == id) else {
            return Err(self.not_queued(id));
        };
        if self.owed(&self.s.queue[at]).is_some() {
            return Err(self.was_handed_over(id));
        }
        let q = &mut self.s.queue[at];
        (q.brief, q.parts) = (brief(&parts), Arc::new(parts));
        self.out.inputs.push(InputChange::Edited { input_id: id.clone() });
        self.out.full = true;
        Ok(self.done(vec![format!("input:{id}")], Until::Now))
    }

    fn not_queued(&self, id: &InputId) -> Problem {
        let serving = self.s.turn.as_ref().is_some_and(|t| t.inputs.iter().any(|i| &i.input_id == id));
        if serving {
            let what = format!("input {id} is being served; `interrupt` ends its turn");
            return Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id);
        }
        let steered =
            self.s.turn.as_ref().is_some_and(|t| t.steered.iter().any(|s| &s.queued.input_id == id));
        if steered {
            return self.was_handed_over(id);
        }
        Problem::new(ErrorCode::NotFound, format!("no input {id} waits in this session"))
            .about(&self.s.spec.id)
    }

    fn was_handed_over(&self, id: &InputId) -> Problem {
        let what = format!("input {id} was handed to the agent; `interrupt` takes it back");
        Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id)
    }

    pub(super) fn input_cancelled(&mut self, input_id: InputId, reason: &str) {
        let reason = reason.to_owned();
        self.emit_bare(Kind::InputCancelled(InputCancelled { input_id: input_id.clone(), reason }));
        let seq = self.last_emitted();
        self.out.inputs.push(InputChange::Cancelled { input_id, seq });
    }

    /// The answer that the agent owes for an input which an interrupt has put back: native id and command.
    fn owed(&self, queued: &QueuedInput) -> Option<(String, u64)> {
        let before = queued.attempt.checked_sub(1)?;
        let native = input_uuid(&self.s.spec.id, &queued.input_id, before).to_string();
        let n = *self.s.turn.as_ref()?.unanswered.get(&native)?;
        Some((native, n))
    }

    /// An input that was put back is to end; whether it does is the agent's to say.
    fn hand_back(&mut self, mut queued: QueuedInput, native: String, n: u64) {
        queued.attempt -= 1;
        let parts = Arc::unwrap_or_clone(std::mem::take(&mut queued.parts));
        if let Some(turn) = &mut self.s.turn {
            turn.steered.push(Steered { queued, native, n, parts, discarded: true });
        }
    }

    pub(super) fn cancel_queue(&mut self, reason: &str) -> Vec<String> {
        let all = std::mem::take(&mut self.s.queue);
        let hit = all.iter().map(|q| format!("input:{}", q.input_id)).collect();
        for queued in all {
            match self.owed(&queued) {
                Some((native, n)) => self.hand_back(queued, native, n),
                None => self.input_cancelled(queued.input_id, reason),
            }
        }
        hit
    }
}

/// The beginning of an input's text, for lists.
pub(super) fn brief(parts: &[Part]) -> String {
    let text = parts.iter().find_map(|p| match &p.body {
        PartBody::Text { text } => Some(text.as_str()),
        _ => None,
    });
    text.unwrap_or_default().chars().take(BRIEF_CHARS).collect()
}

/// What an agent must be able to take for this part to reach it: one of these.
fn wants(body: &PartBody) -> &'static [&'static str] {
    let image = |mime: &Option<String>| mime.as_ref().is_some_and(|mime| mime.starts_with("image/"));
    match body {
        PartBody::Image { .. } => &["images"],
        PartBody::File { mime_type, text: None, data: Some(_), .. } if image(mime_type) => {
            &["images", "files"]
        }
        PartBody::File { text: None, data: Some(_), .. } => &["files"],
        _ => &[],
    }
}
