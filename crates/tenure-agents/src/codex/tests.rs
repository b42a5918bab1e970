//! Tests of the codec: recordings of the real program, rules by table, and restarts at
//! every line. This file holds what they share.

mod asks;
mod noise;
mod recordings;
mod rules;
mod servers;
mod wire;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{ResumeHow, Signal, StartRecord};
use tenure_event::{InputId, Part, PartBody};

use super::CodexCodec;
use super::id::{Asked, request_id, steer_id};
use crate::catalog::Protocol;
use crate::laws::{Stream, Subject, laws, recorded_lines, recording_names, start_record};

const THREAD: &str = "th-1";

fn record() -> StartRecord {
    StartRecord {
        project_trusted: false,
        allow_bypass: true,
        preset: Some("codex".to_owned()),
        ..start_record()
    }
}

fn names() -> Vec<String> {
    recording_names("codex", 7)
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
    let mut record = record();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut opened = false;
    for (n, row) in recorded_lines("codex", name).into_iter().enumerate() {
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
    /// What the program wrote.
    fn stream(&self, name: &str) -> Stream {
        let lines = self.lines.iter().map(|message| message.to_string().into_bytes());
        Stream::new(name, self.record.clone(), lines)
    }

    fn signals(&self) -> Vec<Signal> {
        self.stream("").signals::<CodexCodec>()
    }
}

impl Subject for CodexCodec {
    const PROTOCOL: Protocol = Protocol::Codex;
    const STREAMED: usize = 25;

    fn begin(record: StartRecord) -> Self {
        Self::new(record)
    }

    fn record(&self) -> &StartRecord {
        &self.record
    }

    /// The client of the recordings reads the past, and opens threads, when it pleases.
    fn comes_late(line: &Value) -> bool {
        line.get("id").is_some()
    }

    fn streams() -> Vec<Stream> {
        names().iter().map(|name| recording(name).stream(name)).collect()
    }
}

laws!(CodexCodec);

type Fed = crate::laws::Fed<CodexCodec>;

impl Fed {
    /// One whose handshake is over.
    fn ready() -> Self {
        Self::ready_with(record())
    }

    fn ready_with(record: StartRecord) -> Self {
        let mut fed = Self::new(record);
        fed.greeted();
        fed.frame(json!({"id": "0.models", "result": {"data": []}}));
        fed.frame(json!({"id": "0.account", "result": {"account": null, "requiresOpenaiAuth": false}}));
        let told = fed.opened();
        assert!(matches!(told.last(), Some(Signal::Ready { .. })), "{told:?}");
        fed
    }

    fn greeted(&mut self) -> Vec<Signal> {
        self.frame(json!({"id": "1.initialize", "result": {"userAgent": "tenure/0.169.0 (x) y"}}))
    }

    fn opened(&mut self) -> Vec<Signal> {
        self.frame(json!({"id": "2.start", "result": {
            "thread": {"id": THREAD}, "model": "gpt-5.5", "reasoningEffort": "low",
            "approvalPolicy": "on-request", "sandbox": {"type": "workspaceWrite"},
        }}))
    }

    /// A notification of the session's thread.
    fn tell(&mut self, method: &str, mut params: Value) -> Vec<Signal> {
        params["threadId"] = json!(THREAD);
        self.frame(json!({"method": method, "params": params}))
    }

    /// A turn that answers command `n`.
    fn begin(&mut self, n: u64, turn: &str) {
        self.frame(json!({"id": format!("{n}.turn"), "result": {"turn": {"id": turn}}}));
        let told = self.tell("turn/started", json!({"turn": {"id": turn}}));
        assert_eq!(told, []);
    }

    fn item(&mut self, what: &str, turn: &str, item: Value) -> Vec<Signal> {
        self.tell(&format!("item/{what}"), json!({"turnId": turn, "item": item}))
    }

    fn end(&mut self, turn: &str, status: &str) -> Vec<Signal> {
        self.tell("turn/completed", json!({"turn": {"id": turn, "status": status, "error": null}}))
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
