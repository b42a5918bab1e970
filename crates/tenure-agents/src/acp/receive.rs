//! What the agent answers, asks and tells, by method.

use serde_json::Value;
use tenure_core::agent::{AgentError, AgentRequest, Answer, Command, Decoded, Signal, TerminalRequest};
use tenure_event::AccountInfo;

use super::AcpCodec;
use super::fault::{fault, read_error};
use super::id::{Answered, Asked, read_id};
use super::state::Phase;
use crate::json::{at, raw_member, str_at, string_at, u64_at};
use crate::rpc::{Peer, native};

impl Peer for AcpCodec {
    fn seen(&mut self) -> &mut Option<u64> {
        &mut self.state.seen
    }

    fn read_again(&mut self, offset: u64, value: &Value) {
        self.gather_again(offset, value);
    }

    fn answer(&mut self, _offset: u64, value: Value, out: &mut Decoded) {
        let Some(answered) = value.get("id").and_then(read_id) else {
            return out.push(native("unknown", value));
        };
        let outcome = match at(&value, &["error"]) {
            Some(error) => Err(read_error(error)),
            None => Ok(value.get("result").unwrap_or(&Value::Null)),
        };
        let Answered { n, asked, native_input } = answered;
        let handshake = !matches!(asked, Asked::Prompt | Asked::Steer | Asked::Close);
        let first = n > self.state.answered;
        match (asked, self.state.phase) {
            (Asked::Initialize, Phase::Greeting) => self.greeted(outcome, out),
            (Asked::New | Asked::Load | Asked::Resume | Asked::Fork, Phase::Opening) if first => {
                self.opened(asked, outcome, out)
            }
            (Asked::SetMode | Asked::SetOption | Asked::SetModel, Phase::Setting(which)) if first => {
                self.set(which, outcome, out);
            }
            (Asked::SetMode | Asked::SetOption | Asked::SetModel, Phase::Ready) => {
                self.configured(n, outcome, out)
            }
            (Asked::Prompt, _) if self.state.about.two => self.accepted(n, outcome, out),
            (Asked::Prompt, _) => self.turn_ended(Some(n), outcome, out),
            (Asked::Steer, _) => steered(n, native_input.unwrap_or_default(), outcome, out),
            (Asked::Close, _) => out.push(Signal::Answered { n, result: outcome.cloned() }),
            _ => return out.push(native("late", value)),
        }
        if handshake {
            self.state.answered = self.state.answered.max(n);
        }
    }

    fn request(&mut self, offset: u64, method: &str, token: String, value: &Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        let path = || string_at(params, &["path"]);
        let small =
            |key: &str| u64_at(params, &[key]).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let request = match method {
            "session/request_permission" => return self.permission(offset, token, params, out),
            "elicitation/create" => return self.elicitation(token, params, out),
            "fs/read_text_file" => {
                path().map(|path| AgentRequest::FsRead { path, line: small("line"), limit: small("limit") })
            }
            "fs/write_text_file" => match (path(), string_at(params, &["content"])) {
                (Some(path), Some(content)) => Some(AgentRequest::FsWrite { path, content }),
                _ => None,
            },
            // Only where they were offered.
            _ if self.record.terminals => terminal(method, params).map(AgentRequest::Terminal),
            _ => None,
        };
        out.push(match request {
            Some(request) => Signal::Request { token, request },
            None => Signal::Send(Command::Answer(Answer::Unknown { token, method: method.to_owned() })),
        });
    }

    fn notification(&mut self, offset: u64, method: &str, line: &[u8], value: Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        match method {
            "session/update" => self.session_update(offset, value, out),
            "$/cancel_request" if at(params, &["requestId"]).is_some() => {
                out.push(Signal::AskWithdrawn { token: raw_member(line, &["params", "requestId"]) });
            }
            "_auth/status_update" | "auth/status_update" => {
                let kind = string_at(params, &["authStatus", "kind"]);
                let key = string_at(params, &["authStatus", "detail"]);
                let account = AccountInfo { token_source: kind, key_source: key, ..AccountInfo::default() };
                self.state.account = Some(account);
                self.tell_capabilities(out);
            }
            _ => out.push(native(method, value)),
        }
    }
}

impl AcpCodec {
    /// A setting that was set after the handshake.
    fn configured(&mut self, n: u64, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        if let Ok(answer) = &outcome {
            self.options_changed(answer, out);
        }
        out.push(Signal::Answered { n, result: outcome.cloned() });
    }

    /// Tells clients again what the agent can do, once they were told the first time.
    pub(super) fn tell_capabilities(&self, out: &mut Decoded) {
        if self.state.phase == Phase::Ready {
            out.push(Signal::Capabilities(self.capabilities()));
        }
    }
}

/// A request about a command, if its parameters say what they must.
fn terminal(method: &str, params: &Value) -> Option<TerminalRequest> {
    let terminal_id = || string_at(params, &["terminalId"]);
    Some(match method {
        "terminal/create" => {
            let list = |key: &str| params.get(key).and_then(Value::as_array).into_iter().flatten();
            let variable = |pair: &Value| Some((string_at(pair, &["name"])?, string_at(pair, &["value"])?));
            TerminalRequest::Create {
                command: string_at(params, &["command"])?,
                args: list("args").filter_map(|arg| arg.as_str().map(str::to_owned)).collect(),
                env: list("env").filter_map(variable).collect(),
                cwd: string_at(params, &["cwd"]),
                keep_bytes: u64_at(params, &["outputByteLimit"]),
            }
        }
        "terminal/output" => TerminalRequest::Output { terminal_id: terminal_id()? },
        "terminal/wait_for_exit" => TerminalRequest::Wait { terminal_id: terminal_id()? },
        "terminal/kill" => TerminalRequest::Kill { terminal_id: terminal_id()? },
        "terminal/release" => TerminalRequest::Release { terminal_id: terminal_id()? },
        _ => return None,
    })
}

fn steered(n: u64, native_input: String, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
    let word = outcome.map(|answer| str_at(answer, &["outcome"]).unwrap_or("nothing").to_owned());
    out.push(match word {
        Ok(word) if word == "injected" => Signal::InputTaken { native_input },
        Ok(word) => Signal::SteerRefused {
            n,
            error: fault("agent_error", format!("the agent answered `{word}` to the steer")),
        },
        Err(error) => Signal::SteerRefused { n, error },
    });
}
