//! All that we send: commands as lines. Writing changes nothing; what a line looks like
//! depends on the thread and the turn, both known from the program's output.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tenure_core::agent::{Answer, Back, CodecError, Command, EncodeContext, Fork, ResumeHow, input_uuid};
use tenure_event::{InputId, Part};

use super::capability::NO_COMPACT_WORDS;
use super::id::{Asked, reload_id, request_id, steer_id};
use super::input::write_input;
use super::{CodexCodec, NAME, answer, mode, servers};

type Written = Result<Vec<u8>, CodecError>;

impl CodexCodec {
    pub(super) fn write(&self, n: u64, command: &Command, context: &EncodeContext) -> Written {
        let ask = |asked, method: &str, params: Value| request(&request_id(n, asked), method, params);
        let thread = || self.thread(command);
        Ok(match command {
            Command::Hello => ask(Asked::Initialize, "initialize", greeting()),
            Command::Open { how: ResumeHow::Resume(thread) } => {
                let mut params = self.opening(context);
                params.insert("threadId".to_owned(), json!(thread));
                params.insert("excludeTurns".to_owned(), json!(true));
                ask(Asked::Resume, "thread/resume", Value::Object(params))
            }
            Command::Open { how: ResumeHow::Back(Back { id, .. }) } => {
                return self.write(n, &Command::Open { how: ResumeHow::Resume(id.clone()) }, context);
            }
            Command::Open { how: ResumeHow::Fork(Fork { from, point, .. }) } => {
                let mut params = self.opening(context);
                params.insert("threadId".to_owned(), json!(from));
                params.insert("excludeTurns".to_owned(), json!(true));
                if point.is_some() {
                    params.insert("lastTurnId".to_owned(), json!(self.memory.kept));
                }
                ask(Asked::Fork, "thread/fork", Value::Object(params))
            }
            Command::Open { .. } => ask(Asked::Start, "thread/start", Value::Object(self.opening(context))),
            Command::Prompt { input_id, attempt, parts } => {
                let params = self.turn_params(thread()?, input_id, *attempt, parts);
                ask(Asked::Turn, "turn/start", params)
            }
            Command::Steer { input_id, attempt, parts } => {
                let mut params = self.turn_params(thread()?, input_id, *attempt, parts);
                params["expectedTurnId"] = json!(self.memory.running());
                let native = input_uuid(&self.record.session_id, input_id, *attempt).to_string();
                request(&steer_id(n, &native), "turn/steer", params)
            }
            Command::Interrupt => {
                let params = json!({"threadId": thread()?, "turnId": self.memory.running()});
                ask(Asked::Interrupt, "turn/interrupt", params)
            }
            Command::ReconnectMcp { name } => {
                request(&reload_id(n, name), "config/mcpServer/reload", json!({}))
            }
            Command::Answer(answer) => return write_answer(answer),
            // Closing its input ends it.
            Command::End => Vec::new(),
            Command::Raw(text) => raw_line(text.trim_end_matches(['\n', '\r'])),
            verb => {
                let (asked, method, mut params) = self.verb(verb)?;
                params["threadId"] = json!(thread()?);
                ask(asked, method, params)
            }
        })
    }

    /// Verbs that say no more than the thread and a few words.
    fn verb(&self, command: &Command) -> Result<(Asked, &'static str, Value), CodecError> {
        let setting = |params| (Asked::Settings, "thread/settings/update", params);
        Ok(match command {
            Command::SetModel(model) => setting(json!({ "model": model })),
            Command::SetEffort(effort) => setting(json!({ "effort": effort })),
            Command::SetMode(mode) => setting(self.mode_params(mode)?),
            Command::Compact { instructions: None } => (Asked::Compact, "thread/compact/start", json!({})),
            Command::Compact { instructions: Some(_) } => return Err(cannot(command, NO_COMPACT_WORDS)),
            Command::Fork { through } => {
                let through = through.as_deref().map(|id| self.memory.turn_of(id));
                (Asked::Fork, "thread/fork", json!({"lastTurnId": through, "excludeTurns": true}))
            }
            Command::Rollback { before } => {
                (Asked::Revert, "thread/revert", json!({"beforeTurnId": self.memory.turn_of(before)}))
            }
            Command::StopTask { task_id } => {
                let process = self.process_of(task_id).ok_or_else(|| cannot(command, "no such task runs"))?;
                (Asked::Stop, "thread/backgroundTerminals/terminate", json!({ "processId": process }))
            }
            Command::McpStatus => (Asked::Servers, "mcpServerStatus/list", servers::list()),
            other => return Err(CodecError::no_words(NAME, other)),
        })
    }

    fn thread(&self, command: &Command) -> Result<&str, CodecError> {
        self.memory.thread.as_deref().ok_or_else(|| cannot(command, "the thread is not open yet"))
    }

    /// What a thread is opened with, new or old.
    fn opening(&self, context: &EncodeContext) -> Map<String, Value> {
        let record = &self.record;
        let mut params = Map::from_iter([
            ("cwd".to_owned(), json!(record.cwd)),
            // Else a model may be asked in a person's place.
            ("approvalsReviewer".to_owned(), json!("user")),
        ]);
        let mut set = |key: &str, value: Option<Value>| {
            params.extend(value.map(|value| (key.to_owned(), value)));
        };
        set("model", record.model.as_ref().map(|model| json!(model)));
        let mode = record.mode.as_deref().filter(|mode| !self.forbids(mode)).and_then(mode::read);
        set("approvalPolicy", mode.map(|(when, _)| json!(when)));
        set("sandbox", mode.map(|(_, sandbox)| json!(sandbox)));
        set("developerInstructions", record.append_instructions.as_ref().map(|text| json!(text)));
        set("baseInstructions", record.replace_instructions.as_ref().map(|text| json!(text)));
        set("config", self.config(context));
        params
    }

    /// Settings that have no place of their own in the opening.
    fn config(&self, context: &EncodeContext) -> Option<Value> {
        let record = &self.record;
        let mut config = Map::new();
        config.extend(
            record.effort.as_ref().map(|effort| ("model_reasoning_effort".to_owned(), json!(effort))),
        );
        config.extend(self.server_settings(context).map(|servers| ("mcp_servers".to_owned(), servers)));
        if record.project_trusted {
            let trusted = json!({&record.cwd: {"trust_level": "trusted"}});
            config.insert("projects".to_owned(), trusted);
        }
        (!config.is_empty()).then_some(Value::Object(config))
    }

    fn turn_params(&self, thread: &str, input: &InputId, attempt: u32, parts: &[Part]) -> Value {
        let native = input_uuid(&self.record.session_id, input, attempt).to_string();
        json!({"threadId": thread, "clientUserMessageId": native, "input": write_input(parts)})
    }

    fn mode_params(&self, mode: &str) -> Result<Value, CodecError> {
        let refused = |why: String| CodecError::Unsupported { agent: NAME, verb: "set_mode", why };
        if self.forbids(mode) {
            return Err(refused(format!("the mode `{mode}` asks nobody and needs `allow_bypass`")));
        }
        let (when, sandbox) = mode::read(mode).ok_or_else(|| {
            refused(format!("it has no mode `{mode}`; take read-only, workspace-write, ask or full-access"))
        })?;
        Ok(json!({"approvalPolicy": when, "sandboxPolicy": mode::policy(sandbox)}))
    }
}

fn greeting() -> Value {
    json!({
        "clientInfo": {"name": "tenure", "title": "Tenure", "version": env!("CARGO_PKG_VERSION")},
        // Settings that change live, the last turns, and background commands are behind it.
        "capabilities": {"experimentalApi": true, "requestAttestation": false},
    })
}

fn write_answer(answer: &Answer) -> Written {
    let (token, member, body) = match answer {
        Answer::Ask(ask) => (&ask.token, "result", answer::result(ask)),
        Answer::Unknown { token, method } => {
            let message = format!("{method} is not served by this client");
            (token, "error", json!({"code": -32601, "message": message}))
        }
        Answer::Fs { .. } => {
            let why = "it reads and writes files itself".to_owned();
            return Err(CodecError::Unsupported { agent: NAME, verb: "files", why });
        }
    };
    // The program's id goes back exactly as it came.
    let id = RawValue::from_string(token.clone()).map_err(|_| CodecError::Unsupported {
        agent: NAME,
        verb: "answer",
        why: "the id of its request is not JSON".to_owned(),
    })?;
    Ok(raw_line(&format!("{{\"id\":{},\"{member}\":{body}}}", id.get())))
}

fn request(id: &str, method: &str, params: Value) -> Vec<u8> {
    raw_line(&json!({"id": id, "method": method, "params": params}).to_string())
}

fn raw_line(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(b'\n');
    bytes
}

fn cannot(command: &Command, why: &str) -> CodecError {
    CodecError::Unsupported { agent: NAME, verb: command.verb(), why: why.to_owned() }
}
