//! Tests of the codec: recordings of the real program, tables per rule, and restarts at
//! every line. This file holds what they share.

mod encode;
mod noise;
mod replay;
mod rules;
mod told;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{ResumeHow, Signal, StartRecord};

use super::{
    ClaudeCodec,
    write::{self, Asked},
};
use crate::catalog::Protocol;
use crate::laws::{Stream, Subject, laws, recorded_lines, recording_names, start_record};

/// Which way a line of a recording went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

struct Recording {
    record: StartRecord,
    lines: Vec<(Way, Value)>,
}

fn names() -> Vec<String> {
    recording_names("claude", 29)
}

/// What our own codec would have called a control request, if it makes such requests.
fn our_id(n: u64, request: &Value) -> Option<String> {
    let asked = match request["subtype"].as_str()? {
        "initialize" => Asked::Initialize,
        "interrupt" => Asked::Interrupt,
        "set_model" => Asked::Model,
        "set_permission_mode" => Asked::Mode,
        "end_session" => Asked::End,
        "stop_task" => Asked::StopTask,
        "mcp_status" => Asked::Status,
        "apply_flag_settings" => Asked::Effort(request["settings"]["effortLevel"].as_str()?.to_owned()),
        _ => return None,
    };
    Some(write::request_id(n, &asked))
}

/// Reads a recording; ids of the recorder's control requests become ours.
fn recording(name: &str) -> Recording {
    let mut record = start_record();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for entry in recorded_lines("claude", name) {
        let mut message = entry["msg"].clone();
        match entry["dir"].as_str().unwrap() {
            "in" => {
                let n = ids.len() as u64 + 1;
                if let Some(id) = our_id(n, &message["request"]) {
                    let theirs = message["request_id"].as_str().unwrap().to_owned();
                    message["request_id"] = json!(id);
                    ids.insert(theirs, id);
                }
                lines.push((Way::In, message));
            }
            "out" => {
                let theirs = message["response"]["request_id"].as_str().unwrap_or_default();
                if let Some(id) = ids.get(theirs) {
                    message["response"]["request_id"] = json!(id);
                }
                lines.push((Way::Out, message));
            }
            _ => arguments(&mut record, &message),
        }
    }
    Recording { record, lines }
}

fn arguments(record: &mut StartRecord, note: &Value) {
    let Some(args) = note["argv"].as_array() else { return };
    for pair in args.windows(2) {
        let value = pair[1].as_str().unwrap().to_owned();
        match pair[0].as_str().unwrap() {
            "--session-id" => record.resume = ResumeHow::NewAs(value),
            "--resume" => record.resume = ResumeHow::Resume(value),
            "--model" => record.model = Some(value),
            "--permission-mode" => record.mode = Some(value),
            _ => {}
        }
    }
}

impl Recording {
    /// What the program wrote.
    fn stream(&self, name: &str) -> Stream {
        let lines = self.lines.iter().filter(|(way, _)| *way == Way::Out);
        Stream::new(name, self.record.clone(), lines.map(|(_, message)| message.to_string().into_bytes()))
    }

    fn signals(&self) -> Vec<Signal> {
        self.stream("").signals::<ClaudeCodec>()
    }
}

impl Subject for ClaudeCodec {
    const PROTOCOL: Protocol = Protocol::Claude;
    const STREAMED: usize = 60;

    fn begin(record: StartRecord) -> Self {
        Self::new(record)
    }

    fn record(&self) -> &StartRecord {
        &self.record
    }

    fn streams() -> Vec<Stream> {
        names().iter().map(|name| recording(name).stream(name)).collect()
    }

    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

laws!(ClaudeCodec);

type Fed = crate::laws::Fed<ClaudeCodec>;

impl Fed {
    /// One whose handshake is over.
    fn after_hello(record: StartRecord) -> Self {
        let mut fed = Self::new(record);
        let answer = json!({"type": "control_response", "response": {
            "subtype": "success", "request_id": "tenure-1-initialize", "response": {}}});
        assert!(matches!(fed.frame(answer).last(), Some(Signal::Ready { .. })));
        fed
    }

    fn ready() -> Self {
        Self::after_hello(start_record())
    }
}
