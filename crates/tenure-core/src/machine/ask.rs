//! Asks: opened by the agent, ended once: resolved, expired or withdrawn.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tenure_api::{ErrorCode, PermissionDefault, Problem};
use tenure_event::{
    Ask, AskEnded, AskId, AskKind, AskOpened, AskResolved, AskState, Decision, Delivery, Kind, Scope,
};

use super::state::SessionRule;
use super::{OpenAsk, Step};
use crate::agent::{Answer, AskAnswer, AskSignal, Command};
use crate::{AnswerRequest, Reply};

impl Step<'_> {
    pub(super) fn ask_opened(&mut self, signal: AskSignal) {
        let id = AskId::from_uuid(self.mint());
        let timeout = self.s.spec.ask_timeout_seconds;
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
        self.emit(Kind::AskOpened(AskOpened { ask: ask.clone() }));
        self.out.asks.push(ask.clone());
        let open = OpenAsk { ask, token: signal.token, generation, keep, can_update_input, can_always };
        let policy = self.policy(&open);
        self.s.asks.insert(id.clone(), open);
        // A turn that is being interrupted gets no new questions through.
        if self.s.turn.as_ref().is_some_and(|t| t.interrupting.is_some()) || self.s.ending.is_some() {
            self.withdraw_asks("interrupted", |a| a.id == id);
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
        match self.s.spec.permission_default {
            PermissionDefault::Ask => None,
            PermissionDefault::Allow => Some(Decision::Allow),
            PermissionDefault::Deny => Some(Decision::Deny),
        }
    }

    pub(super) fn answer(&mut self, request: AnswerRequest) -> Result<Reply, Problem> {
        let Some(open) = self.s.asks.get(&request.ask_id).cloned() else {
            let what = format!("ask {} is not open", request.ask_id);
            return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
        };
        self.check_answer(&open, &request)?;
        let steer = request.message.clone().filter(|_| request.decision == Decision::Allow);
        if steer.is_some() && !self.supports("steer") {
            return Err(self.unsupported("steer"));
        }
        if request.scope == Scope::Session && request.decision == Decision::Allow {
            self.s.rules.push(rule_for(&open.ask));
        }
        let ask = self.resolve(&request.ask_id.clone(), &request, "client").unwrap_or(open.ask);
        if let Some(text) = steer {
            self.steer_message(text);
        }
        Ok(Reply::Answered(Box::new(ask)))
    }

    fn check_answer(&self, open: &OpenAsk, request: &AnswerRequest) -> Result<(), Problem> {
        let agent = &self.s.spec.agent;
        let refuse = |capability: &str, why: &str| {
            Err(Problem::unsupported(agent, capability, why).about(&self.s.spec.id))
        };
        if request.updated_input.is_some() && !open.can_update_input {
            return refuse("updated_input", "this agent takes an answer, not a changed input");
        }
        if request.scope == Scope::Always && request.decision == Decision::Allow {
            if !open.can_always {
                return refuse("always", "the agent offers no `always` for this; use scope `session`");
            }
            if self.s.spec.always_writes_settings && !self.s.spec.project_trusted {
                let what = "`always` would write the project's settings, and the project is not trusted; \
                            use scope `session`, or create the session with `trust_project: true`";
                return Err(Problem::new(ErrorCode::Forbidden, what).about(&self.s.spec.id));
            }
        }
        if request.answers.is_some() && !matches!(open.ask.kind, AskKind::Question | AskKind::Elicitation) {
            return Err(Problem::invalid(
                "answers",
                "only questions take `answers`; this ask takes a decision",
            ));
        }
        if open.ask.kind == AskKind::Question && request.decision == Decision::Allow {
            check_answers(&open.ask, request.answers.as_ref())?;
        }
        if let Some(id) = &request.option_id
            && !open.ask.options.iter().any(|o| &o.id == id)
        {
            let known: Vec<&str> = open.ask.options.iter().map(|o| o.id.as_str()).collect();
            return Err(Problem::invalid(
                "option_id",
                format!("no such option; there are: {}", known.join(", ")),
            ));
        }
        Ok(())
    }

    /// An approval with words: they reach the agent as a steered input.
    fn steer_message(&mut self, text: String) {
        if self.s.turn.is_none() {
            return;
        }
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
        };
        // It was checked that the agent can be steered; a turn that ends meanwhile queues it.
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

    /// Withdraws asks. The agent gets a `cancel` for each while its process lives.
    pub(super) fn withdraw_asks(&mut self, reason: &str, which: impl Fn(&Ask) -> bool) {
        let ids: Vec<AskId> =
            self.s.asks.values().filter(|o| which(&o.ask)).map(|o| o.ask.id.clone()).collect();
        for id in ids {
            let Some(open) = self.s.asks.remove(&id) else { continue };
            let answer = matches!(reason, "interrupted").then(|| by_policy(id.clone(), Decision::Cancel));
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

fn check_answers(ask: &Ask, answers: Option<&Value>) -> Result<(), Problem> {
    let missing = |q: &str| {
        Problem::invalid("answers", format!("`answers` needs a text (or a list of texts) for {q:?}"))
    };
    let Some(Value::Object(given)) = answers else {
        let first = ask.questions.first().map_or("each question", |q| q.question.as_str());
        return Err(missing(first));
    };
    for question in &ask.questions {
        match given.get(&question.question) {
            Some(Value::String(_)) => {}
            Some(Value::Array(list))
                if list.iter().all(Value::is_string) && (question.multiple || list.len() == 1) => {}
            _ => return Err(missing(&question.question)),
        }
    }
    Ok(())
}
