//! Model, mode, effort and permissions, changed while the session lives.

use tenure_api::{ConfigPatch, ErrorCode, PermissionsPatch, Problem};
use tenure_event::{ConfigChanged, Kind, Lifecycle};

use super::Step;
use super::call::Call;
use crate::{Reply, Until};

/// Rules that one session may have.
const MOST_RULES: usize = 256;
/// Seconds that an ask may wait.
const LONGEST_TIMEOUT: u64 = 315_360_000;
/// Characters that one pattern may have.
const LONGEST_PATTERN: usize = 1000;

impl Step<'_> {
    /// What a living agent has to do is sent, and counts once it has answered; the rest counts at once. Without a
    /// process it is what the next one starts with.
    pub(super) fn configure(&mut self, patch: ConfigPatch) -> Result<Reply, Problem> {
        let ConfigPatch { model, mode, effort, permissions, limits, restart } = patch;
        let wishes = [model.map(Call::Model), mode.map(Call::Mode), effort.map(Call::Effort)];
        let wishes: Vec<Call> = wishes.into_iter().flatten().collect();
        self.may_configure(&wishes)?;
        if let Some(permissions) = &permissions {
            check(permissions)?;
        }
        if let Some(restart) = restart {
            super::check_restart(restart)?;
        }
        if let Some(limits) = &limits {
            super::check_limits(limits)?;
        }
        let before = self.out.events.len();
        let mut numbers = Vec::new();
        if self.s.process.is_some() {
            numbers.extend(wishes.into_iter().map(|wish| self.call(wish, None)));
        } else {
            self.wish(wishes);
        }
        if let Some(permissions) = permissions {
            self.permit(permissions);
        }
        if let Some(restart) = restart {
            self.set_restart(restart);
        }
        if let Some(limits) = limits {
            self.set_limits(limits);
        }
        self.out.full = true;
        let changed = self.out.events.len() > before || !numbers.is_empty();
        let hit = if changed { vec![format!("session:{}", self.s.spec.id)] } else { Vec::new() };
        let until = if numbers.is_empty() { Until::Now } else { Until::Answers(numbers) };
        Ok(self.done(hit, until))
    }

    fn may_configure(&self, wishes: &[Call]) -> Result<(), Problem> {
        let about = |code, what: &str| Err(Problem::new(code, what).about(&self.s.spec.id));
        if self.s.lifecycle == Lifecycle::Failed {
            return about(
                ErrorCode::Closed,
                "the session has failed; `resume` tries it again, then change it",
            );
        }
        if wishes.is_empty() {
            return Ok(());
        }
        for wish in wishes {
            let (verb, field, value) = match wish {
                Call::Model(value) => ("set_model", "model", value),
                Call::Mode(value) => ("set_mode", "mode", value),
                Call::Effort(value) => ("set_effort", "effort", value),
                Call::Compact | Call::StopTask(_) | Call::Mcp(_) => continue,
            };
            if value.is_empty() || value.chars().count() > LONGEST_PATTERN {
                return Err(Problem::invalid(field, "it takes 1 to 1000 characters"));
            }
            // Before its first handshake an agent has told nothing: its start will.
            if !self.s.supports.is_empty() {
                self.may_call(verb)?;
            }
        }
        if self.s.ending.is_some() {
            return about(ErrorCode::Busy, "its process is being ended; try again when it is gone");
        }
        if self.s.process.as_ref().is_some_and(|p| !p.ready) {
            return about(
                ErrorCode::NotReady,
                "its process is starting; try again when its handshake is done",
            );
        }
        Ok(())
    }

    /// Notes what the next process is to start with.
    fn wish(&mut self, wishes: Vec<Call>) {
        let mut change = ConfigChanged { by: "client".to_owned(), ..Default::default() };
        for wish in wishes {
            let (place, told, value) = match wish {
                Call::Model(value) => (&mut self.s.model, &mut change.model, value),
                Call::Mode(value) => (&mut self.s.mode, &mut change.mode, value),
                Call::Effort(value) => (&mut self.s.effort, &mut change.effort, value),
                Call::Compact | Call::StopTask(_) | Call::Mcp(_) => continue,
            };
            if place.as_ref() != Some(&value) {
                *place = Some(value.clone());
                *told = Some(value);
            }
        }
        if change.model.is_some() || change.mode.is_some() || change.effort.is_some() {
            self.emit_bare(Kind::ConfigChanged(change));
        }
    }

    fn permit(&mut self, permissions: PermissionsPatch) {
        let spec = &mut self.s.spec;
        let default = permissions.default.filter(|d| *d != spec.permission_default);
        let rules = permissions.rules.filter(|r| *r != spec.permission_rules);
        let by_default = spec.ask_timeout_by_default && permissions.ask_timeout_seconds.is_some();
        let differs = |s: &u64| by_default || *s != spec.ask_timeout_seconds;
        let timeout = permissions.ask_timeout_seconds.filter(differs);
        if default.is_none() && rules.is_none() && timeout.is_none() {
            return;
        }
        spec.permission_default = default.unwrap_or(spec.permission_default);
        if let Some(rules) = &rules {
            spec.permission_rules.clone_from(rules);
        }
        spec.ask_timeout_seconds = timeout.unwrap_or(spec.ask_timeout_seconds);
        spec.ask_timeout_by_default &= timeout.is_none();
        self.emit_bare(Kind::ConfigChanged(ConfigChanged {
            permission_default: default,
            permission_rules: rules,
            ask_timeout_seconds: timeout,
            by: "client".to_owned(),
            ..Default::default()
        }));
    }
}

fn check(permissions: &PermissionsPatch) -> Result<(), Problem> {
    if permissions.ask_timeout_seconds.is_some_and(|seconds| seconds > LONGEST_TIMEOUT) {
        let what = format!("at most {LONGEST_TIMEOUT} seconds, ten years");
        return Err(Problem::invalid("permissions.ask_timeout_seconds", what));
    }
    check_rules(permissions.rules.as_deref().unwrap_or_default())
}

/// Whether rules can be kept: a bound on their number and length.
///
/// # Errors
/// `invalid` with the field.
pub fn check_rules(rules: &[tenure_event::PermissionRule]) -> Result<(), Problem> {
    if rules.len() > MOST_RULES {
        return Err(Problem::invalid("permissions.rules", format!("at most {MOST_RULES} rules")));
    }
    let long = |text: &Option<String>| text.as_ref().is_some_and(|t| t.chars().count() > LONGEST_PATTERN);
    for (at, rule) in rules.iter().enumerate() {
        if long(&rule.tool) || long(&rule.input) {
            let field = format!("permissions.rules[{at}]");
            return Err(Problem::invalid(
                &field,
                format!("a pattern has at most {LONGEST_PATTERN} characters"),
            ));
        }
        if rule.tool.is_none() && rule.kind.is_none() && rule.input.is_none() {
            let field = format!("permissions.rules[{at}]");
            return Err(Problem::invalid(
                &field,
                "a rule for everything is the `default`; name a tool, kind or input",
            ));
        }
    }
    Ok(())
}
