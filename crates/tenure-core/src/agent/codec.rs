//! The codec between an agent's lines and the words of this module.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tenure_event::{InputId, MessageId, SessionId, TaskOutput, Timestamp};
use uuid::Uuid;

use super::{Command, McpServerSpec, MessageText, Signal};

/// How a process is to take up a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", content = "native_id", rename_all = "snake_case")]
pub enum ResumeHow {
    /// Begin an empty one.
    New,
    /// Begin an empty one with this native id, where the agent lets its host choose.
    NewAs(String),
    /// Continue the one with this native id.
    Resume(String),
    /// Continue one as far as a point, and forget what followed.
    Back(Back),
    /// Begin another one that shares what was said in one.
    Fork(Fork),
}

/// A conversation as far as a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The native id of the conversation.
    pub id: String,
    /// What is kept.
    pub point: Point,
}

/// A conversation that shares what was said in another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The native id of the other one. It goes on as it was.
    pub from: String,
    /// How much is shared; all of it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// The native id of the new one, where the agent lets its host choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
}

/// A point of a conversation: the end of a turn. It is told by what was said last, so that going there a second time
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Native ids of the last turn that is kept, oldest first.
    pub kept: Vec<String>,
}

impl ResumeHow {
    /// The native id of the conversation that it continues.
    #[must_use]
    pub fn continues(&self) -> Option<&str> {
        match self {
            Self::Resume(id) | Self::Back(Back { id, .. }) => Some(id),
            Self::New | Self::NewAs(_) | Self::Fork(_) => None,
        }
    }

    /// What is kept or shared, if not all of it.
    #[must_use]
    pub fn point(&self) -> Option<&Point> {
        match self {
            Self::Back(Back { point, .. }) => Some(point),
            Self::Fork(Fork { point, .. }) => point.as_ref(),
            Self::New | Self::NewAs(_) | Self::Resume(_) => None,
        }
    }

    /// Something was said before this process.
    #[must_use]
    pub fn has_past(&self) -> bool {
        matches!(self, Self::Resume(_) | Self::Back(_) | Self::Fork(_))
    }
}

/// All that one agent process is started with, as far as a codec needs it. Written before
/// the process starts; never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartRecord {
    /// The session.
    pub session_id: SessionId,
    /// Rises with each process of the session, from 1.
    pub generation: u32,
    /// When it was started.
    pub started_at: Timestamp,
    /// Its directory (canonical).
    pub cwd: String,
    /// How it takes up the conversation.
    pub resume: ResumeHow,
    /// The model to use.
    pub model: Option<String>,
    /// The mode to use.
    pub mode: Option<String>,
    /// The effort to use.
    pub effort: Option<String>,
    /// Text to append to the agent's own instructions.
    pub append_instructions: Option<String>,
    /// Text to use instead of them.
    pub replace_instructions: Option<String>,
    /// Tool servers that stay. Secret values are filled in when the command is encoded, not here.
    pub mcp_servers: Vec<McpServerSpec>,
    /// Tool servers that clients set since; they may be replaced while the process runs. Secret values are marks that
    /// are filled in when a command is sent.
    #[serde(default)]
    pub mcp_put: Vec<McpServerSpec>,
    /// Names of tool servers that are not to be used.
    #[serde(default)]
    pub mcp_off: Vec<String>,
    /// Settings of the project's directory may be used.
    pub project_trusted: bool,
    /// A bypass of permissions was asked for by name.
    pub allow_bypass: bool,
    /// The agent's preset, for what only one program does (`goose`, `codex-acp`, …).
    pub preset: Option<String>,
    /// Commands of the agent may be run by Tenure, if its protocol has a way for that.
    #[serde(default)]
    pub terminals: bool,
}

impl StartRecord {
    /// The tool servers that the process is to have.
    pub fn servers(&self) -> impl Iterator<Item = &McpServerSpec> {
        self.servers_with(&self.mcp_put, &self.mcp_off)
    }

    /// The tool servers that it is to have when these are set, and these are off.
    pub fn servers_with<'a>(
        &'a self,
        put: &'a [McpServerSpec],
        off: &'a [String],
    ) -> impl Iterator<Item = &'a McpServerSpec> {
        self.mcp_servers.iter().chain(put).filter(|spec| !off.contains(&spec.name))
    }
}

/// What the daemon fills in at the last moment, and never stores with the command.
#[derive(Debug, Clone, Default)]
pub struct EncodeContext {
    /// Secret values of tool servers by server name: environment, or headers.
    pub mcp_secrets: BTreeMap<String, BTreeMap<String, String>>,
    /// Sets of tool servers that clients put in place, by their numbers.
    pub mcp_sets: BTreeMap<u32, Vec<McpServerSpec>>,
}

impl EncodeContext {
    /// What a tool server's environment or headers are, secrets included.
    #[must_use]
    pub fn values_of(&self, server: &McpServerSpec) -> BTreeMap<String, String> {
        let mut all = server.transport.values().clone();
        all.extend(self.mcp_secrets.get(&server.name).cloned().unwrap_or_default());
        all
    }
}

/// Signals of one line.
pub type Decoded = Vec<Signal>;

/// A command that cannot be said to this agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The agent has no way for it.
    #[error("{agent} cannot {verb}: {why}")]
    Unsupported {
        /// The protocol.
        agent: &'static str,
        /// The verb.
        verb: &'static str,
        /// Why.
        why: String,
    },
}

impl CodecError {
    /// This codec has no words for a command that some other agent takes.
    #[must_use]
    pub fn no_words(agent: &'static str, command: &Command) -> Self {
        let why = "its protocol has no such command".to_owned();
        Self::Unsupported { agent, verb: command.verb(), why }
    }
}

/// A codec's memory as it is stored: JSON as text, since it is written with every step and seldom read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(Box<RawValue>);

impl Kept {
    /// That of a codec. What cannot be written as JSON is kept as null, which is no memory.
    #[must_use]
    pub fn of(memory: &impl Serialize) -> Self {
        serde_json::value::to_raw_value(memory).map_or_else(|_| Self::default(), Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// What [`Codec::restore`] takes; none of no memory.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.as_str()).ok().filter(|value: &Value| !value.is_null())
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// One protocol. See the module's documentation for the rules.
pub trait Codec: Send {
    /// The first commands to a new process.
    fn hello(&self) -> Vec<Command>;

    /// Reads one line. `offset` is where it begins in the process's output.
    fn decode(&mut self, offset: u64, line: &[u8]) -> Decoded;

    /// Writes one command as lines, newline included. `n` is its number in this process.
    ///
    /// # Errors
    /// When the agent has no way for it.
    fn encode(&self, n: u64, command: &Command, context: &EncodeContext) -> Result<Vec<u8>, CodecError>;

    /// The codec's memory, apart from text that is being gathered.
    fn save(&self) -> Kept;

    /// Takes the memory back.
    fn restore(&mut self, saved: &Value);

    /// Where the oldest message begins whose text is still being gathered, if any.
    fn open_offset(&self) -> Option<u64>;

    /// The messages that are being written, for a follower that joins.
    fn open_text(&self) -> MessageText;

    /// What a running task wrote so far, where the agent tells that.
    fn task_output(&self, _task_id: &str) -> Option<TaskOutput> {
        None
    }

    /// The process is gone or the turn was cut: messages that are still open, as far as
    /// they were seen (`partial`), and tools that were started (`cancelled`).
    fn cut(&mut self) -> Decoded;
}

/// The id of the message that begins at `offset` of this process's output: the same
/// whenever it is computed, and in the order of a session's messages.
#[must_use]
pub fn message_uuid(record: &StartRecord, offset: u64, index: u16) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(record.session_id.as_str());
    hash.update(record.generation.to_le_bytes());
    let hash = hash.finalize();
    let ms = u64::try_from(record.started_at.as_millis()).unwrap_or(0);
    // 12 bits, then 62 bits: generation, 40 bits of offset, index, and 14 bits of hash.
    let generation = u128::from(record.generation & 0xfff);
    let low = (u128::from(offset & 0xff_ffff_ffff) << 22)
        | (u128::from(index & 0xff) << 14)
        | u128::from(u16::from_le_bytes([hash[0], hash[1]]) & 0x3fff);
    let value =
        (u128::from(ms & 0xffff_ffff_ffff) << 80) | (0x7 << 76) | (generation << 64) | (0b10 << 62) | low;
    MessageId::from_uuid(Uuid::from_u128(value))
}

/// The native id that an input has on the wire, where the protocol lets its host choose:
/// a UUID (version 4 in form) that is the same whenever it is computed.
#[must_use]
pub fn input_uuid(session: &SessionId, input: &InputId, attempt: u32) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(session.as_str());
    hash.update([0]);
    hash.update(input.as_str());
    hash.update(attempt.to_le_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
