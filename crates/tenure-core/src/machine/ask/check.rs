//! Whether an answer fits its ask. What would not be honoured is refused by name.

use serde_json::Value;
use tenure_api::{ErrorCode, Problem};
use tenure_event::{Ask, AskKind, Decision, OptionKind, Scope};

use crate::AnswerRequest;
use crate::machine::{OpenAsk, Step};

impl Step<'_> {
    /// The scope that the answer has: an option of the agent's may say "always".
    pub(super) fn check_answer(&self, open: &OpenAsk, request: &AnswerRequest) -> Result<Scope, Problem> {
        let option = check_option(&open.ask, request)?;
        let always = matches!(option, Some(OptionKind::AllowAlways | OptionKind::RejectAlways));
        let scope = match (request.scope, always) {
            (Scope::Session, true) => {
                return Err(Problem::invalid("scope", "the option says `always`; leave the scope out"));
            }
            (_, true) => Scope::Always,
            (scope, false) => scope,
        };
        match scope {
            Scope::Once => {}
            Scope::Session => check_session(&open.ask, request.decision)?,
            Scope::Always => self.check_always(open, request.decision)?,
        }
        self.check_input(open, request)?;
        self.check_reason(request)?;
        check_words(&open.ask, request)?;
        Ok(scope)
    }

    fn check_always(&self, open: &OpenAsk, decision: Decision) -> Result<(), Problem> {
        let refuse =
            |why: &str| Err(Problem::unsupported(&self.s.spec.agent, "always", why).about(&self.s.spec.id));
        match decision {
            Decision::Allow if self.s.spec.always_writes_settings && !self.s.spec.project_trusted => {
                let what = "`always` would write the project's settings, and the project is not trusted; \
                            use scope `session`, or create the session with `trust_project: true`";
                Err(Problem::new(ErrorCode::Forbidden, what).about(&self.s.spec.id))
            }
            _ if decision != Decision::Cancel && self.lacks("always") => Err(self.unsupported("always")),
            Decision::Allow if !open.can_always => {
                refuse("the agent offers no `always` for this; use scope `session`")
            }
            Decision::Deny if !open.ask.options.iter().any(|o| o.kind == OptionKind::RejectAlways) => {
                refuse("the agent offers no lasting denial; use scope `once`")
            }
            Decision::Cancel => Err(Problem::invalid("scope", "a `cancel` is for this ask alone")),
            _ => Ok(()),
        }
    }

    /// Words with a denial reach the agent, or are refused.
    fn check_reason(&self, request: &AnswerRequest) -> Result<(), Problem> {
        let words = request.message.as_ref().is_some_and(|text| !text.is_empty());
        if words && request.decision != Decision::Allow && self.lacks("deny_message") {
            return Err(self.unsupported("deny_message"));
        }
        Ok(())
    }

    fn check_input(&self, open: &OpenAsk, request: &AnswerRequest) -> Result<(), Problem> {
        if request.updated_input.is_none() {
            return Ok(());
        }
        if request.decision != Decision::Allow {
            return Err(Problem::invalid("updated_input", "only an `allow` can change the input"));
        }
        if open.can_update_input {
            return Ok(());
        }
        let why = "this agent takes an answer, not a changed input";
        Err(Problem::unsupported(&self.s.spec.agent, "updated_input", why).about(&self.s.spec.id))
    }
}

/// The kind of the agent's option that was named, if one was.
fn check_option(ask: &Ask, request: &AnswerRequest) -> Result<Option<OptionKind>, Problem> {
    let Some(id) = &request.option_id else { return Ok(None) };
    let Some(option) = ask.options.iter().find(|o| &o.id == id) else {
        let known: Vec<&str> = ask.options.iter().map(|o| o.id.as_str()).collect();
        return Err(Problem::invalid(
            "option_id",
            format!("no such option; there are: {}", known.join(", ")),
        ));
    };
    let fits = match option.kind {
        OptionKind::AllowOnce | OptionKind::AllowAlways => request.decision == Decision::Allow,
        OptionKind::RejectOnce | OptionKind::RejectAlways => request.decision == Decision::Deny,
        OptionKind::Other => request.decision != Decision::Cancel,
    };
    if fits {
        return Ok(Some(option.kind));
    }
    let why = format!("option {id:?} says something else than the decision");
    Err(Problem::invalid("option_id", why))
}

/// `session` is a rule of our own: it allows the like of a permission.
fn check_session(ask: &Ask, decision: Decision) -> Result<(), Problem> {
    if ask.kind == AskKind::Permission && decision == Decision::Allow {
        return Ok(());
    }
    Err(Problem::invalid("scope", "`session` goes with the `allow` of a permission; use `once`"))
}

fn check_words(ask: &Ask, request: &AnswerRequest) -> Result<(), Problem> {
    let allows = request.decision == Decision::Allow;
    let asks_words = matches!(ask.kind, AskKind::Question | AskKind::Elicitation);
    if request.answers.is_some() && !asks_words {
        return Err(Problem::invalid("answers", "only questions take `answers`; this ask takes a decision"));
    }
    if request.answers.is_some() && !allows {
        return Err(Problem::invalid("answers", "answers go with the decision `allow`"));
    }
    if ask.kind == AskKind::Question && allows {
        return check_answers(ask, request.answers.as_ref());
    }
    Ok(())
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
