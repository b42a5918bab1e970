//! From the greeting to the first prompt: initialize, ask for models and account, open the
//! thread, read what was said in it, wait for the session's tool servers, ready.
//!
//! An error on this way fails the handshake, but for the list of models: a thread can be
//! led without it.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Command, Decoded, Fork, ResumeHow, Signal};

use super::CodexCodec;
use super::capability::{read_account, read_model};
use super::fault::fault;
use super::id::{Asked, OWN, request_id};
use super::memory::Phase;
use super::servers::list_of;
use super::{mode, point};
use crate::catalog::Preset;
use crate::json::{at, is_true, list_at, str_at, string_at};

/// Models that are taken.
const MODELS_MAX: usize = 200;

impl CodexCodec {
    /// `initialize` was answered.
    pub(super) fn greeted(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.fail(error, out),
        };
        if let Some(mode) = self.record.mode.as_deref() {
            if mode::read(mode).is_none() {
                let why = format!(
                    "Codex has no mode `{mode}`; take read-only, workspace-write, ask or full-access"
                );
                return self.fail(fault("invalid", why), out);
            }
            // In a later process it can only be what the user's own settings made of the first.
            if self.forbids(mode) && self.record.generation == 1 {
                let why = format!("the mode `{mode}` asks nobody; it needs `allow_bypass`");
                return self.fail(fault("forbidden", why), out);
            }
        }
        self.memory.greeting = Some(crate::json::told(answer));
        self.memory.phase = Phase::Opening;
        self.warn_of_servers(out);
        self.await_servers();
        out.push(raw(&json!({"method": "initialized"})));
        out.push(own(Asked::Models, "model/list", &json!({"limit": MODELS_MAX})));
        out.push(self.ask_account());
        match &self.record.resume {
            ResumeHow::Fork(Fork { from, point: Some(_), .. }) => {
                let from = from.clone();
                out.push(point::page(&from, None));
            }
            how => out.push(Signal::Send(Command::Open { how: how.clone() })),
        }
    }

    /// The thread was opened.
    pub(super) fn opened(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.not_opened(error, out),
        };
        let Some(thread) = string_at(answer, &["thread", "id"]) else {
            return self.fail(fault("agent_error", "Codex opened a thread and gave no id for it"), out);
        };
        if let Some(wanted) = self.record.resume.continues()
            && *wanted != thread
        {
            let why = format!("Codex was to continue {wanted} and opened {thread}");
            return self.fail(fault("resume_failed", why), out);
        }
        self.memory.thread = Some(thread.clone());
        out.push(Signal::NativeId(thread.clone()));
        self.settled(Some(answer), out);
        if matches!(self.record.resume, ResumeHow::Back(_)) {
            self.memory.phase = Phase::Returning;
            return out.push(point::page(&thread, None));
        }
        if self.record.resume.point().is_some() {
            out.push(Signal::AtPoint { lasting: true });
        }
        self.goes_on(&thread, out);
    }

    /// The thread is open, and stands where it should.
    pub(super) fn goes_on(&mut self, thread: &str, out: &mut Decoded) {
        self.memory.phase = Phase::Opened;
        if !self.memory.awaited.is_empty() {
            out.push(list_of(thread));
        }
        if self.record.resume.has_past() {
            self.read_the_past(thread, out);
        }
        self.ready_if_all_is_known(out);
    }

    fn not_opened(&mut self, error: AgentError, out: &mut Decoded) {
        if self.record.resume.has_past() && error.code != "auth_required" {
            let message = format!("Codex could not continue the thread: {}", error.message);
            let error = AgentError { code: "resume_failed".to_owned(), message, ..error };
            return self.fail(error, out);
        }
        self.fail(error, out);
    }

    /// The list of models came, or did not.
    pub(super) fn models(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let models = outcome.map(|answer| {
            list_at(answer, &["data"]).iter().take(MODELS_MAX).filter_map(read_model).collect()
        });
        if let Err(error) = &models {
            let message = format!("Codex tells no models: {}", error.message);
            out.push(Signal::Warning { code: "models_unknown".to_owned(), message });
        }
        self.memory.models = Some(models.unwrap_or_default());
        self.ready_if_all_is_known(out);
    }

    /// Who is logged in.
    pub(super) fn account(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let known_before = std::mem::replace(&mut self.memory.account_known, true);
        if let Ok(answer) = outcome {
            self.memory.account = at(answer, &["account"]).map(read_account);
            let missing = self.memory.account.is_none() && is_true(answer, &["requiresOpenaiAuth"]);
            if missing && !known_before && self.memory.phase != Phase::Failed {
                return self.fail(self.log_in_first(), out);
            }
        }
        if known_before && self.memory.phase == Phase::Ready {
            out.push(Signal::Capabilities(self.capabilities()));
        }
        self.ready_if_all_is_known(out);
    }

    fn log_in_first(&self) -> AgentError {
        let login = self.record.preset.as_deref().and_then(Preset::find).map(|preset| preset.login);
        let how = login.unwrap_or("run `codex login`");
        fault("auth_required", format!("Codex wants a login: {how}"))
    }

    pub(super) fn ask_account(&self) -> Signal {
        own(Asked::Account, "account/read", &json!({}))
    }

    pub(super) fn ready_if_all_is_known(&mut self, out: &mut Decoded) {
        let memory = &self.memory;
        let all = memory.models.is_some() && memory.account_known && memory.awaited.is_empty();
        if self.memory.phase != Phase::Opened || !all {
            return;
        }
        self.memory.phase = Phase::Ready;
        let settings = self.memory.settings.clone();
        if let Some(mode) = settings.mode.as_deref().filter(|mode| self.forbids(mode)) {
            out.push(Signal::Warning {
                code: "mode_asks_nobody".to_owned(),
                message: format!("the agent's own settings put it in mode `{mode}`, in which it asks nobody; choose another mode to be asked"),
            });
        }
        out.push(Signal::Ready {
            agent_info: self.agent_info(),
            capabilities: self.capabilities(),
            model: settings.model,
            mode: settings.mode,
            effort: settings.effort,
            fresh: false,
        });
    }

    /// Model, effort and permissions as the program tells them, at the opening or later.
    pub(super) fn settled(&mut self, told: Option<&Value>, out: &mut Decoded) {
        let Some(told) = told else { return };
        let effort = str_at(told, &["effort"]).or_else(|| str_at(told, &["reasoningEffort"]));
        let sandbox = at(told, &["sandboxPolicy"]).or_else(|| at(told, &["sandbox"]));
        let when = at(told, &["approvalPolicy"]).unwrap_or(&Value::Null);
        let settings = &mut self.memory.settings;
        settings.model = string_at(told, &["model"]).or(settings.model.take());
        settings.effort = effort.map(ToOwned::to_owned);
        settings.mode = sandbox.and_then(|sandbox| mode::name(when, sandbox)).or(settings.mode.take());
        if self.memory.phase == Phase::Ready {
            let told = self.memory.settings.clone();
            out.push(Signal::Config { model: told.model, mode: told.mode, effort: told.effort });
        }
    }

    /// The provider serves another model than was asked for.
    pub(super) fn rerouted(&mut self, params: &Value, out: &mut Decoded) {
        let model = string_at(params, &["toModel"]);
        out.push(Signal::Config { model, mode: None, effort: None });
    }

    pub(super) fn titled(&mut self, params: &Value, out: &mut Decoded) {
        let title = string_at(params, &["threadName"]).filter(|title| !title.trim().is_empty());
        if title.is_some() && self.memory.title != title {
            self.memory.title.clone_from(&title);
            out.extend(title.map(Signal::Title));
        }
    }

    /// Whether a mode asks nobody and was not allowed to.
    pub(super) fn forbids(&self, mode: &str) -> bool {
        mode::asks_nobody(mode) && !self.record.allow_bypass
    }

    pub(super) fn fail(&mut self, error: AgentError, out: &mut Decoded) {
        self.memory.phase = Phase::Failed;
        out.push(Signal::HandshakeFailed(error));
    }
}

/// A line that the codec wants sent.
pub(super) fn raw(message: &Value) -> Signal {
    Signal::Send(Command::Raw(message.to_string()))
}

/// A request that the codec makes by itself.
pub(super) fn own(asked: Asked, method: &str, params: &Value) -> Signal {
    raw(&json!({"id": request_id(OWN, asked), "method": method, "params": params}))
}
