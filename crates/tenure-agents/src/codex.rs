//! Codex, spoken to by its app-server: JSON-RPC, one message per line.
//!
//! One process holds one thread, which is the session's conversation. A turn is begun by
//! `turn/start`, whose answer names it, and ended by `turn/completed` with that name; so a
//! late end is never taken for another turn's. Between them the thread tells of items:
//! messages, reasoning, commands, changes to files.
//!
//! Where to find what: `id` our request ids, `receive` what a line is, `handshake` up to
//! the first prompt, `turn` the life of a turn, `item` items by their kind, `message` text
//! that is gathered, `tool` calls, `ask` requests to a person and `answer` what is said to
//! them, `task` commands that outlive their turn, `history` what was said before, `write`
//! all that we send.
//!
//! What it deliberately does not do: read what a subagent's own thread says (only its
//! requests to a person come up), run reviews, or speak of realtime, plugins and goals;
//! these are handed on as they came.

mod answer;
mod ask;
mod capability;
mod fault;
mod handshake;
mod history;
mod id;
mod input;
mod item;
mod memory;
mod message;
mod mode;
mod patch;
mod point;
mod receive;
mod servers;
mod shell;
mod task;
#[cfg(test)]
mod tests;
mod tool;
mod turn;
mod usage;
pub mod words;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{
    Codec, CodecError, Command, Decoded, EncodeContext, Kept, MessageText, StartRecord,
};
use tenure_event::TaskOutput;

use crate::gather::{Open, OpenMeta};
use crate::rpc;
use memory::Memory;

pub(crate) use capability::{NO_COST, supports};
pub(crate) use mode::BYPASS;

/// The protocol's name in messages.
const NAME: &str = "codex";

/// The codec of one Codex process.
#[derive(Debug)]
pub struct CodexCodec {
    record: StartRecord,
    memory: Memory,
    open: Vec<Open>,
}

/// What is saved: the memory, and how each open message began; borrowed where it is written.
#[derive(Serialize, Deserialize)]
struct Saved<M, O> {
    memory: M,
    open: Vec<O>,
}

impl CodexCodec {
    /// The codec of a process that was started so.
    #[must_use]
    pub fn new(record: StartRecord) -> Self {
        Self { record, memory: Memory::default(), open: Vec::new() }
    }
}

impl Codec for CodexCodec {
    fn hello(&self) -> Vec<Command> {
        vec![Command::Hello]
    }

    fn decode(&mut self, offset: u64, line: &[u8]) -> Decoded {
        rpc::decode(self, offset, line)
    }

    fn encode(&self, n: u64, command: &Command, context: &EncodeContext) -> Result<Vec<u8>, CodecError> {
        self.write(n, command, context)
    }

    fn save(&self) -> Kept {
        let open = self.open.iter().map(|open| &open.meta).collect();
        Kept::of(&Saved { memory: &self.memory, open })
    }

    fn restore(&mut self, saved: &Value) {
        if let Ok(Saved { memory, open }) = Saved::<Memory, OpenMeta>::deserialize(saved) {
            self.open = open.into_iter().map(|meta| Open::new(&self.record, meta)).collect();
            self.memory = memory;
        }
    }

    fn open_offset(&self) -> Option<u64> {
        self.open.iter().map(|open| open.meta.offset).min()
    }

    fn open_text(&self) -> MessageText {
        MessageText { deltas: self.open.iter().flat_map(Open::deltas).collect() }
    }

    fn task_output(&self, task_id: &str) -> Option<TaskOutput> {
        self.memory.tasks.iter().find(|(item, _)| item == task_id)?;
        let (text, cut) = self.memory.written.get(task_id)?;
        Some(task::cut_output(text, *cut))
    }

    fn cut(&mut self) -> Decoded {
        let mut out = Vec::new();
        self.cut_messages(&mut out);
        self.cut_calls(&mut out);
        self.memory.turn = None;
        out
    }
}
