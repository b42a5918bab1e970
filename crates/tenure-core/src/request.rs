//! What clients can ask of a session, and what the machine replies at once. Waiting until
//! something is done is not the machine's business: whoever waits follows the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_api::{ConfigPatch, QueueChoice, Receipt};
use tenure_event::{
    ArtifactSource, Ask, AskId, Decision, Delivery, InputId, Part, Scope, Seq, SessionId, TurnId,
};

use crate::machine::{McpRequest, TakenCheckpoint, Way};

/// What clients can ask of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Take an input in.
    Admit(Admit),
    /// Take a queued input out.
    CancelInput(InputId),
    /// Change a queued input's words.
    EditInput {
        /// Which.
        input_id: InputId,
        /// Its new parts.
        parts: Vec<Part>,
    },
    /// End the running turn.
    Interrupt {
        /// What happens to inputs that wait.
        queue: QueueChoice,
    },
    /// End the process, keep everything.
    Suspend,
    /// Bring a process back.
    Resume,
    /// End the process and refuse inputs.
    Close,
    /// As close, without grace.
    Kill,
    /// Remove all data.
    Destroy {
        /// The events stay readable.
        keep_transcript: bool,
    },
    /// Answer an ask.
    Answer(AnswerRequest),
    /// Change model, mode, effort or who answers permission asks.
    Configure(Box<ConfigPatch>),
    /// Sum up the conversation to make room in the context window.
    Compact {
        /// What the summary is to keep.
        instructions: Option<String>,
    },
    /// Begin an empty conversation; what was said stays readable.
    Clear,
    /// End one task.
    StopTask {
        /// The agent's id of it.
        task_id: String,
    },
    /// Something about tool servers.
    Mcp(McpRequest),
    /// Change title, tags, metadata, the archived mark or the draft.
    Update(Box<UpdateRequest>),
    /// Record a checkpoint that was taken on request.
    Checkpoint {
        /// What to call it.
        label: Option<String>,
        /// What was recorded.
        taken: Box<TakenCheckpoint>,
    },
    /// Take files back, or what was said, or both. It is done when `rewind.completed`, `rewind.undone` or a warning `rewind_failed` follows.
    Rewind(Box<Way>),
    /// Record that another session was begun from what was said here.
    Forked {
        /// The new session.
        child: SessionId,
        /// The last event that is shared.
        seq: Seq,
    },
    /// Record bytes that are kept as a version of an artifact.
    KeepArtifact(Box<ArtifactRequest>),
}

/// An input to take in.
#[derive(Debug, Clone, PartialEq)]
pub struct Admit {
    /// Its id: the client's, or one that was made for it.
    pub input_id: InputId,
    /// How it is to reach the agent.
    pub delivery: Delivery,
    /// What it says.
    pub parts: Vec<Part>,
    /// The model to set when its turn starts.
    pub model: Option<String>,
    /// The effort to set when its turn starts.
    pub effort: Option<String>,
    /// Hash of the request, to tell a repetition from another input.
    pub body_hash: String,
    /// The id was made for this very request: it cannot have been admitted before, so nobody need look.
    pub minted: bool,
}

/// An answer to an ask.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRequest {
    /// The ask.
    pub ask_id: AskId,
    /// The decision.
    pub decision: Decision,
    /// How far it reaches.
    pub scope: Scope,
    /// Goes to the agent.
    pub message: Option<String>,
    /// What the tool is called with instead.
    pub updated_input: Option<Value>,
    /// Answers by question.
    pub answers: Option<Value>,
    /// The agent's own option to take.
    pub option_id: Option<String>,
}

/// Bytes that are kept, by their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRequest {
    /// What the artifact is called.
    pub key: String,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// How many there are.
    pub bytes: u64,
    /// Who declared it.
    pub source: ArtifactSource,
    /// The file that it was taken from.
    pub path: Option<String>,
}

/// What is given is set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpdateRequest {
    /// The title; `Some(None)` clears it.
    pub title: Option<Option<String>>,
    /// The tags.
    pub tags: Option<Vec<String>>,
    /// The metadata.
    pub metadata: Option<BTreeMap<String, Value>>,
    /// The archived mark.
    pub archived: Option<bool>,
    /// The draft.
    pub draft: Option<String>,
}

/// What a caller that waits has to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Nothing: it is done.
    Now,
    /// The end of this turn.
    TurnEnd(TurnId),
    /// `session.suspended`, `session.closed`, `session.failed` or `session.destroyed`, whichever comes first.
    ProcessGone,
    /// The handshake of a process: an activity that is not null with a health other than `starting`, or
    /// `session.failed`, or `session.suspended`.
    Ready,
    /// `session.cleared`, or an end of the session that came before.
    Cleared,
    /// The agent's answers to these commands: `config.changed` or `request.refused` with the number, unless
    /// `process.exited` comes first.
    Answers(Vec<u64>),
    /// `compaction.completed`, or what [`Until::Answers`] waits for with a refusal.
    Compacted(u64),
    /// The `task.completed` of this task, or a refusal of the command with this number.
    TaskEnd(String, u64),
}

/// What the machine replies at once. Stored with an idempotency key, so it can be read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// An input was admitted (now, or before with the same id).
    Admitted(Receipt),
    /// A verb was recorded.
    Done {
        /// What it hits, for example `turn:trn_…`.
        hit: Vec<String>,
        /// The session's last event after it was recorded: what is waited for comes after `seq`
        /// unless `until` is `now`.
        seq: Seq,
        /// What to wait for.
        until: Until,
    },
    /// An ask was answered.
    Answered(Box<Ask>),
    /// An artifact has this version.
    Artifact {
        /// Which.
        version: u64,
        /// It had not before.
        new: bool,
    },
}
