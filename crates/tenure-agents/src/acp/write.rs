//! All that we send: commands as lines.
//!
//! Writing changes nothing. What a line looks like depends on what the agent advertised
//! and on the conversation's id, both known from its output.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tenure_core::agent::{
    Answer, CodecError, Command, EncodeContext, Fork, FsAnswer, McpServerSpec, McpTransport, ResumeHow,
    TerminalAnswer, TerminalExit, input_uuid,
};
use tenure_event::Part;

use super::ask::write_outcome;
use super::content::write_prompt;
use super::form::write_form;
use super::id::{Asked, request_id, steer_id};
use super::settings::{Way, Which};
use super::two::name_by_urls;
use super::{AcpCodec, NAME};

type Written = Result<Vec<u8>, CodecError>;

impl AcpCodec {
    pub(super) fn write(&self, n: u64, command: &Command, context: &EncodeContext) -> Written {
        match command {
            Command::Hello => {
                let greeting = greeting(self.record.terminals, self.offers_two());
                Ok(request(n, Asked::Initialize, "initialize", &greeting))
            }
            Command::Open { how } => self.write_open(n, how, context),
            Command::Prompt { parts, .. } => {
                let params = json!({"sessionId": self.session("prompt")?, "prompt": self.prompt(parts)?});
                Ok(request(n, Asked::Prompt, "session/prompt", &params))
            }
            Command::Steer { input_id, attempt, parts } => {
                if !self.state.about.steering {
                    return Err(cannot("steer", "it does not advertise _meta.steering"));
                }
                let input = input_uuid(&self.record.session_id, input_id, *attempt).to_string();
                let prompt = self.blocks(parts)?;
                let params = json!({"sessionId": self.session("steer")?, "prompt": prompt});
                Ok(line(
                    &json!({"jsonrpc": "2.0", "id": steer_id(n, &input), "method": "_session/steering", "params": params}),
                ))
            }
            Command::Interrupt => {
                let params = json!({"sessionId": self.session("interrupt")?});
                Ok(line(&json!({"jsonrpc": "2.0", "method": "session/cancel", "params": params})))
            }
            Command::Answer(answer) => write_answer(answer),
            Command::SetModel(value) => self.write_setting(n, Which::Model, value),
            Command::SetMode(value) => self.write_setting(n, Which::Mode, value),
            Command::SetEffort(value) => self.write_setting(n, Which::Effort, value),
            Command::Compact { .. }
            | Command::Fork { .. }
            | Command::Rollback { .. }
            | Command::SetMcpServers { .. }
            | Command::ToggleMcp { .. }
            | Command::ReconnectMcp { .. }
            | Command::McpStatus
            | Command::StopTask { .. } => Err(CodecError::no_words(NAME, command)),
            Command::End => Ok(self.write_end(n)),
            Command::Raw(text) => Ok(raw_line(text)),
        }
    }

    /// Our conversation, as far as it is known.
    pub(super) fn conversation(&self) -> Option<&str> {
        self.state.native.as_deref().or_else(|| self.record.resume.continues())
    }

    /// The conversation was begun by this process.
    pub(super) fn is_new(&self) -> bool {
        !self.record.resume.has_past()
    }

    fn session(&self, verb: &'static str) -> Result<&str, CodecError> {
        self.state.native.as_deref().ok_or_else(|| cannot(verb, "the conversation is not open yet"))
    }

    fn write_open(&self, n: u64, how: &ResumeHow, context: &EncodeContext) -> Written {
        let about = &self.state.about;
        let (asked, method, native) = match how {
            ResumeHow::New | ResumeHow::NewAs(_) => (Asked::New, "session/new", None),
            // All of it: the protocol has no word for a point.
            ResumeHow::Fork(Fork { from, point: None, .. }) => (Asked::Fork, "session/fork", Some(from)),
            ResumeHow::Fork(_) | ResumeHow::Back(_) => {
                return Err(cannot("rewind", "the protocol has no word for a point of a conversation"));
            }
            ResumeHow::Resume(native) if about.resume => (Asked::Resume, "session/resume", Some(native)),
            ResumeHow::Resume(native) if about.load => (Asked::Load, "session/load", Some(native)),
            ResumeHow::Resume(_) => {
                return Err(cannot("resume", "it offers neither session/resume nor session/load"));
            }
        };
        let takes = |server: &&McpServerSpec| match server.transport {
            McpTransport::Stdio { .. } => !about.no_mcp_stdio,
            McpTransport::Http { .. } => about.mcp_http,
            McpTransport::Sse { .. } => about.mcp_sse,
        };
        let servers: Vec<Value> = self
            .record
            .servers()
            .filter(takes)
            .map(|server| write_server(server, about.two, context))
            .collect();
        let mut params = json!({"cwd": self.record.cwd, "mcpServers": servers});
        if let Some(native) = native {
            params["sessionId"] = json!(native);
        }
        if let Some(instructions) = self.instructions() {
            params["systemPrompt"] = instructions;
        }
        Ok(request(n, asked, method, &params))
    }

    /// Instructions for agents that take them at the opening.
    fn instructions(&self) -> Option<Value> {
        let append = self.record.append_instructions.as_deref();
        let texts = |list: &[Option<&str>]| -> Vec<Value> {
            list.iter().flatten().map(|text| json!({"type": "text", "text": text})).collect()
        };
        match self.record.replace_instructions.as_deref() {
            Some(instead) if self.state.about.instead => {
                Some(json!({"mode": "override", "content": texts(&[Some(instead), append])}))
            }
            _ if self.state.about.instructions && append.is_some() => {
                Some(json!({"mode": "append", "content": texts(&[append])}))
            }
            _ => None,
        }
    }

    /// A prompt. Agents that take no instructions at the opening get them with the first
    /// prompt of a conversation.
    fn prompt(&self, parts: &[Part]) -> Result<Vec<Value>, CodecError> {
        let mut blocks = self.blocks(parts)?;
        let first = self.is_new() && self.state.turns == 0 && !self.state.about.instructions;
        if let Some(text) = self.record.append_instructions.as_deref().filter(|_| first) {
            let text = format!("<instructions>\n{text}\n</instructions>");
            blocks.insert(0, json!({"type": "text", "text": text}));
        }
        Ok(blocks)
    }

    fn blocks(&self, parts: &[Part]) -> Result<Vec<Value>, CodecError> {
        let mut blocks = write_prompt(parts, self.state.about.accepts)?;
        if self.state.about.two {
            name_by_urls(&mut blocks, &self.record.cwd);
        }
        Ok(blocks)
    }

    fn write_setting(&self, n: u64, which: Which, value: &str) -> Written {
        let verb = match which {
            Which::Model => "set_model",
            Which::Mode => "set_mode",
            Which::Effort => "set_effort",
        };
        let session = self.session(verb)?;
        if which == Which::Mode && self.forbids(value) {
            return Err(cannot(verb, "this mode asks nobody and needs `allow_bypass`"));
        }
        match &self.state.settings.get(which).way {
            Way::Option(id) => {
                let mut params = json!({"sessionId": session, "configId": id, "value": value});
                if self.state.about.two {
                    params["type"] = json!("id");
                }
                Ok(request(n, Asked::SetOption, "session/set_config_option", &params))
            }
            Way::Method if which == Which::Mode => {
                let params = json!({"sessionId": session, "modeId": value});
                Ok(request(n, Asked::SetMode, "session/set_mode", &params))
            }
            Way::Method if which == Which::Model => {
                let params = json!({"sessionId": session, "modelId": value});
                Ok(request(n, Asked::SetModel, "session/set_model", &params))
            }
            Way::Method | Way::Nowhere => {
                Err(cannot(verb, &format!("it offers no {} to choose", which.name())))
            }
        }
    }

    /// Agents without `session/close` get nothing: ending the process is the host's.
    fn write_end(&self, n: u64) -> Vec<u8> {
        match &self.state.native {
            Some(native) if self.state.about.close => {
                request(n, Asked::Close, "session/close", &json!({"sessionId": native}))
            }
            _ => Vec::new(),
        }
    }
}

/// The greeting. With version 2 on offer it has the words of both: an agent that serves only version 1 reads those
/// that it knows, and answers so.
fn greeting(terminals: bool, two: bool) -> Value {
    let info = json!({"name": "tenure", "title": "Tenure", "version": env!("CARGO_PKG_VERSION")});
    let mut greeting = json!({
        "protocolVersion": 1,
        "clientCapabilities": {
            "fs": {"readTextFile": true, "writeTextFile": true},
            "terminal": terminals,
            "session": {"configOptions": {"boolean": {}}, "notices": {}, "compaction": {}},
            "elicitation": {"form": {}},
        },
        "clientInfo": info,
    });
    if two {
        greeting["protocolVersion"] = json!(2);
        greeting["capabilities"] = json!({"elicitation": {"form": {}}});
        greeting["info"] = info;
    }
    greeting
}

fn write_server(server: &McpServerSpec, two: bool, context: &EncodeContext) -> Value {
    let values = context.values_of(server).into_iter();
    let pairs: Vec<Value> = values.map(|(name, value)| json!({"name": name, "value": value})).collect();
    match &server.transport {
        McpTransport::Stdio { command, args, .. } => {
            let mut told = json!({"name": server.name, "command": command, "args": args, "env": pairs});
            if two {
                told["type"] = json!("stdio");
            }
            told
        }
        McpTransport::Http { url, .. } => {
            json!({"type": "http", "name": server.name, "url": url, "headers": pairs})
        }
        McpTransport::Sse { url, .. } => {
            json!({"type": "sse", "name": server.name, "url": url, "headers": pairs})
        }
    }
}

fn write_terminal(answer: &TerminalAnswer) -> Value {
    // Signals by their usual names; of others the number says enough.
    let exit = |exit: &TerminalExit| json!({"exitCode": exit.code, "signal": exit.signal.map(signal_name)});
    match answer {
        TerminalAnswer::Created { terminal_id } => json!({"terminalId": terminal_id}),
        TerminalAnswer::Output { text, truncated, exit: None } => {
            json!({"output": text, "truncated": truncated})
        }
        TerminalAnswer::Output { text, truncated, exit: Some(ended) } => {
            json!({"output": text, "truncated": truncated, "exitStatus": exit(ended)})
        }
        TerminalAnswer::Exited(ended) => exit(ended),
        TerminalAnswer::Done => json!({}),
    }
}

fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        3 => "SIGQUIT".to_owned(),
        6 => "SIGABRT".to_owned(),
        9 => "SIGKILL".to_owned(),
        11 => "SIGSEGV".to_owned(),
        13 => "SIGPIPE".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => other.to_string(),
    }
}

fn write_answer(answer: &Answer) -> Written {
    let (token, member, body) = match answer {
        Answer::Ask(answer) if answer.keep.get("form").is_some() => {
            (&answer.token, "result", write_form(answer))
        }
        Answer::Ask(answer) => (&answer.token, "result", write_outcome(answer)),
        Answer::Fs { token, answer } => match answer {
            FsAnswer::Read(text) => (token, "result", json!({"content": text})),
            FsAnswer::Written => (token, "result", json!({})),
            FsAnswer::Terminal(answer) => (token, "result", write_terminal(answer)),
            FsAnswer::Error(error) => {
                let code = match error.code.as_str() {
                    "not_found" => -32002,
                    "invalid" => -32602,
                    _ => -32603,
                };
                (token, "error", json!({"code": code, "message": error.message, "data": error.data}))
            }
        },
        Answer::Unknown { token, method } => {
            let message = format!("Method not found: {method} is not served by this client");
            (token, "error", json!({"code": -32601, "message": message, "data": {"method": method}}))
        }
    };
    // The agent's id goes back exactly as it came.
    let id = RawValue::from_string(token.clone())
        .map_err(|_| cannot("answer", "the id of its request is not JSON"))?;
    let mut text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"{member}\":{body}}}", id.get());
    text.push('\n');
    Ok(text.into_bytes())
}

fn request(n: u64, asked: Asked, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({"jsonrpc": "2.0", "id": request_id(n, asked), "method": method, "params": params}))
}

fn line(message: &Value) -> Vec<u8> {
    raw_line(&message.to_string())
}

fn raw_line(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(b'\n');
    bytes
}

fn cannot(verb: &'static str, why: &str) -> CodecError {
    CodecError::Unsupported { agent: NAME, verb, why: why.to_owned() }
}
