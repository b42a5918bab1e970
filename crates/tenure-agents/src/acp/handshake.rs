//! From the greeting to the first prompt: initialize, open a conversation, set what the
//! start record asks for, ready.
//!
//! An error on this way fails the handshake: what was asked for by name is never dropped
//! in silence. Tool servers are the exception, they are warned of.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Command, Decoded, McpTransport, ResumeHow, Signal};
use tenure_event::{McpServer, McpStatus};

use super::AcpCodec;
use super::agent::{About, Family};
use super::capability::read_commands;
use super::fault::{auth_required, fault};
use super::id::Asked;
use super::settings::{Way, Which};
use super::state::Phase;
use crate::catalog::Preset;
use crate::json::{at, string_at};

impl AcpCodec {
    /// `initialize` was answered.
    pub(super) fn greeted(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let answer = match outcome {
            Ok(answer) => answer,
            // An older release of a program that speaks version 2 today.
            Err(_) if self.offers_two() => {
                self.state.declined = true;
                return out.push(Signal::Send(Command::Hello));
            }
            Err(error) => return self.fail(error, out),
        };
        self.state.about = About::read(answer, self.record.preset.as_deref());
        let about = &self.state.about;
        let called = about.called(self.record.preset.as_deref()).to_owned();
        if about.two && !about.resume {
            return self.fail(fault("unsupported", format!("{called} serves no sessions over ACP")), out);
        }
        if matches!(self.record.resume, ResumeHow::Fork(_)) && !about.fork {
            let why = format!("{called} cannot copy a conversation: it does not offer session/fork");
            return self.fail(fault("unsupported", why), out);
        }
        if self.record.resume.continues().is_some() && !about.load && !about.resume {
            let why = format!(
                "{called} cannot continue a conversation: it offers neither session/resume nor session/load"
            );
            return self.fail(fault("resume_failed", why), out);
        }
        if self.record.replace_instructions.is_some() && !about.instead {
            let why = format!("{called} cannot replace its instructions; append to them instead");
            let data = Some(json!({"capability": "instructions_replace"}));
            return self.fail(AgentError { data, ..fault("unsupported", why) }, out);
        }
        let mut left_out = Vec::new();
        for server in self.record.servers() {
            let lacks = match server.transport {
                McpTransport::Stdio { .. } => about.no_mcp_stdio.then_some("stdio"),
                McpTransport::Http { .. } => (!about.mcp_http).then_some("http"),
                McpTransport::Sse { .. } => (!about.mcp_sse).then_some("sse"),
            };
            if let Some(kind) = lacks {
                let message = format!("{called} takes no {kind} tool servers: `{}` is left out", server.name);
                left_out.push(McpServer {
                    name: server.name.clone(),
                    kind: Some(kind.to_owned()),
                    status: McpStatus::Failed,
                    error: Some(message.clone()),
                    server_info: None,
                    scope: None,
                    tools: Vec::new(),
                });
                out.push(Signal::Warning { code: "mcp_unsupported".to_owned(), message });
            }
        }
        // Of the others nothing will be told.
        if !left_out.is_empty() {
            out.push(Signal::Mcp(left_out));
        }
        self.state.phase = Phase::Opening;
        out.push(Signal::Send(Command::Open { how: self.record.resume.clone() }));
    }

    /// Whether version 2 is offered: to the programs that are known to serve it, because it is a draft, and
    /// not to one that refused it.
    pub(super) fn offers_two(&self) -> bool {
        let preset = self.record.preset.as_deref().and_then(Preset::find);
        preset.is_some_and(|preset| preset.acp_two) && !self.state.declined
    }

    /// new, load or resume was answered.
    pub(super) fn opened(&mut self, asked: Asked, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.not_opened(error, out),
        };
        let known = self.record.resume.continues().map(ToOwned::to_owned);
        let native = known.or_else(|| string_at(answer, &["sessionId"]));
        let Some(native) = native else {
            return self
                .fail(fault("agent_error", "the agent opened a conversation and gave no id for it"), out);
        };
        self.state.late_replay = asked == Asked::Load && self.state.about.family == Family::Gemini;
        if !self.state.late_replay {
            self.close_all(false, out);
        }
        self.state.native = Some(native.clone());
        self.state.settings.read_session(answer);
        if at(answer, &["availableCommands"]).is_some() {
            self.state.commands = read_commands(answer);
        }
        out.push(Signal::NativeId(native));
        self.set_next(Some(Which::Model), out);
    }

    fn not_opened(&mut self, error: AgentError, out: &mut Decoded) {
        let resumes = self.record.resume.has_past();
        self.close_all(true, out);
        if resumes && error.code != "auth_required" {
            let message = format!("the agent could not continue the conversation: {}", error.message);
            return self
                .fail(AgentError { code: "resume_failed".to_owned(), message, data: error.data }, out);
        }
        self.fail(error, out);
    }

    /// A setting was answered. Answers to anything but the setting under way come late.
    pub(super) fn set(&mut self, which: Which, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        match outcome {
            Ok(answer) => {
                let wanted = self.wanted(which).map(ToOwned::to_owned);
                self.state.settings.get_mut(which).current = wanted;
                self.state.settings.read_options(answer);
                self.set_next(after(which), out);
            }
            Err(error) => {
                let wanted = self.wanted(which).unwrap_or_default();
                let message = format!("the agent refused the {} `{wanted}`: {}", which.name(), error.message);
                self.fail(AgentError { code: "invalid".to_owned(), message, data: error.data }, out);
            }
        }
    }

    /// Sets the next thing that differs from what is wanted; after the last: ready.
    fn set_next(&mut self, mut next: Option<Which>, out: &mut Decoded) {
        while let Some(which) = next {
            let setting = self.state.settings.get(which);
            match self.wanted(which) {
                Some(wanted) if which == Which::Mode && self.forbids(wanted) => {
                    let why = format!("the mode `{wanted}` asks nobody; it needs `allow_bypass`");
                    return self.fail(fault("forbidden", why), out);
                }
                Some(wanted) if setting.current.as_deref() != Some(wanted) => {
                    if setting.way == Way::Nowhere {
                        let why = format!(
                            "the agent offers no {} to choose, so `{wanted}` cannot be used",
                            which.name()
                        );
                        return self.fail(fault("unsupported", why), out);
                    }
                    out.push(Signal::Send(match which {
                        Which::Model => Command::SetModel(wanted.to_owned()),
                        Which::Mode => Command::SetMode(wanted.to_owned()),
                        Which::Effort => Command::SetEffort(wanted.to_owned()),
                    }));
                    self.state.phase = Phase::Setting(which);
                    return;
                }
                _ => next = after(which),
            }
        }
        self.state.phase = Phase::Ready;
        self.warn_of_bypass(out);
        let settings = &self.state.settings;
        out.push(Signal::Ready {
            agent_info: self.agent_info(),
            capabilities: self.capabilities(),
            model: settings.model.current.clone(),
            mode: settings.mode.current.clone(),
            effort: settings.effort.current.clone(),
            fresh: false,
        });
    }

    /// A program that the user set up so works on, but not unseen.
    fn warn_of_bypass(&self, out: &mut Decoded) {
        if let Some(mode) = self.state.settings.mode.current.as_deref().filter(|mode| self.forbids(mode)) {
            out.push(Signal::Warning {
                code: "mode_asks_nobody".to_owned(),
                message: format!("the agent's own settings put it in mode `{mode}`, in which it asks nobody; choose another mode to be asked"),
            });
        }
    }

    fn wanted(&self, which: Which) -> Option<&str> {
        match which {
            Which::Model => self.record.model.as_deref(),
            Which::Mode => self.record.mode.as_deref(),
            Which::Effort => self.record.effort.as_deref(),
        }
    }

    fn fail(&mut self, error: AgentError, out: &mut Decoded) {
        self.state.phase = Phase::Failed;
        let error = if error.code == "auth_required" {
            let login = self.record.preset.as_deref().and_then(Preset::find).map(|preset| preset.login);
            auth_required(error, self.state.about.auth_methods(), login)
        } else {
            error
        };
        out.push(Signal::HandshakeFailed(error));
    }
}

fn after(which: Which) -> Option<Which> {
    match which {
        // The efforts depend on the model.
        Which::Model => Some(Which::Mode),
        Which::Mode => Some(Which::Effort),
        Which::Effort => None,
    }
}
