//! Tests of the codec: recordings of the real program (one of an older version), tables per
//! rule, and restarts at every line. This file holds what they share.

mod encode;
mod noise;
mod replay;
mod restart;
mod rules;
mod told;

use serde_json::{Value, json};
use tenure_core::agent::{Codec, ResumeHow, Signal, StartRecord};
use tenure_event::{SessionId, Timestamp};

use super::PiCodec;
use super::id::{self, Asked};

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
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces/pi")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names.len(), 5, "recordings are missing");
    names
}

/// What our own codec would have called a command of a recording that was not made with its ids.
fn our_id(theirs: &str, command: &str) -> Option<String> {
    let n: u64 = theirs.strip_prefix('r')?.parse().ok()?;
    let asked = match command {
        "get_state" => Asked::State,
        "get_available_models" => Asked::Models,
        "get_commands" => Asked::Commands,
        "prompt" => Asked::Prompt,
        "steer" => Asked::Steer(theirs.to_owned()),
        "abort" => Asked::Abort,
        "set_thinking_level" => Asked::Effort,
        "compact" => Asked::Compact,
        _ => return None,
    };
    Some(id::write(n, &asked))
}

/// Lines of the program in a recording, with their offsets.
fn output(name: &str) -> Vec<(u64, Vec<u8>)> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    let mut lines = Vec::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let mut message = entry["msg"].clone();
        if entry["dir"] == "out" {
            let (theirs, command) = (message["id"].as_str(), message["command"].as_str());
            if let (Some(theirs), Some(command)) = (theirs, command)
                && let Some(ours) = our_id(theirs, command)
            {
                message["id"] = json!(ours);
            }
            lines.push(message.to_string().into_bytes());
        }
    }
    with_offsets(lines)
}

fn record_of(name: &str) -> StartRecord {
    let resume = match name {
        "4-resume" => ResumeHow::Resume("0a1b2c3d-0000-4000-8000-000000000001".to_owned()),
        _ => ResumeHow::New,
    };
    StartRecord { resume, ..start_record() }
}

fn signals(name: &str) -> Vec<Signal> {
    let mut codec = PiCodec::new(record_of(name));
    output(name).iter().flat_map(|(offset, line)| codec.decode(*offset, line)).collect()
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
    codec: PiCodec,
    at: u64,
}

impl Fed {
    fn new(record: StartRecord) -> Self {
        Self { codec: PiCodec::new(record), at: 0 }
    }

    /// One whose handshake is over.
    fn ready() -> Self {
        let mut fed = Self::new(start_record());
        fed.answer(
            "tenure-1-state",
            &json!({"sessionId": "s", "thinkingLevel": "medium", "messageCount": 0}),
        );
        fed.answer("tenure-1-commands", &json!({"commands": []}));
        fed
    }

    fn line(&mut self, line: &[u8]) -> Vec<Signal> {
        let signals = self.codec.decode(self.at, line);
        self.at += line.len() as u64 + 1;
        signals
    }

    fn frame(&mut self, frame: &Value) -> Vec<Signal> {
        self.line(frame.to_string().as_bytes())
    }

    fn frames(&mut self, frames: &[Value]) -> Vec<Signal> {
        frames.iter().flat_map(|frame| self.frame(frame)).collect()
    }

    fn answer(&mut self, id: &str, data: &Value) -> Vec<Signal> {
        self.frame(&json!({"type": "response", "id": id, "command": "x", "success": true, "data": data}))
    }

    fn refuse(&mut self, id: &str, error: &str) -> Vec<Signal> {
        self.frame(&json!({"type": "response", "id": id, "command": "x", "success": false, "error": error}))
    }

    /// A prompt that was accepted and began to run.
    fn runs(&mut self, n: u64) {
        self.answer(&format!("tenure-{n}-prompt"), &json!({"disposition": "started"}));
        self.frame(&json!({"type": "agent_start"}));
        self.frame(&user("The prompt."));
    }

    fn queue(&mut self, texts: &[&str]) -> Vec<Signal> {
        self.frame(&json!({"type": "queue_update", "steering": texts, "followUp": []}))
    }

    fn settled(&mut self) -> Vec<Signal> {
        self.frame(&json!({"type": "agent_settled"}))
    }
}

fn user(text: &str) -> Value {
    json!({"type": "message_start", "message": {"role": "user", "content": [{"type": "text", "text": text}]}})
}

fn model_said(content: &Value, stop: &str) -> Value {
    json!({"type": "message_end", "message": {
        "role": "assistant", "content": content, "provider": "p", "model": "m", "stopReason": stop,
        "usage": {"input": 10, "output": 5, "cacheRead": 1, "cacheWrite": 0, "cost": {"total": 0.5}}}})
}

/// Only the signals that end a turn.
fn ends(signals: &[Signal]) -> Vec<&tenure_core::agent::TurnEnd> {
    signals.iter().filter_map(|s| if let Signal::TurnEnded(end) = s { Some(end) } else { None }).collect()
}
