//! Pi, spoken to by its rpc mode: commands and events as lines of JSON.
//!
//! The process is started with a session id of our own choosing, which it creates or
//! continues, and is asked first how it stands and what it has. A prompt is answered when it
//! is accepted; the turn ends when the program says that it has settled. What a line means is
//! found by its `type`: `response` for answers to commands, `run` for where work begins and
//! ends, `message` and `tool` for what the model and its tools say, `queue` for inputs that
//! were steered, `ui` for what extensions ask.
//!
//! The program names no input: a steered one is followed by its place in the program's
//! queue. And it asks for no permission by itself; only extensions ask.
//!
//! What this deliberately does not do: decide an outcome, or remember what it sent. All that
//! it remembers is in `memory`, apart from text that is being gathered, which a restart
//! rebuilds by reading lines again.

mod answer;
mod fork;
mod gathering;
mod handshake;
mod id;
mod launch;
mod memory;
mod message;
mod news;
mod point;
mod queue;
mod response;
mod run;
#[cfg(test)]
mod tests;
mod tool;
mod tools;
mod ui;
mod usage;
pub mod words;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{
    Codec, CodecError, Command, Decoded, EncodeContext, Kept, LineMark, MessageText, Signal, StartRecord,
};

pub use handshake::supports;
pub use launch::{Instructions, command_line, environment, scrub};

use crate::{field, json};
use gathering::Gathering;
use memory::Memory;

/// The codec of one Pi process.
#[derive(Debug, Clone, PartialEq)]
pub struct PiCodec {
    record: StartRecord,
    memory: Memory,
    /// The message that is being written.
    open: Option<Gathering>,
}

/// What is saved: the memory, borrowed where it is written, and where the open message began.
#[derive(Serialize, Deserialize)]
struct Saved<M> {
    memory: M,
    #[serde(default)]
    open: Option<u64>,
}

impl PiCodec {
    /// A codec for the process that `record` tells of.
    #[must_use]
    pub fn new(record: StartRecord) -> Self {
        Self { record, memory: Memory::default(), open: None }
    }

    fn read(&mut self, offset: u64, line_len: usize, frame: &Value, out: &mut Vec<Signal>) {
        match field::id(frame, "type").unwrap_or("unknown") {
            "response" => self.response(offset, frame, out),
            "agent_start" => self.run_began(out),
            "agent_settled" => self.settled(out),
            // Each is said again by what is read: by messages, by the tools' own events, and by `agent_settled`.
            "agent_end" | "turn_start" | "turn_end" => {}
            "message_start" => self.message_began(offset, frame, out),
            "message_update" => self.message_grew(frame, out),
            "message_end" => self.message_ended(offset, line_len, frame, out),
            "tool_execution_start" => self.tool_runs(line_len, frame, out),
            "tool_execution_update" => self.tool_tells(frame, out),
            "tool_execution_end" => self.tool_ended(frame, out),
            "queue_update" => self.queue_is(frame, out),
            "extension_ui_request" => self.extension_asks(frame, out),
            "extension_error" => news::extension_failed(frame, out),
            "compaction_start" => self.compaction_began(frame, out),
            "compaction_end" => self.compaction_ended(frame, out),
            "auto_retry_start" | "summarization_retry_scheduled" => self.retries(frame, out),
            "auto_retry_end" | "summarization_retry_attempt_start" | "summarization_retry_finished" => {
                self.works_on(out);
            }
            "thinking_level_changed" => self.effort_is(field::id(frame, "level"), out),
            "session_info_changed" => self.named(frame, out),
            other => out.push(native(other, frame)),
        }
    }

    /// A line that was read before a restart: it fills the message that was open then.
    fn read_again(&mut self, offset: u64, frame: &Value) {
        let Some(open) = self.open.as_mut().filter(|open| open.offset <= offset) else { return };
        if field::text(frame, "type") == Some("message_update")
            && let Some(event) = frame.get("assistantMessageEvent")
        {
            let _ = open.grow(&self.record, event);
        }
    }
}

impl Codec for PiCodec {
    fn hello(&self) -> Vec<Command> {
        vec![Command::Hello]
    }

    fn decode(&mut self, offset: u64, line: &[u8]) -> Decoded {
        let line = line.trim_ascii();
        let frame = json::parse_line(line)
            .and_then(|value| if value.is_object() { Ok(value) } else { Err(json::BadLine::Malformed) });
        if offset < self.memory.upto {
            if let Ok(frame) = frame {
                self.read_again(offset, &frame);
            }
            return Vec::new();
        }
        self.memory.upto = offset.saturating_add(line.len().max(1) as u64);
        let mut out = Vec::new();
        match frame {
            Ok(frame) => self.read(offset, line.len(), &frame, &mut out),
            Err(bad) => out.extend(bad.kind().map(|kind| Signal::Native {
                kind: kind.to_owned(),
                value: None,
                at: LineMark::default(),
            })),
        }
        out
    }

    fn encode(&self, n: u64, command: &Command, _context: &EncodeContext) -> Result<Vec<u8>, CodecError> {
        write::encode(&self.record, &self.memory, n, command)
    }

    fn save(&self) -> Kept {
        Kept::of(&Saved { memory: &self.memory, open: self.open_offset() })
    }

    fn restore(&mut self, saved: &Value) {
        let Ok(saved) = Saved::<Memory>::deserialize(saved) else { return };
        self.memory = saved.memory;
        self.open = saved.open.map(Gathering::new);
    }

    fn open_offset(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.offset)
    }

    fn open_text(&self) -> MessageText {
        MessageText { deltas: self.open.as_ref().map(|open| open.so_far(&self.record)).unwrap_or_default() }
    }

    fn cut(&mut self) -> Decoded {
        let mut out = Vec::new();
        self.cut_short(&mut out);
        out
    }
}

/// A frame that has no word here.
fn native(kind: &str, frame: &Value) -> Signal {
    Signal::Native { kind: field::clip(kind, 200), value: Some(frame.clone()), at: LineMark::default() }
}
