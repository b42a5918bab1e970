//! Tests of the codec: recordings of the real program, tables per rule, and restarts at
//! every line. This file holds what they share.

mod encode;
mod noise;
mod replay;
mod restart;
mod rules;
mod told;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{Codec, ResumeHow, Signal, StartRecord};
use tenure_event::{SessionId, Timestamp};

use super::{
    ClaudeCodec,
    write::{self, Asked},
};

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

fn start_record() -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("ses_0").unwrap(),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_139_670_000),
        cwd: "/home/dev/project".to_owned(),
        resume: ResumeHow::New,
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        project_trusted: true,
        allow_bypass: false,
        preset: None,
        terminals: false,
    }
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces/claude")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 29, "recordings are missing");
    names
}

/// What our own codec would have called a control request, if it makes such requests.
fn our_id(n: u64, request: &Value) -> Option<String> {
    let asked = match request["subtype"].as_str()? {
        "initialize" => Asked::Initialize,
        "interrupt" => Asked::Interrupt,
        "set_model" => Asked::Model,
        "set_permission_mode" => Asked::Mode,
        "end_session" => Asked::End,
        "mcp_status" => Asked::Status,
        "apply_flag_settings" => Asked::Effort(request["settings"]["effortLevel"].as_str()?.to_owned()),
        _ => return None,
    };
    Some(write::request_id(n, &asked))
}

/// Reads a recording; ids of the recorder's control requests become ours.
fn recording(name: &str) -> Recording {
    let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    let mut record = start_record();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
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
    /// Lines of the program with their offsets.
    fn output(&self) -> Vec<(u64, Vec<u8>)> {
        let lines = self.lines.iter().filter(|(way, _)| *way == Way::Out);
        with_offsets(lines.map(|(_, message)| message.to_string().into_bytes()))
    }

    fn signals(&self) -> Vec<Signal> {
        let mut codec = ClaudeCodec::new(self.record.clone());
        self.output().iter().flat_map(|(offset, line)| codec.decode(*offset, line)).collect()
    }
}

fn with_offsets(lines: impl IntoIterator<Item = Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    let mut at = 0;
    lines
        .into_iter()
        .map(|line| {
            let offset = at;
            at += line.len() as u64 + 1;
            (offset, line)
        })
        .collect()
}

/// A codec that is fed frames one after another.
struct Fed {
    codec: ClaudeCodec,
    at: u64,
}

impl Fed {
    fn new(record: StartRecord) -> Self {
        Self { codec: ClaudeCodec::new(record), at: 0 }
    }

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

    fn line(&mut self, line: &[u8]) -> Vec<Signal> {
        let signals = self.codec.decode(self.at, line);
        self.at += line.len() as u64 + 1;
        signals
    }

    fn frame(&mut self, frame: Value) -> Vec<Signal> {
        self.line(frame.to_string().as_bytes())
    }

    fn frames(&mut self, frames: impl IntoIterator<Item = Value>) -> Vec<Signal> {
        frames.into_iter().flat_map(|frame| self.frame(frame)).collect()
    }
}
