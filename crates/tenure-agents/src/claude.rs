//! Claude Code, spoken to by stream-json with control requests.
//!
//! The process is started with an id of our own choosing and told `initialize` first; it
//! lives through many turns. A turn ends at its `result`; only an input that was taken back
//! before its turn began gets none, and ends with its lifecycle. The next prompt may be
//! written once the process says that it is idle. What a line means is found by
//! its `type`: `control` for the control protocol, `conversation` for what the model and its
//! tools say, `system` for how the session stands, `turn` for a result.
//!
//! What it deliberately does not do: decide an outcome, match answers to questions beyond
//! the id they carry, or remember what it sent. All that it remembers is in `memory`,
//! apart from text that is being gathered, which a restart rebuilds by reading lines again.

mod answer;
mod ask;
mod control;
mod conversation;
mod diffs;
mod handshake;
mod launch;
mod memory;
mod messages;
mod open;
mod servers;
mod system;
mod tasks;
#[cfg(test)]
mod tests;
mod todos;
mod tools;
mod turn;
pub mod words;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::LineMark;
use tenure_core::agent::{
    Codec, CodecError, Command, Decoded, EncodeContext, Kept, MessageText, Signal, StartRecord,
};

pub(crate) use handshake::supports;
pub(crate) use launch::BYPASS;
pub use launch::{command_line, environment, scrub};
use tenure_event::TaskOutput;

use crate::field;
use control::native;
use memory::Memory;
use messages::Messages;
use open::Open;

/// The codec of one Claude Code process.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaudeCodec {
    record: StartRecord,
    memory: Memory,
    messages: Messages,
}

/// What is saved: the memory, and which messages were open; borrowed where it is written.
#[derive(Serialize, Deserialize)]
struct Saved<M, T> {
    memory: M,
    #[serde(default = "Vec::new")]
    open: Vec<(T, u64, Option<T>)>,
}

impl ClaudeCodec {
    /// A codec for the process that `record` tells of.
    #[must_use]
    pub fn new(record: StartRecord) -> Self {
        let memory = Memory { servers_pending: record.servers().next().is_some(), ..Memory::default() };
        Self { record, memory, messages: Messages::default() }
    }

    fn read(&mut self, offset: u64, line_len: usize, frame: &Value, out: &mut Vec<Signal>) {
        let kind = field::id(frame, "type").unwrap_or("unknown");
        if kind == "conversation_reset" {
            return self.reset(frame, out);
        }
        if kind == "result" && !self.memory.ready {
            return self.of_no_use(frame, out);
        }
        self.identify(frame, out);
        match kind {
            "stream_event" => self.stream_event(offset, frame, out),
            "assistant" => self.assistant(offset, line_len, frame, out),
            "user" => self.user(frame, out),
            "result" => self.result(frame, out),
            "system" => self.system(frame, out),
            "command_lifecycle" => self.lifecycle(frame, out),
            "control_request" => self.control_request(frame, out),
            "control_response" => self.control_response(frame, out),
            "control_cancel_request" => Self::control_cancel(frame, out),
            "rate_limit_event" => self.rate_limit(frame, out),
            "keep_alive" | "tool_use_summary" | "prompt_suggestion" | "transcript_mirror" => {}
            "tool_progress" => out.extend(conversation::tool_progress(frame)),
            other => out.push(native(other, frame)),
        }
    }
}

impl Codec for ClaudeCodec {
    fn hello(&self) -> Vec<Command> {
        let mut commands = vec![Command::Hello];
        if self.record.servers().next().is_some() {
            commands.push(Command::Open { how: self.record.resume.clone() });
        }
        commands
    }

    fn decode(&mut self, offset: u64, line: &[u8]) -> Decoded {
        let line = line.trim_ascii();
        let frame = if line.starts_with(b"{") { serde_json::from_slice::<Value>(line).ok() } else { None };
        if offset < self.memory.upto {
            if let Some(frame) = frame {
                self.read_again(offset, &frame);
            }
            return Vec::new();
        }
        self.memory.upto = offset.saturating_add(line.len().max(1) as u64);
        let mut out = Vec::new();
        match frame {
            Some(frame) => self.read(offset, line.len(), &frame, &mut out),
            None if line.is_empty() => {}
            None => out.push(Signal::Native {
                kind: "malformed".to_owned(),
                value: None,
                at: LineMark::default(),
            }),
        }
        out
    }

    fn encode(&self, n: u64, command: &Command, context: &EncodeContext) -> Result<Vec<u8>, CodecError> {
        write::encode(&self.record, n, command, context)
    }

    fn save(&self) -> Kept {
        let open =
            self.messages.open.iter().map(|open| (open.native.as_str(), open.offset, open.parent.as_deref()));
        Kept::of(&Saved { memory: &self.memory, open: open.collect() })
    }

    fn restore(&mut self, saved: &Value) {
        let Ok(saved) = Saved::<Memory, String>::deserialize(saved) else { return };
        self.memory = saved.memory;
        self.messages.open = saved
            .open
            .iter()
            .map(|(native, offset, parent)| Open::new(native, *offset, parent.as_deref()))
            .collect();
    }

    fn open_offset(&self) -> Option<u64> {
        self.messages.open.iter().map(|open| open.offset).min()
    }

    fn open_text(&self) -> MessageText {
        self.messages.text(&self.record)
    }

    fn task_output(&self, task_id: &str) -> Option<TaskOutput> {
        let task = self.memory.tasks.iter().find(|task| task.task_id == task_id)?;
        task.output_file.clone().map(|path| TaskOutput::File { path })
    }

    fn cut(&mut self) -> Decoded {
        self.cut_short()
    }
}
