//! The agents' own record, as JSON lines: what each process of a session read, did and wrote, in order. Parsed here
//! anew, without the code that writes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::tape::{Tape, Token};

/// One process's part of a record.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) entries: Vec<Value>,
}

/// The processes of a session, in the order of their starts; and what is wrong with the record itself.
pub(super) fn read(path: &Path) -> (Vec<Process>, Vec<String>) {
    let Ok(bytes) = fs::read(path) else { return (Vec::new(), Vec::new()) };
    let mut processes: Vec<Process> = Vec::new();
    let mut faults = Vec::new();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<Value>(line) else {
            // A process that was killed may leave its last line unfinished: nothing stands behind it then, or the
            // start of another. Had it gone on, the count of its entries would not be right.
            if !next_is_a_start(&lines[at + 1..]) {
                faults.push(format!("line {} is no JSON", at + 1));
            }
            continue;
        };
        let pid = entry["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        if act(&entry) == "started" {
            processes.push(Process { pid, entries: Vec::new() });
        }
        let Some(process) = processes.iter_mut().rev().find(|process| process.pid == pid) else {
            faults.push(format!("line {}: process {pid} did not start", at + 1));
            continue;
        };
        process.entries.push(entry);
        if process.entries.len() as u64 != process.entries.last().map_or(0, |e| e["n"].as_u64().unwrap_or(0))
        {
            faults.push(format!("line {}: an entry of process {pid} is missing", at + 1));
        }
    }
    (processes, faults)
}

fn next_is_a_start(behind: &[&[u8]]) -> bool {
    let next = behind.iter().find(|line| !line.is_empty());
    next.is_none_or(|line| serde_json::from_slice::<Value>(line).is_ok_and(|entry| act(&entry) == "started"))
}

fn act(entry: &Value) -> &str {
    entry["act"].as_str().unwrap_or_default()
}

impl Process {
    pub(super) fn acts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries.iter().filter(move |entry| act(entry) == name)
    }

    pub(super) fn first_ns(&self) -> u64 {
        self.entries.first().and_then(|entry| entry["mono_ns"].as_u64()).unwrap_or(0)
    }

    /// When it last did something. Its children are reaped by threads that may outlast its work.
    pub(super) fn last_ns(&self) -> u64 {
        self.entries.last().and_then(|entry| entry["mono_ns"].as_u64()).unwrap_or(0)
    }

    /// The shim that started it.
    pub(super) fn parent(&self) -> u32 {
        let parent = self.entries.first().and_then(|entry| entry["parent"].as_u64());
        parent.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0)
    }

    /// It ended by itself, or at least had the time to write all it had begun.
    pub(super) fn ended_cleanly(&self) -> bool {
        self.acts("exiting").next().is_some()
    }

    /// Prompts by the id of their request.
    pub(super) fn prompts(&self) -> BTreeMap<String, String> {
        let started = self.acts("turn_started");
        started.map(|entry| (entry["prompt_id"].to_string(), text(&entry["text"]))).collect()
    }

    /// What it said and did, as the log must have it.
    pub(super) fn tape(&self) -> Vec<Token> {
        let prompts = self.prompts();
        let input = |id: &Value| {
            prompts
                .get(&id.to_string())
                .and_then(|prompt| super::script::input_of(prompt))
                .unwrap_or("?")
                .to_owned()
        };
        let mut tape = Tape::default();
        let answered: Vec<&Value> =
            self.acts("sent").filter(|entry| entry["what"] == "response").map(|entry| &entry["id"]).collect();
        let mut replay: Option<&Value> = None;
        for entry in &self.entries {
            let (id, answers) = (&entry["id"], entry["what"] == "response");
            match act(entry) {
                // What a conversation is taken up with is no news.
                "received" if entry["method"] == "session/load" => replay = Some(id),
                "sent" if answers && replay == Some(id) => replay = None,
                "sent" if replay.is_none() => sent(entry, &mut tape),
                // Only an answer that was also written ends a turn. That it was is recorded a little later, perhaps
                // behind the beginning of the next one.
                "turn_ended" if answered.contains(&&entry["prompt_id"]) => {
                    tape.mark(format!("end {}", input(&entry["prompt_id"])), 0);
                }
                "turn_started" => tape.mark(format!("begin {}", input(&entry["prompt_id"])), 0),
                _ => {}
            }
        }
        tape.finish()
    }
}

fn sent(entry: &Value, tape: &mut Tape) {
    let tool = || text(&entry["tool_call_id"]);
    match entry["what"].as_str().unwrap_or_default() {
        "agent_message_chunk" => tape.text("text", &text(&entry["text"]), 0),
        "agent_thought_chunk" => tape.text("thought", &text(&entry["text"]), 0),
        "tool_call" | "tool_call_update" => {
            tape.tool(&tool(), 0);
            if let Some(status @ ("completed" | "failed")) = entry["status"].as_str() {
                tape.mark(format!("tool {} {status}", tool()), 0);
            }
        }
        "session/request_permission" => {
            tape.tool(&tool(), 0);
            tape.mark(format!("ask {}", tool()), 0);
        }
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
