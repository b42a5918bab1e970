//! Turns: begun by an input or by the agent, ended exactly once.

use std::sync::Arc;

use tenure_event::{
    Delivery, ErrorInfo, InputHow, InputStarted, Kind, Lifecycle, MessageCompleted, MessageId, Outcome, Part,
    Role, TurnCompleted, TurnId, TurnOrigin, TurnStarted, Usage,
};

use super::limit::LimitKind;
use super::state::{QueuedInput, Steered, Turn, TurnInput};
use super::update::error;
use super::{InputChange, Step};
use crate::agent::{Command, Signal, TurnEnd, TurnVerdict};

/// Milliseconds to wait for an agent's word that it is idle after it said that a turn ended.
pub(super) const IDLE_WORD_MS: i64 = 10_000;

impl Step<'_> {
    /// Starts the next queued input if nothing stands in the way.
    pub(super) fn start_next(&mut self) {
        self.start_next_with(false);
    }

    /// The same; `fresh` says that the files were recorded just now, or that it must go without.
    pub(super) fn start_next_with(&mut self, fresh: bool) {
        let ready = self.s.process.as_ref().is_some_and(super::state::Proc::takes_work);
        let free = self.s.turn.is_none() && self.s.busy_until.is_none() && self.s.ending.is_none();
        let can = self.s.lifecycle == Lifecycle::Live && ready && free;
        if !can || self.s.queue.is_empty() || self.is_held() {
            return;
        }
        if !self.files_are_known(fresh) {
            return;
        }
        let queued = self.s.queue.remove(0);
        self.set_wishes(&queued);
        let native = self.native_of(&queued);
        let input = TurnInput { input_id: queued.input_id.clone(), native };
        self.open_turn(TurnOrigin::Input, vec![input.clone()]);
        self.take_in(&input, &queued.parts, InputHow::Turn);
        let parts = Arc::unwrap_or_clone(queued.parts);
        let retry = super::reset::Retry::of(queued.attempt, &parts);
        let command = Command::Prompt { input_id: queued.input_id, attempt: queued.attempt, parts };
        let n = self.send(command);
        if let Some(turn) = &mut self.s.turn {
            (turn.prompt_n, turn.retry) = (Some(n), retry);
        }
        self.s.begun = true;
    }

    fn set_wishes(&mut self, queued: &QueuedInput) {
        if let Some(model) = queued.model.clone().filter(|m| self.s.model.as_ref() != Some(m))
            && self.may_set("set_model", "model")
        {
            self.s.model = Some(model.clone());
            self.send(Command::SetModel(model.clone()));
            self.config_by_client(|c| c.model = Some(model));
        }
        if let Some(effort) = queued.effort.clone().filter(|e| self.s.effort.as_ref() != Some(e))
            && self.may_set("set_effort", "effort")
        {
            self.s.effort = Some(effort.clone());
            self.send(Command::SetEffort(effort.clone()));
            self.config_by_client(|c| c.effort = Some(effort));
        }
    }

    /// Whether the agent can be told so. An input that was admitted before the handshake may
    /// wish for what the agent turned out not to have.
    fn may_set(&mut self, verb: &str, what: &str) -> bool {
        let can = self.supports(verb);
        if !can {
            let why = self.why_not(verb);
            self.warn("unsupported", &format!("the input's {what} is not set: {why}"));
        }
        can
    }

    fn config_by_client(&mut self, set: impl FnOnce(&mut tenure_event::ConfigChanged)) {
        let mut change = tenure_event::ConfigChanged { by: "client".to_owned(), ..Default::default() };
        set(&mut change);
        self.emit_bare(Kind::ConfigChanged(change));
    }

    pub(super) fn open_turn(&mut self, origin: TurnOrigin, inputs: Vec<TurnInput>) {
        let id = TurnId::from_uuid(self.mint());
        let input_ids = inputs.iter().map(|i| i.input_id.clone()).collect();
        self.s.turn = Some(Turn {
            id: id.clone(),
            origin,
            started_at: self.now.at,
            inputs,
            steered: Vec::new(),
            prompt_n: None,
            interrupting: None,
            limit: None,
            last_message: None,
            tools: std::collections::BTreeSet::new(),
            denied: std::collections::BTreeSet::new(),
            unanswered: std::collections::BTreeMap::new(),
            retry: super::reset::Retry::default(),
            held: None,
        });
        self.s.life_at = self.now.at;
        (self.s.stalled, self.s.wait) = (None, None);
        self.s.history_taken = true;
        self.meter_turn();
        self.files_before_turn();
        self.emit(Kind::TurnStarted(TurnStarted { turn_id: id, origin, input_ids }));
    }

    /// Records that the running turn took an input in, and the message that it is.
    fn take_in(&mut self, input: &TurnInput, parts: &[Part], how: InputHow) {
        let Some(turn_id) = self.s.turn.as_ref().map(|t| t.id.clone()) else { return };
        let input_id = input.input_id.clone();
        self.emit(Kind::InputStarted(InputStarted {
            input_id: input_id.clone(),
            turn_id: turn_id.clone(),
            how,
        }));
        self.out.inputs.push(InputChange::Started { input_id, turn_id });
        let message_id = MessageId::from_uuid(self.mint());
        let parts = parts
            .iter()
            .enumerate()
            .map(|(i, p)| Part { id: format!("{message_id}.{i}"), ..p.clone() })
            .collect();
        self.emit(Kind::MessageCompleted(MessageCompleted {
            message_id,
            native_ids: vec![input.native.clone()],
            role: Role::User,
            parts,
            model: None,
            usage: None,
            partial: false,
            origin: None,
            said_at: None,
            parent_tool_id: None,
            epoch: self.s.epoch,
            whole: None,
        }));
    }

    /// A steered input was taken in by the running turn.
    pub(super) fn steered_taken(&mut self, steered: Steered) {
        let input = TurnInput { input_id: steered.queued.input_id, native: steered.native };
        if let Some(turn) = &mut self.s.turn {
            turn.inputs.push(input.clone());
        }
        self.take_in(&input, &steered.parts, InputHow::Steered);
    }

    /// The agent began to work by itself.
    pub(super) fn agent_began(&mut self) {
        if let Some(unheard) = &mut self.s.unheard {
            unheard.idle = false;
        }
        if self.s.turn.is_none() && self.s.ending.is_none() {
            self.s.busy_until = None;
            let over = self.s.used_up(LimitKind::Turns) || self.s.used_up(LimitKind::Budget);
            self.open_turn(TurnOrigin::Agent, Vec::new());
            self.files_of_own_turn();
            if over {
                let turns = self.s.used_up(LimitKind::Turns);
                self.hit(if turns { LimitKind::Turns } else { LimitKind::Budget });
            }
        }
    }

    /// The agent says that a turn ended: the running one, or one that is over already.
    pub(super) fn turn_ended(&mut self, end: TurnEnd, stderr: Option<&str>) {
        let held = self.s.turn.as_ref().is_some_and(|t| t.held.is_some());
        if held || !self.is_running_turn(&end) {
            self.emit_bare(Kind::NativeReceived(tenure_event::NativeReceived {
                kind: "late".to_owned(),
                offset: 0,
                bytes: 0,
                value: end.stop_reason.map(serde_json::Value::String),
                text: None,
            }));
            return;
        }
        if !self.hold(&end, stderr) {
            self.finish_turn(end, stderr);
        }
    }

    /// The running turn ends so.
    pub(super) fn finish_turn(&mut self, end: TurnEnd, stderr: Option<&str>) {
        if let Some(until) = self.reset_to_wait_for(&end) {
            return self.wait_for_reset(&end, until);
        }
        let listed = end.native_inputs.clone().unwrap_or_default();
        let steered = self.s.turn.as_mut().map(|t| std::mem::take(&mut t.steered)).unwrap_or_default();
        let (mut taken, left): (Vec<_>, Vec<_>) =
            steered.into_iter().partition(|s| listed.contains(&s.native));
        taken.extend(listed.iter().filter_map(|native| self.reclaim(native)));
        for s in taken {
            self.steered_taken(s);
        }
        let left = self.without_discarded(left);
        let (outcome, limit, failure) = self.judge(&end, stderr);
        let own_queue = end.idle_follows;
        self.s.busy_until = own_queue.then(|| self.now.at.plus_millis(IDLE_WORD_MS));
        self.s.crashes = 0;
        self.close_turn(outcome, limit, failure, Some(end));
        if own_queue && !left.is_empty() {
            self.open_turn_of_left(left);
        } else {
            for s in left {
                self.requeue(s);
            }
        }
        self.sync_axes();
        self.start_next();
    }

    /// Steered inputs that the agent holds in its own queue start a turn by themselves.
    pub(super) fn open_turn_of_left(&mut self, left: Vec<Steered>) {
        self.s.busy_until = None;
        let input = |s: &Steered| TurnInput { input_id: s.queued.input_id.clone(), native: s.native.clone() };
        self.open_turn(TurnOrigin::Input, left.iter().map(input).collect());
        for s in &left {
            self.take_in(&input(s), &s.parts, InputHow::Turn);
        }
    }

    fn is_running_turn(&self, end: &TurnEnd) -> bool {
        // One that waits has no work at the agent.
        let Some(turn) = self.s.turn.as_ref().filter(|_| !self.s.waits_for_reset()) else { return false };
        if let Some(n) = end.prompt_n {
            return turn.prompt_n == Some(n);
        }
        let Some(listed) = &end.native_inputs else { return true };
        match turn.origin {
            TurnOrigin::Agent => true,
            TurnOrigin::Input => {
                let ours = turn.inputs.iter().any(|i| listed.contains(&i.native));
                // An interrupt can end a turn before the agent has taken its input in. One that tells
                // when it is idle ends it by that: what lists nothing may be a turn of its own.
                ours || (listed.is_empty() && turn.interrupting.is_some() && !end.idle_follows)
            }
        }
    }

    /// The outcome that was decided here, before the turn ended: a limit, or an interrupt.
    pub(super) fn decided(&self) -> Option<(Outcome, Option<String>)> {
        let turn = self.s.turn.as_ref()?;
        turn.interrupting?;
        Some(match &turn.limit {
            Some(limit) => (Outcome::Limit, Some(limit.clone())),
            None => (Outcome::Interrupted, None),
        })
    }

    pub(super) fn judge(
        &self,
        end: &TurnEnd,
        stderr: Option<&str>,
    ) -> (Outcome, Option<String>, Option<ErrorInfo>) {
        if let Some((outcome, limit)) = self.decided() {
            return (outcome, limit, None);
        }
        match &end.verdict {
            TurnVerdict::Limit(limit) => (Outcome::Limit, Some(limit.clone()), None),
            TurnVerdict::Failed(e) => {
                let e = ErrorInfo { code: e.code.clone(), message: e.message.clone(), data: e.data.clone() };
                (Outcome::Failed, None, Some(e))
            }
            TurnVerdict::Finished | TurnVerdict::Cancelled => {
                match stderr.map(str::trim).filter(|t| !t.is_empty()) {
                    Some(text) if !end.said => (Outcome::Failed, None, Some(error("agent_error", text))),
                    _ => (Outcome::Completed, None, None),
                }
            }
        }
    }

    /// Ends the running turn. What it took in ends with it.
    pub(super) fn close_turn(
        &mut self,
        mut outcome: Outcome,
        mut limit: Option<String>,
        failure: Option<ErrorInfo>,
        end: Option<TurnEnd>,
    ) {
        let Some(id) = self.s.turn.as_ref().map(|t| t.id.clone()) else { return };
        // A subagent may work on in the background, and still wants its answer.
        self.withdraw_asks("turn_ended", |ask| ask.turn_id.as_ref() == Some(&id) && ask.path.is_empty());
        let Some(turn) = self.s.turn.take() else { return };
        let (stop_reason, usage, cost_usd) =
            end.map_or((None, None, None), |e| (e.stop_reason, e.usage, e.cost_usd));
        let (usage, cost_usd) = with_earlier(&turn.retry.used, usage, cost_usd);
        let mut used = usage.unwrap_or_default();
        if used.cost_usd.is_none() && cost_usd.is_some() {
            (used.cost_usd, used.cost_basis) = (cost_usd, tenure_event::CostBasis::Reported);
        }
        self.s.usage.add(&used);
        if self.s.process.is_some() && turn.last_message.is_some() {
            // The agent has gone on from there. (One that died in between may have kept what was taken back.)
            self.s.point = None;
        }
        if let Some(kind) = self.settle_cost(&used, outcome) {
            (outcome, limit) = (Outcome::Limit, Some(kind.word().to_owned()));
        }
        self.s.last_outcome = Some(outcome);
        (self.s.stalled, self.s.wait, self.s.probing) = (None, None, false);
        self.s.compacting = false;
        self.s.tool_kinds.clear();
        let input_ids: Vec<_> = turn.inputs.into_iter().map(|i| i.input_id).collect();
        let message_id = turn.last_message;
        let (cut, began) = (turn.limit, turn.started_at.plus_millis(turn.retry.waited_ms));
        let (turn_id, ids) = (turn.id, input_ids.clone());
        let completed = TurnCompleted {
            turn_id: turn_id.clone(),
            input_ids,
            message_id,
            outcome,
            stop_reason,
            limit,
            usage,
            cost_usd,
            error: failure,
        };
        self.emit_in(Some(turn_id.clone()), Kind::TurnCompleted(completed));
        let seq = self.last_emitted();
        for input_id in ids {
            self.out.inputs.push(InputChange::Completed { input_id, turn_id: turn_id.clone(), seq });
        }
        self.hold_after_turn(cut.as_deref(), began);
        self.files_after_turn(turn_id);
    }

    /// A steered input was taken in, as the agent says.
    pub(super) fn input_taken(&mut self, native: &str) {
        // Without a turn it comes too late: what was not taken in went back into the queue.
        let Some(turn) = &mut self.s.turn else { return };
        let at = turn.steered.iter().position(|s| s.native == native);
        let steered = at.map(|at| turn.steered.remove(at)).or_else(|| self.reclaim(native));
        if let Some(steered) = steered {
            self.steered_taken(steered);
        }
        self.steer_answered(|answered, _| answered == native);
    }

    /// The agent would not take a steered input now.
    pub(super) fn steer_refused(&mut self, n: u64) {
        let Some(turn) = &mut self.s.turn else { return };
        if let Some(at) = turn.steered.iter().position(|s| s.n == n) {
            let steered = turn.steered.remove(at);
            self.requeue(Steered {
                queued: QueuedInput { delivery: Delivery::Queue, ..steered.queued },
                ..steered
            });
        }
        self.steer_answered(|_, answered| answered == n);
    }

    /// Ends a turn for the input at the head of the queue that could never begin.
    pub(super) fn fail_head_of_queue(&mut self, failure: ErrorInfo) {
        if self.s.turn.is_some() || self.s.queue.is_empty() {
            return;
        }
        let queued = self.s.queue.remove(0);
        let input = TurnInput { input_id: queued.input_id.clone(), native: self.native_of(&queued) };
        self.open_turn(TurnOrigin::Input, vec![input.clone()]);
        self.take_in(&input, &queued.parts, InputHow::Turn);
        self.close_turn(Outcome::Failed, None, Some(failure), None);
    }

    /// Signals that say or do something for the person: remembers what the turn said last.
    pub(super) fn note_in_turn(&mut self, signal: &Signal) {
        let Some(turn) = &mut self.s.turn else { return };
        match signal {
            Signal::Message(m) if m.role == Role::Assistant && m.parent_tool_id.is_none() && !m.replayed => {
                turn.last_message = Some(m.message_id.clone());
                turn.retry.began = true;
            }
            Signal::ToolStarted(t) => {
                turn.tools.insert(t.tool_id.clone());
                turn.retry.began = true;
                self.s.tool_kinds.insert(t.tool_id.clone(), t.kind);
            }
            Signal::ToolEnded(t) => {
                turn.tools.remove(&t.start.tool_id);
                self.s.tool_kinds.remove(&t.start.tool_id);
                turn.last_message.get_or_insert_with(|| t.start.message_id.clone());
            }
            _ => {}
        }
    }
}

/// What a turn used in all its tries.
fn with_earlier(
    earlier: &Usage,
    usage: Option<Usage>,
    cost_usd: Option<f64>,
) -> (Option<Usage>, Option<f64>) {
    if earlier.tokens() == 0 && earlier.cost_usd.is_none() {
        return (usage, cost_usd);
    }
    let mut last = usage.unwrap_or_default();
    if last.cost_usd.is_none() && cost_usd.is_some() {
        (last.cost_usd, last.cost_basis) = (cost_usd, tenure_event::CostBasis::Reported);
    }
    let mut all = *earlier;
    all.add(&last);
    (Some(all), all.cost_usd)
}
