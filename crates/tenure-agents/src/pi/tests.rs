//! Tests of the codec: recordings of the real program (one of an older version), tables per
//! rule, and restarts at every line. This file holds what they share.

mod encode;
mod noise;
mod replay;
mod rules;
mod told;

use serde_json::{Value, json};
use tenure_core::agent::{ResumeHow, Signal, StartRecord};

use super::PiCodec;
use super::id::{self, Asked};
use crate::catalog::Protocol;
use crate::laws::{Stream, Subject, laws, recorded_lines, recording_names, start_record};

fn names() -> Vec<String> {
    recording_names("pi", 5)
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

/// What the program wrote in a recording.
fn stream(name: &str) -> Stream {
    let mut lines = Vec::new();
    for entry in recorded_lines("pi", name) {
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
    Stream::new(name, record_of(name), lines)
}

fn record_of(name: &str) -> StartRecord {
    let resume = match name {
        "4-resume" => ResumeHow::Resume("0a1b2c3d-0000-4000-8000-000000000001".to_owned()),
        _ => ResumeHow::New,
    };
    StartRecord { resume, ..start_record() }
}

fn signals(name: &str) -> Vec<Signal> {
    stream(name).signals::<PiCodec>()
}

impl Subject for PiCodec {
    const PROTOCOL: Protocol = Protocol::Pi;
    const STREAMED: usize = 20;

    fn begin(record: StartRecord) -> Self {
        Self::new(record)
    }

    fn record(&self) -> &StartRecord {
        &self.record
    }

    fn streams() -> Vec<Stream> {
        names().iter().map(|name| stream(name)).collect()
    }

    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

laws!(PiCodec);

type Fed = crate::laws::Fed<PiCodec>;

impl Fed {
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

    fn answer(&mut self, id: &str, data: &Value) -> Vec<Signal> {
        self.frame(json!({"type": "response", "id": id, "command": "x", "success": true, "data": data}))
    }

    fn refuse(&mut self, id: &str, error: &str) -> Vec<Signal> {
        self.frame(json!({"type": "response", "id": id, "command": "x", "success": false, "error": error}))
    }

    /// A prompt that was accepted and began to run.
    fn runs(&mut self, n: u64) {
        self.answer(&format!("tenure-{n}-prompt"), &json!({"disposition": "started"}));
        self.frame(json!({"type": "agent_start"}));
        self.frame(user("The prompt."));
    }

    fn queue(&mut self, texts: &[&str]) -> Vec<Signal> {
        self.frame(json!({"type": "queue_update", "steering": texts, "followUp": []}))
    }

    fn settled(&mut self) -> Vec<Signal> {
        self.frame(json!({"type": "agent_settled"}))
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
