//! What the codec remembers between lines, apart from text that is being gathered: small,
//! bounded, and saved with every commit. Nothing here reads frames.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{AgentError, ToolEnd, ToolStart};
use tenure_event::{MessageId, ToolKind, ToolState, Usage};

use super::queue::Queue;

/// Tool calls that are followed at once; the oldest gives way.
pub(super) const CALLS_MAX: usize = 256;
/// Questions of extensions that are tied to a tool call.
pub(super) const ASKS_MAX: usize = 256;
/// A line with a longer tool call leaves the call's input out of memory.
pub(super) const INPUT_MAX: usize = 8 * 1024;

/// The codec's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Offsets below this one have been read: lines there only rebuild text.
    pub upto: u64,
    /// What the handshake has told; kept until [`Memory::ready`].
    pub told: Told,
    /// The handshake is over.
    pub ready: bool,
    /// The handshake came to nothing.
    pub failed: bool,
    /// The conversation's id as the process confirmed it.
    pub native_id: Option<String>,
    /// The file that the program keeps it in.
    pub session_file: Option<String>,
    /// The conversation's title.
    pub title: Option<String>,
    /// The model in use.
    pub model: Option<Model>,
    /// The effort in force.
    pub effort: Option<String>,
    /// The process works: it began and has not settled.
    pub running: bool,
    /// The prompt that was accepted and has not ended.
    pub prompt: Option<u64>,
    /// Its own message has begun: what a user says after it in its turn comes from elsewhere.
    pub heard_prompt: bool,
    /// The last interrupt that was answered.
    pub aborted: u64,
    /// Inputs that were steered.
    pub queue: Queue,
    /// The last message of the model, to which tool calls belong.
    pub message_id: Option<MessageId>,
    /// Tool calls that have not ended, oldest first.
    pub calls: Vec<Call>,
    /// Questions that were asked about a tool call: token and call.
    pub asks: Vec<(String, String)>,
    /// The agent waits before it tries again.
    pub waiting: bool,
    /// Compaction began and has not ended.
    pub compacting: bool,
    /// The agent said something in this turn, or called a tool.
    pub said: bool,
    /// How the last message of the model in this turn ended.
    pub stop: Option<String>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What this turn used.
    pub usage: Option<Usage>,
    /// What the last call of the model put into the window, in tokens.
    pub context_used: Option<u64>,
    /// The use of the window as it was told last: used, and of how many.
    pub context_told: Option<(u64, u64)>,
}

/// What the handshake has told so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    pub state: Option<Value>,
    pub models: Option<Value>,
    pub levels: Option<Value>,
}

/// The model in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Model {
    pub provider: String,
    pub id: String,
    /// Size of its context window, in tokens.
    pub window: Option<u64>,
}

impl Model {
    /// What a session calls it.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }
}

/// A tool call as it was told when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    pub tool_id: String,
    pub message_id: MessageId,
    pub tool: String,
    pub kind: ToolKind,
    pub title: String,
    /// Empty if it was too large to remember.
    pub input: Value,
    pub locations: Vec<String>,
    /// It is being carried out.
    pub runs: bool,
    /// Bytes of its output that were told.
    pub told: usize,
}

impl Call {
    /// In the words of the agent vocabulary.
    pub(super) fn start(&self) -> ToolStart {
        ToolStart {
            tool_id: self.tool_id.clone(),
            message_id: self.message_id.clone(),
            tool: self.tool.clone(),
            kind: self.kind,
            title: self.title.clone(),
            state: ToolState::Running,
            input: self.input.clone(),
            locations: self.locations.clone(),
            parent_tool_id: None,
        }
    }

    /// Its end when nobody told one.
    pub(super) fn cancelled(&self) -> ToolEnd {
        self.start().ended(ToolState::Cancelled)
    }
}

impl Memory {
    /// Forgets a call.
    pub(super) fn end_call(&mut self, tool_id: &str) -> Option<Call> {
        let at = self.calls.iter().position(|call| call.tool_id == tool_id)?;
        Some(self.calls.remove(at))
    }
}

/// An error in the words of the agent vocabulary.
pub(super) fn error(code: &str, message: &str, data: Option<Value>) -> AgentError {
    AgentError { code: code.to_owned(), message: message.to_owned(), data }
}
