//! Answers to our commands. What was asked stands in their ids.

use serde_json::Value;
use tenure_core::agent::{AgentError, Command, Signal};

use super::id::{self, Asked};
use super::memory::{Model, error};
use super::{PiCodec, field, native, run, write};

impl PiCodec {
    /// Reads a `response`.
    pub(super) fn response(&mut self, offset: u64, frame: &Value, out: &mut Vec<Signal>) {
        let Some((n, asked)) = field::id(frame, "id").and_then(id::read) else {
            let command = field::id(frame, "command").unwrap_or("unknown");
            return out.push(native(&format!("response/{command}"), frame));
        };
        let empty = Value::Null;
        let result = match frame.get("success").and_then(Value::as_bool) {
            Some(true) => Ok(frame.get("data").unwrap_or(&empty)),
            _ => Err(refusal(frame)),
        };
        match asked {
            Asked::State => self.state_told(result, out),
            Asked::Models => self.memory.told.models = self.handshake_part(result),
            Asked::Levels => self.memory.told.levels = self.handshake_part(result),
            Asked::Messages => self.said_before(offset, result, out),
            Asked::Commands => self.ready_now(result, out),
            Asked::Entries => self.entries_told(result, out),
            Asked::Leave => self.left(result, out),
            Asked::Prompt => self.prompt_answered(n, result, out),
            Asked::Began => self.prompt_began(n, result, out),
            Asked::Steer(native) => self.steer_answered(n, native, result, out),
            Asked::Clear => self.cleared(result.ok(), out),
            Asked::Abort => self.aborted(n, result, out),
            Asked::Model => {
                if let Ok(model) = result {
                    self.model_is(model, out);
                }
                out.push(answered(n, result));
            }
            Asked::Effort => {
                // One that the model does not have is answered like any other, and another one is in force.
                let effort = self.memory.effort.clone().filter(|_| result.is_ok());
                out.extend(effort.map(|effort| Signal::Config {
                    model: None,
                    mode: None,
                    effort: Some(effort),
                }));
                out.push(answered(n, result));
            }
            Asked::Compact => out.push(answered(n, result)),
            Asked::Clone => self.cloned(n, result, out),
            Asked::Copy => self.copy_told(n, result, out),
            Asked::Back(copy) => self.back(n, &copy, result, out),
        }
    }

    fn prompt_answered(&mut self, n: u64, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        let data = match result {
            Ok(data) => data,
            Err(mut failure) => {
                run::code_of_refusal(&mut failure);
                return out.push(run::refused(n, failure));
            }
        };
        let disposition = field::text(data, "disposition");
        if disposition == Some("handled") {
            return out.push(run::handled(n));
        }
        self.memory.prompt = Some(n);
        self.memory.heard_prompt = false;
        if n < self.memory.aborted {
            // The interrupt overtook the prompt, and found nothing to end.
            out.push(Signal::Send(Command::Raw(write::own_line(0, &Asked::Abort, "abort"))));
        }
        if disposition.is_none() && !self.memory.running {
            // Older versions do not say whether anything will run.
            out.push(Signal::Send(Command::Raw(write::own_line(n, &Asked::Began, "get_state"))));
        }
    }

    fn prompt_began(&mut self, n: u64, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        let works = result.is_ok_and(|data| field::flag(data, "isStreaming"));
        if self.memory.prompt == Some(n) && !self.memory.running && !works {
            self.memory.prompt = None;
            out.push(run::handled(n));
        }
    }

    fn aborted(&mut self, n: u64, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        if n == 0 {
            return;
        }
        self.memory.aborted = self.memory.aborted.max(n);
        out.push(answered(n, result));
    }

    /// The model in use, as the program describes it.
    pub(super) fn model_is(&mut self, described: &Value, out: &mut Vec<Signal>) {
        let Some(model) = read_model(described) else { return };
        if self.memory.model.as_ref() != Some(&model) {
            let model_name = Some(model.name());
            self.memory.model = Some(model);
            out.push(Signal::Config { model: model_name, mode: None, effort: None });
        }
    }
}

/// The model that the program describes so.
pub(super) fn read_model(described: &Value) -> Option<Model> {
    Some(Model {
        provider: field::id(described, "provider")?.to_owned(),
        id: field::id(described, "id")?.to_owned(),
        window: field::count(described, "contextWindow").filter(|window| *window > 0),
    })
}

fn answered(n: u64, result: Result<&Value, AgentError>) -> Signal {
    Signal::Answered { n, result: result.cloned() }
}

fn refusal(frame: &Value) -> AgentError {
    let message = field::text(frame, "error").unwrap_or("Pi refused and did not say why.");
    error("agent_error", &field::clip(message, 4000), None)
}
