//! Tests of the codec: recordings of the real program, rules by table, and restarts at
//! every line. This file holds what they share.

mod asks;
mod noise;
mod recordings;
mod restart;
mod rules;
mod wire;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Command, EncodeContext, ResumeHow, Signal, StartRecord};
use tenure_event::{InputId, Part, PartBody, SessionId, Timestamp};

use super::CodexCodec;
use super::id::{Asked, request_id, steer_id};

const THREAD: &str = "th-1";

fn record() -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("ses_0").unwrap(),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_140_417_000),
        cwd: "/home/dev/project".to_owned(),
        resume: ResumeHow::New,
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        project_trusted: false,
        allow_bypass: true,
        terminals: false,
        preset: Some("codex".to_owned()),
    }
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces/codex")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 7, "recordings are missing");
    names
}

/// A recording: what the program wrote, its answers under the ids that our codec would have
/// given the requests.
struct Recording {
    record: StartRecord,
    lines: Vec<Value>,
}

fn our_id(n: u64, message: &Value) -> Option<String> {
    let asked = match message["method"].as_str()? {
        "initialize" => Asked::Initialize,
        "thread/start" => Asked::Start,
        "thread/resume" => Asked::Resume,
        "turn/start" => Asked::Turn,
        "turn/steer" => {
            return Some(steer_id(n, message["params"]["clientUserMessageId"].as_str().unwrap_or("none")));
        }
        "turn/interrupt" => Asked::Interrupt,
        "thread/settings/update" => Asked::Settings,
        "thread/compact/start" => Asked::Compact,
        "thread/fork" => Asked::Fork,
        "thread/revert" => Asked::Revert,
        "thread/backgroundTerminals/terminate" => Asked::Stop,
        "thread/backgroundTerminals/list" => Asked::Terminals,
        "model/list" => Asked::Models,
        "account/read" => Asked::Account,
        "mcpServerStatus/list" => Asked::Servers,
        "thread/turns/list" => Asked::History,
        _ => return None,
    };
    Some(request_id(n, asked))
}

fn recording(name: &str) -> Recording {
    let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    let mut record = record();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut opened = false;
    for (n, row) in text.lines().enumerate() {
        let row: Value = serde_json::from_str(row).unwrap();
        let mut message = row["msg"].clone();
        if row["dir"] == "c2a" {
            if let Some(id) = our_id(n as u64 + 1, &message) {
                ids.insert(message["id"].to_string(), id);
            }
            if let ("thread/resume", false) = (message["method"].as_str().unwrap_or_default(), opened) {
                let thread = message["params"]["threadId"].as_str().unwrap();
                record.resume = ResumeHow::Resume(thread.to_owned());
            }
            continue;
        }
        let ours = ids.get(&message["id"].to_string()).filter(|_| message.get("method").is_none());
        if let Some(id) = ours {
            message["id"] = json!(id);
        }
        let opens = message["result"]["thread"].is_object() && !opened;
        lines.push(message);
        if opens {
            // What our codec asks for, and the client of the recordings did not.
            opened = true;
            lines.push(json!({"id": request_id(0, Asked::Models), "result": {"data": []}}));
            let account = json!({"account": null, "requiresOpenaiAuth": false});
            lines.push(json!({"id": request_id(0, Asked::Account), "result": account}));
        }
    }
    Recording { record, lines }
}

impl Recording {
    /// Lines of the program with their offsets.
    fn output(&self) -> Vec<(u64, Vec<u8>)> {
        with_offsets(self.lines.iter().map(|message| message.to_string().into_bytes()))
    }

    fn signals(&self) -> Vec<Signal> {
        let mut codec = CodexCodec::new(self.record.clone());
        self.output().iter().flat_map(|(offset, line)| codec.decode(*offset, line)).collect()
    }
}

fn with_offsets(lines: impl IntoIterator<Item = Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    let mut at = 0;
    let place = |line: Vec<u8>| {
        let offset = at;
        at += line.len() as u64 + 1;
        (offset, line)
    };
    lines.into_iter().map(place).collect()
}

/// A codec that is fed messages one after another.
struct Fed {
    codec: CodexCodec,
    at: u64,
}

impl Fed {
    fn new(record: StartRecord) -> Self {
        Self { codec: CodexCodec::new(record), at: 0 }
    }

    /// One whose handshake is over.
    fn ready() -> Self {
        Self::ready_with(record())
    }

    fn ready_with(record: StartRecord) -> Self {
        let mut fed = Self::new(record);
        fed.greeted();
        fed.say(json!({"id": "0.models", "result": {"data": []}}));
        fed.say(json!({"id": "0.account", "result": {"account": null, "requiresOpenaiAuth": false}}));
        let told = fed.opened();
        assert!(matches!(told.last(), Some(Signal::Ready { .. })), "{told:?}");
        fed
    }

    fn greeted(&mut self) -> Vec<Signal> {
        self.say(json!({"id": "1.initialize", "result": {"userAgent": "tenure/0.169.0 (x) y"}}))
    }

    fn opened(&mut self) -> Vec<Signal> {
        self.say(json!({"id": "2.start", "result": {
            "thread": {"id": THREAD}, "model": "gpt-5.5", "reasoningEffort": "low",
            "approvalPolicy": "on-request", "sandbox": {"type": "workspaceWrite"},
        }}))
    }

    fn line(&mut self, line: &[u8]) -> Vec<Signal> {
        let signals = self.codec.decode(self.at, line);
        self.at += line.len() as u64 + 1;
        signals
    }

    fn say(&mut self, message: Value) -> Vec<Signal> {
        self.line(message.to_string().as_bytes())
    }

    /// A notification of the session's thread.
    fn tell(&mut self, method: &str, mut params: Value) -> Vec<Signal> {
        params["threadId"] = json!(THREAD);
        self.say(json!({"method": method, "params": params}))
    }

    /// A turn that answers command `n`.
    fn begin(&mut self, n: u64, turn: &str) {
        self.say(json!({"id": format!("{n}.turn"), "result": {"turn": {"id": turn}}}));
        let told = self.tell("turn/started", json!({"turn": {"id": turn}}));
        assert_eq!(told, []);
    }

    fn item(&mut self, what: &str, turn: &str, item: Value) -> Vec<Signal> {
        self.tell(&format!("item/{what}"), json!({"turnId": turn, "item": item}))
    }

    fn end(&mut self, turn: &str, status: &str) -> Vec<Signal> {
        self.tell("turn/completed", json!({"turn": {"id": turn, "status": status, "error": null}}))
    }

    fn says(&self, n: u64, command: &Command) -> Value {
        let bytes = self.codec.encode(n, command, &EncodeContext::default()).unwrap();
        let (newline, line) = bytes.split_last().unwrap();
        assert_eq!(*newline, b'\n');
        assert!(!line.contains(&b'\n'), "one command is one line");
        serde_json::from_slice(line).unwrap()
    }
}

fn part(body: PartBody) -> Part {
    Part { id: "p.0".to_owned(), body, bytes: None, blob: None }
}

fn text(text: &str) -> Part {
    part(PartBody::Text { text: text.to_owned() })
}

fn input() -> InputId {
    InputId::parse("inp_1").unwrap()
}
