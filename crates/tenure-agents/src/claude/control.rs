//! The control protocol as the program speaks it: answers to what was asked of it, and
//! requests of its own.

use serde_json::Value;
use tenure_core::agent::LineMark;
use tenure_core::agent::{AgentError, Answer, Command, ResumeHow, Signal, TurnVerdict};

use super::{
    ClaudeCodec, ask, field, handshake,
    memory::error,
    turn,
    write::{self, Asked},
};

impl ClaudeCodec {
    /// Reads a `control_request`.
    pub(super) fn control_request(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let (Some(id), Some(request)) = (frame.get("request_id"), frame.get("request")) else {
            return out.push(native("control_request", frame));
        };
        let token = id.to_string();
        let subtype = field::id(request, "subtype").unwrap_or("unknown");
        let path = field::id(request, "agent_id").map(|id| self.memory.path_to(id)).unwrap_or_default();
        match subtype {
            "can_use_tool" => {
                let called = field::id(request, "tool_use_id")
                    .and_then(|id| self.memory.calls.iter().find(|call| call.tool_id == id))
                    .and_then(|call| field::text(&call.input, "plan"));
                let plan = called.or(self.memory.plan.as_deref());
                out.push(Signal::Ask(ask::permission(&self.record, &token, request, plan, &path)));
            }
            "elicitation" => out.push(Signal::Ask(ask::elicitation(&token, request, &path))),
            // The program takes any answer to a kind of dialog that was not declared amiss.
            "request_user_dialog" => out.push(native("control_request/request_user_dialog", frame)),
            _ => {
                let method = subtype.to_owned();
                out.push(native(&format!("control_request/{subtype}"), frame));
                out.push(Signal::Send(Command::Answer(Answer::Unknown { token, method })));
            }
        }
    }

    /// Reads a `control_cancel_request`.
    pub(super) fn control_cancel(frame: &Value, out: &mut Vec<Signal>) {
        match frame.get("request_id") {
            Some(id) => out.push(Signal::AskWithdrawn { token: id.to_string() }),
            None => out.push(native("control_cancel_request", frame)),
        }
    }

    /// Reads a `control_response`.
    pub(super) fn control_response(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let known = frame.get("response").and_then(|response| {
            let id = field::id(response, "request_id")?;
            Some((response, write::read_request_id(id)?))
        });
        let Some((response, (n, asked))) = known else {
            return out.push(native("control_response", frame));
        };
        let result = match field::text(response, "subtype") {
            Some("success") => Ok(response.get("response").cloned().unwrap_or_default()),
            _ => Err(refusal(response)),
        };
        match asked {
            Asked::Initialize => self.initialized(result, out),
            Asked::Servers => self.servers_set(result, out),
            Asked::Status => self.servers_stand(n, result, out),
            Asked::ServersAgain | Asked::Toggle | Asked::Reconnect => self.servers_changed(n, result, out),
            Asked::Interrupt | Asked::End | Asked::StopTask => out.push(Signal::Answered { n, result }),
            Asked::Model | Asked::Mode | Asked::Effort(_) => {
                if let Ok(answer) = &result {
                    self.configured(&asked, answer, out);
                }
                out.push(Signal::Answered { n, result });
            }
        }
    }

    fn configured(&mut self, asked: &Asked, answer: &Value, out: &mut Vec<Signal>) {
        let (mut model, mut mode, mut effort) = (None, None, None);
        match asked {
            Asked::Model => model = field::id(answer, "model").map(str::to_owned),
            Asked::Mode => mode = field::id(answer, "mode").map(str::to_owned),
            Asked::Effort(wanted) => effort = Some(wanted.clone()),
            _ => {}
        }
        if model.is_some() {
            self.memory.model.clone_from(&model);
        }
        if mode.is_some() {
            self.memory.mode.clone_from(&mode);
        }
        if model.is_some() || mode.is_some() || effort.is_some() {
            out.push(Signal::Config { model, mode, effort });
        }
    }

    fn initialized(&mut self, result: Result<Value, AgentError>, out: &mut Vec<Signal>) {
        if self.memory.ready {
            return;
        }
        match result {
            Ok(answer) => {
                self.memory.initialized = Some(crate::json::told(&answer));
                self.ready_if_done(out);
            }
            Err(error) => out.push(Signal::HandshakeFailed(error)),
        }
    }

    /// A result before the handshake is over: the program could not take up the conversation
    /// that it was started with, and ends.
    pub(super) fn of_no_use(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let end = turn::end(&self.record, &mut self.memory, frame);
        let mut failure = match end.verdict {
            TurnVerdict::Failed(failure) => failure,
            _ => error("agent_error", "The program ended a turn before any had begun.", None),
        };
        if self.record.resume.has_past() && failure.code == "agent_error" {
            "resume_failed".clone_into(&mut failure.code);
        }
        out.push(Signal::HandshakeFailed(failure));
    }

    /// The handshake is over once `initialize` is answered and the tool servers are set: a
    /// prompt that came sooner would not find their tools.
    pub(super) fn ready_if_done(&mut self, out: &mut Vec<Signal>) {
        if self.memory.ready || self.memory.servers_pending {
            return;
        }
        let Some(answer) = self.memory.initialized.take() else { return };
        self.memory.ready = true;
        self.memory.model = handshake::model_in_force(&self.record, &answer);
        self.memory.mode = handshake::mode_in_force(&self.record, &answer);
        // A process that could not take up the id it was started with ends without a word,
        // so this answer confirms it.
        let id = match &self.record.resume {
            ResumeHow::NewAs(id) => Some(id.as_str()),
            ResumeHow::Fork(fork) => fork.chosen.as_deref(),
            how => how.continues(),
        };
        if let (Some(id), None) = (id, &self.memory.native_id) {
            self.memory.native_id = Some(id.to_owned());
            out.push(Signal::NativeId(id.to_owned()));
        }
        if self.record.resume.point().is_some() {
            // Its file says so only once something was said from there.
            out.push(Signal::AtPoint { lasting: false });
        }
        out.push(Signal::Ready {
            agent_info: handshake::agent_info(&answer),
            capabilities: handshake::capabilities(&self.record, &answer),
            model: self.memory.model.clone(),
            mode: self.memory.mode.clone(),
            effort: self.record.effort.clone(),
            fresh: false,
        });
    }
}

/// A frame that has no word here.
pub(super) fn native(kind: &str, frame: &Value) -> Signal {
    Signal::Native { kind: field::clip(kind, 200), value: Some(frame.clone()), at: LineMark::default() }
}

fn refusal(response: &Value) -> AgentError {
    let message = field::text(response, "error").unwrap_or("The program refused and did not say why.");
    let word = field::id(response, "error_code");
    let code = match word {
        Some("unsupported_request") => "unsupported",
        Some("bypass_not_launched" | "invalid_mode") => "invalid",
        _ => "agent_error",
    };
    let data = word.map(|word| serde_json::json!({"error_code": word}));
    error(code, &field::clip(message, 4000), data)
}
