//! The Agent Client Protocol: JSON-RPC, one message per line. Version 1, and version 2 with the programs that
//! are known to serve it; `two` has what differs.
//!
//! The client side only, and only the codec: who sends what and when is the session
//! machine's. Types of the protocol are read leniently from JSON, not decoded into
//! structs, because a typed decoder drops what it does not know, and agents say much that
//! no schema has.
//!
//! Where to find what: `id` our request ids, `handshake` up to the first prompt, `update`
//! what `session/update` tells, `message` chunks gathered into messages, `tool_call` tool
//! calls as they run, `replay` conversations told again and text read again, `ask` and
//! `form` requests to a person, `turn` the end of a turn, `write` all that we send.

mod agent;
mod ask;
mod capability;
mod content;
mod fault;
pub(crate) mod form;
mod handshake;
mod id;
mod message;
mod receive;
mod replay;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod tool;
mod tool_call;
mod turn;
mod two;
mod update;
mod usage;
mod write;

pub(crate) use capability::{known as known_supports, sounds_like_bypass};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{
    Codec, CodecError, Command, Decoded, EncodeContext, Kept, MessageText, StartRecord,
};

use crate::gather::{Open, OpenMeta};
use crate::rpc;
use state::State;

/// The protocol's name in messages.
const NAME: &str = "acp";

/// The codec of one agent process that speaks ACP.
#[derive(Debug)]
pub struct AcpCodec {
    record: StartRecord,
    state: State,
    open: Vec<Open>,
}

/// What is saved: the memory, and how each open message began; borrowed where it is written.
#[derive(Serialize, Deserialize)]
struct Saved<M, O> {
    state: M,
    open: Vec<O>,
}

impl AcpCodec {
    /// The codec of a process that was started so.
    #[must_use]
    pub fn new(record: StartRecord) -> Self {
        Self { record, state: State::default(), open: Vec::new() }
    }
}

impl Codec for AcpCodec {
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
        Kept::of(&Saved { state: &self.state, open })
    }

    fn restore(&mut self, saved: &Value) {
        if let Ok(Saved { state, open }) = Saved::<State, OpenMeta>::deserialize(saved) {
            self.open = open.into_iter().map(|meta| Open::new(&self.record, meta)).collect();
            self.state = state;
        }
    }

    fn open_offset(&self) -> Option<u64> {
        let messages = self.open.iter().map(|open| open.meta.offset);
        messages.chain(self.state.tools.iter().filter_map(|tool| tool.gathered_from())).min()
    }

    fn open_text(&self) -> MessageText {
        MessageText { deltas: self.open.iter().flat_map(Open::deltas).collect() }
    }

    fn cut(&mut self) -> Decoded {
        let mut out = Vec::new();
        self.close_all(true, &mut out);
        self.end_tools(&mut out);
        self.state.turn = state::Turn::default();
        self.state.early_end = None;
        out
    }
}
