//! What a program wrote, line by line with offsets; and a codec that is fed lines of our making.

use std::borrow::Borrow;
use std::path::PathBuf;

use serde_json::Value;
use tenure_core::agent::{Command, EncodeContext, Signal, StartRecord};

use super::Subject;

/// All that one process wrote.
pub(crate) struct Stream {
    /// What it was started with.
    pub(crate) record: StartRecord,
    /// The recording, for messages.
    pub(crate) name: String,
    /// Its lines with their offsets.
    pub(crate) lines: Vec<(u64, Vec<u8>)>,
}

impl Stream {
    pub(crate) fn new(name: &str, record: StartRecord, lines: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { name: name.to_owned(), record, lines: with_offsets(lines) }
    }

    /// All that a codec tells of it.
    pub(crate) fn signals<C: Subject>(&self) -> Vec<Signal> {
        let mut codec = C::begin(self.record.clone());
        self.lines.iter().flat_map(|(offset, line)| codec.decode(*offset, line)).collect()
    }
}

/// Lines with the places where they begin.
pub(crate) fn with_offsets(lines: impl IntoIterator<Item = Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
    let mut at = 0;
    let place = |line: Vec<u8>| {
        let offset = at;
        at += line.len() as u64 + 1;
        (offset, line)
    };
    lines.into_iter().map(place).collect()
}

fn folder(agent: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(agent)
}

/// The recordings of an agent; at least as many as are known to be there.
pub(crate) fn recording_names(agent: &str, at_least: usize) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder(agent))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= at_least, "recordings of {agent} are missing");
    names
}

/// The rows of a recording, both ways.
pub(crate) fn recorded_lines(agent: &str, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder(agent).join(format!("{name}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The message in what was written: exactly one line.
pub(crate) fn one_line(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "one command is one line: {line}");
    serde_json::from_str(line).unwrap()
}

/// A codec that is fed lines one after another.
pub(crate) struct Fed<C> {
    pub(crate) codec: C,
    at: u64,
}

impl<C: Subject> Fed<C> {
    pub(crate) fn new(record: StartRecord) -> Self {
        Self { codec: C::begin(record), at: 0 }
    }

    pub(crate) fn line(&mut self, line: &[u8]) -> Vec<Signal> {
        let signals = self.codec.decode(self.at, line);
        self.at += line.len() as u64 + 1;
        signals
    }

    pub(crate) fn frame(&mut self, frame: impl Borrow<Value>) -> Vec<Signal> {
        self.line(frame.borrow().to_string().as_bytes())
    }

    pub(crate) fn frames(&mut self, frames: impl IntoIterator<Item: Borrow<Value>>) -> Vec<Signal> {
        frames.into_iter().flat_map(|frame| self.frame(frame)).collect()
    }

    /// What it writes for a command.
    pub(crate) fn says(&self, n: u64, command: &Command) -> Value {
        one_line(&self.codec.encode(n, command, &EncodeContext::default()).unwrap())
    }
}
