//! Asks: opened by the agent, ended once: resolved, expired or withdrawn.

use sha2::{Digest, Sha256};
use tenure_api::{ErrorCode, PermissionDefault, Problem};
use tenure_event::{
    Ask, AskEnded, AskId, AskKind, AskOpened, AskResolved, AskState, Decision, Delivery, Kind, Scope,
};

mod check;
mod form;

use super::state::SessionRule;
use super::{OpenAsk, Step};
use crate::agent::{Answer, AskAnswer, AskSignal, Command};
use crate::{AnswerRequest, Reply};

/// Asks that may be open at once; what is asked beyond is given back unanswered.
const BOUND: usize = 256;
/// "Allow" for the session that is remembered; each is in the state, which is stored with every step.
const RULES: usize = 1000;

impl Step<'_> {
    pub(super) fn ask_opened(&mut self, signal: AskSignal) {
        let id = AskId::from_uuid(self.mint());
        let timeout = self.s.ask_timeout();
        let ask = Ask {
            id: id.clone(),
            session_id: self.s.spec.id.clone(),
            turn_id: self.s.turn.as_ref().map(|t| t.id.clone()),
            kind: signal.kind,
            title: signal.title,
            tool: signal.tool,
            tool_id: signal.tool_id,
            input: signal.input,
            options: signal.options,
            questions: signal.questions,
            path: signal.path,
            opened_at: self.now.at,
            expires_at: Some(self.now.at.plus_seconds(timeout)),
            state: AskState::Open,
            decision: None,
            scope: None,
        };
        let generation = self.s.generation;
        let (keep, can_update_input, can_always) = (signal.keep, signal.can_update_input, signal.can_always);
        self.emit(Kind::AskOpened(AskOpened { ask: ask.clone(), whole: None }));
        self.out.asks.push(ask.clone());
        let open = OpenAsk { ask, token: signal.token, generation, keep, can_update_input, can_always };
        let policy = self.policy(&open);
        self.s.asks.insert(id.clone(), open);
        // A turn that is being interrupted gets no new questions through.
        if self.s.turn.as_ref().is_some_and(|t| t.interrupting.is_some()) || self.s.ending.is_some() {
            self.withdraw_asks("interrupted", |a| a.id == id);
        } else if self.s.asks.len() > BOUND {
            self.withdraw_asks("too_many", |a| a.id == id);
        } else if let Some(decision) = policy {
            self.resolve(&id, &by_policy(id.clone(), decision), "policy");
        } else if timeout == 0 {
            self.expire(&id);
        }
    }

    /// What Tenure answers by itself, if anything.
    fn policy(&self, open: &OpenAsk) -> Option<Decision> {
        if open.ask.kind != AskKind::Permission {
            return None;
        }
        if self.s.rules.iter().any(|r| *r == rule_for(&open.ask)) {
            return Some(Decision::Allow);
        }
        let ask = &open.ask;
        let kind = ask.tool_id.as_ref().and_then(|id| self.s.tool_kinds.get(id)).copied();
        let default = self.s.spec.permission_default;
        // The session's own rules first, then those of the configuration.
        let rules = self.s.spec.permission_rules.iter();
        let rules = rules.chain(self.s.policy.rules.iter().map(|policy| &policy.rule));
        match super::rule::decide(rules, ask, kind, &self.s.spec.cwd_canonical).unwrap_or(default) {
            PermissionDefault::Ask => None,
            PermissionDefault::Allow => Some(Decision::Allow),
            PermissionDefault::Deny => Some(Decision::Deny),
        }
    }

    pub(super) fn answer(&mut self, mut request: AnswerRequest) -> Result<Reply, Problem> {
        // The deadline holds by the clock, also where nobody has looked at it yet.
        self.expire_asks();
        let Some(open) = self.s.asks.get(&request.ask_id).cloned() else {
            let what = format!("ask {} is not open", request.ask_id);
            return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
        };
        request.scope = self.check_answer(&open, &request)?;
        if open.ask.kind == AskKind::Elicitation && request.decision == Decision::Allow {
            let words = request.answers.take().or_else(|| request.updated_input.take());
            request.answers = form::filled(&open.ask, words.as_ref())?;
        }
        let words = request.message.clone().filter(|_| request.decision == Decision::Allow);
        if words.is_some() {
            self.may_say_more()?;
        }
        let ask =
            self.resolve(&request.ask_id.clone(), &request, "client").unwrap_or_else(|| open.ask.clone());
        if request.scope == Scope::Session {
            self.allow_the_like(rule_for(&open.ask));
        }
        if let Some(text) = words {
            self.say_more(text);
        }
        Ok(Reply::Answered(Box::new(ask)))
    }

    /// A person allowed it for the session: what is open and alike is allowed too.
    fn allow_the_like(&mut self, rule: SessionRule) {
        let alike = |o: &&OpenAsk| o.ask.kind == AskKind::Permission && rule_for(&o.ask) == rule;
        let ids: Vec<AskId> = self.s.asks.values().filter(alike).map(|o| o.ask.id.clone()).collect();
        for id in ids {
            self.resolve(&id, &by_policy(id.clone(), Decision::Allow), "policy");
        }
        if !self.s.rules.contains(&rule) {
            if self.s.rules.len() >= RULES {
                let oldest = self.s.rules.remove(0);
                let what = format!(
                    "more than {RULES} things are allowed for this session; the oldest is forgotten, and {} asks again",
                    oldest.tool
                );
                self.warn("rule_forgotten", &what);
            }
            self.s.rules.push(rule);
        }
    }

    /// Whether words can go with an approval: they are an input of their own then.
    fn may_say_more(&self) -> Result<(), Problem> {
        if self.s.turn.is_some() && !self.supports("steer") {
            return Err(self.unsupported("steer"));
        }
        self.may_take_inputs()?;
        self.has_room()
    }

    /// An approval with words: they reach the agent as a steered input.
    fn say_more(&mut self, text: String) {
        let input_id = tenure_event::InputId::from_uuid(self.mint());
        let part = tenure_event::PartBody::Text { text };
        let parts =
            vec![tenure_event::Part { id: format!("{input_id}.0"), body: part, bytes: None, blob: None }];
        let admit = crate::Admit {
            input_id,
            delivery: Delivery::Steer,
            parts,
            model: None,
            effort: None,
            body_hash: String::new(),
            minted: true,
        };
        // It was checked before the ask was resolved that this can be done.
        let _ = self.admit(admit);
    }

    fn resolve(&mut self, id: &AskId, request: &AnswerRequest, by: &str) -> Option<Ask> {
        let open = self.s.asks.remove(id)?;
        let mut ask = open.ask.clone();
        ask.state = AskState::Resolved;
        (ask.decision, ask.scope) = (Some(request.decision), Some(request.scope));
        self.emit_in(
            ask.turn_id.clone(),
            Kind::AskResolved(AskResolved {
                ask_id: id.clone(),
                decision: request.decision,
                scope: request.scope,
                message: request.message.clone(),
                option_id: request.option_id.clone(),
                updated_input: request.updated_input.clone(),
                answers: request.answers.clone(),
                by: by.to_owned(),
            }),
        );
        self.out.asks.push(ask.clone());
        self.send_answer(open, request);
        Some(ask)
    }

    fn expire(&mut self, id: &AskId) {
        let Some(open) = self.s.asks.remove(id) else { return };
        let mut ask = open.ask.clone();
        ask.state = AskState::Expired;
        ask.decision = Some(Decision::Deny);
        let ended = AskEnded { ask_id: id.clone(), reason: "deadline".to_owned() };
        self.emit_in(ask.turn_id.clone(), Kind::AskExpired(ended));
        self.out.asks.push(ask);
        let request = AnswerRequest {
            message: Some("Nobody answered in time, so this was denied.".to_owned()),
            ..by_policy(id.clone(), Decision::Deny)
        };
        self.send_answer(open, &request);
    }

    pub(super) fn expire_asks(&mut self) {
        let now = self.now.at;
        let due = |o: &&OpenAsk| o.ask.expires_at.is_some_and(|at| at <= now);
        let ids: Vec<AskId> = self.s.asks.values().filter(due).map(|o| o.ask.id.clone()).collect();
        for id in ids {
            self.expire(&id);
        }
    }

    fn send_answer(&mut self, open: OpenAsk, request: &AnswerRequest) {
        if !self.is_current(open.generation) {
            return;
        }
        if request.decision == Decision::Deny
            && let (Some(turn), Some(tool_id)) = (&mut self.s.turn, &open.ask.tool_id)
        {
            turn.denied.insert(tool_id.clone());
        }
        self.send(Command::Answer(Answer::Ask(AskAnswer {
            token: open.token,
            keep: open.keep,
            decision: request.decision,
            scope: request.scope,
            message: request.message.clone(),
            updated_input: request.updated_input.clone(),
            answers: request.answers.clone(),
            option_id: request.option_id.clone(),
            input: open.ask.input,
        })));
    }

    /// Withdraws asks. The agent gets a `cancel` for each that it still waits for.
    pub(super) fn withdraw_asks(&mut self, reason: &str, which: impl Fn(&Ask) -> bool) {
        let ids: Vec<AskId> =
            self.s.asks.values().filter(|o| which(&o.ask)).map(|o| o.ask.id.clone()).collect();
        for id in ids {
            let Some(open) = self.s.asks.remove(&id) else { continue };
            let waits = !matches!(reason, "agent" | "process_exited");
            let answer = waits.then(|| by_policy(id.clone(), Decision::Cancel));
            let mut ask = open.ask.clone();
            ask.state = AskState::Withdrawn;
            let ended = AskEnded { ask_id: id, reason: reason.to_owned() };
            self.emit_in(ask.turn_id.clone(), Kind::AskWithdrawn(ended));
            self.out.asks.push(ask);
            if let Some(request) = answer {
                self.send_answer(open, &request);
            }
        }
    }

    /// The agent needs no answer any more.
    pub(super) fn ask_withdrawn(&mut self, token: &str) {
        let id = self.s.asks.values().find(|o| o.token == token).map(|o| o.ask.id.clone());
        if let Some(id) = id {
            self.withdraw_asks("agent", |a| a.id == id);
        }
    }
}

fn by_policy(ask_id: AskId, decision: Decision) -> AnswerRequest {
    AnswerRequest {
        ask_id,
        decision,
        scope: Scope::Once,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
    }
}

/// "The like of this ask": the same tool, and for tools that run commands the same command.
fn rule_for(ask: &Ask) -> SessionRule {
    let command = ask.input.as_ref().and_then(|i| i.get("command"));
    let input = command.map(|c| {
        let digest = Sha256::digest(c.to_string().as_bytes());
        digest.iter().take(16).fold(String::new(), |text, b| text + &format!("{b:02x}"))
    });
    SessionRule { tool: ask.tool.clone().unwrap_or_else(|| ask.title.clone()), input }
}
