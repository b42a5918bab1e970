//! The words between a session machine and an agent's codec: what an agent can tell
//! ([`Signal`]), what it can be told ([`Command`]), and the [`Codec`] between them and
//! the agent's own lines. No protocol appears here, and no I/O anywhere near it.
//!
//! # Rules for a codec
//! - [`Codec::decode`] is a deterministic function of the start record and the bytes so
//!   far. It may keep state, which is serialisable ([`Codec::save`], [`Codec::restore`]).
//! - Text that is being gathered is not in that state: after a restart the lines from
//!   [`Codec::open_offset`] on are read again, their signals thrown away. So reading them
//!   again on top of the saved state must lead to the same state.
//! - [`Codec::encode`] changes nothing. Ids that it puts on the wire derive from the
//!   command's number `n` or from the input, so that an answer can be matched by its id
//!   alone ([`Signal::Answered`], [`TurnEnd::prompt_n`]).
//! - Ids that the agent made are kept as raw JSON text.
//! - What a codec does not know it hands on as [`Signal::Native`]; nothing is fatal.

mod codec;
mod command;
mod signal;

pub use codec::{
    Back, Codec, CodecError, Decoded, EncodeContext, Fork, Kept, Point, ResumeHow, StartRecord, input_uuid,
    message_uuid,
};
pub use command::{
    Answer, AskAnswer, Command, FsAnswer, McpServerSpec, McpTransport, TerminalAnswer, TerminalExit,
};
pub use signal::{
    AgentError, AgentRequest, AskSignal, LineMark, MessageDone, MessageText, Signal, TaskSignal,
    TerminalRequest, ToolEnd, ToolStart, TurnEnd, TurnVerdict, Wait,
};
