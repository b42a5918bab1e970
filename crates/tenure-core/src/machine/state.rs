//! The stored state of a session. Fields are only ever added, with a default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tenure_api::{PermissionDefault, RestartPolicy};
use tenure_event::{
    Activity, AgentInfo, Ask, AskId, Axes, ContextUse, Delivery, ErrorInfo, InputId, Lifecycle, McpServer,
    MessageId, Outcome, Parent, Part, PermissionRule, ProjectId, Seq, SessionId, Support, SuspendedBy,
    TaskStarted, Timestamp, Todo, ToolKind, TurnId, TurnOrigin, Usage, WorkspaceId,
};

use super::artifact::ArtifactMark;
use super::call::Call;
use super::checkpoint::Checkpoints;
use super::count::Counts;
use super::hold::{HeldEnd, UnheardInterrupt};
use super::limit::{Ceilings, LimitKind, Meter};
use super::mcp::McpServers;
use crate::agent::{AgentRequest, Fork, Point, Wait};

/// What a session was created with. Secrets, instructions and tool servers are not here:
/// they lie in a private file and are needed only when a process starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Its id.
    pub id: SessionId,
    /// Name of its agent.
    pub agent: String,
    /// The directory as it was given.
    pub cwd: String,
    /// The directory, canonical.
    pub cwd_canonical: String,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// `directory`, `scratch` or `worktree`.
    pub workspace_kind: String,
    /// Its project.
    pub project_id: ProjectId,
    /// The project's path.
    pub project_path: String,
    /// The session it was forked from.
    pub parent: Option<Parent>,
    /// The native conversation that it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
    /// What happens to permission asks.
    pub permission_default: PermissionDefault,
    /// Seconds until an ask is denied.
    pub ask_timeout_seconds: u64,
    /// Nobody said so for this session: the configuration may say otherwise.
    #[serde(default)]
    pub ask_timeout_by_default: bool,
    /// Rules for permission asks.
    #[serde(default)]
    pub permission_rules: Vec<PermissionRule>,
    /// A mode that bypasses permissions may be used.
    pub allow_bypass: bool,
    /// Agents may use the directory's own settings.
    pub project_trusted: bool,
    /// Limits of turns, money and memory.
    #[serde(default)]
    pub ceilings: Ceilings,
    /// Seconds that one turn may take; 0 for no limit.
    pub turn_seconds: u64,
    /// Seconds of idleness until it is suspended; 0 never.
    pub idle_seconds: u64,
    /// What happens when its process ends by itself.
    pub restart: RestartPolicy,
    /// The host chooses the native id, and this is it.
    pub native_id_chosen: Option<String>,
    /// The conversation that it continues.
    pub resumes: Option<String>,
    /// The agent writes "always" answers into the project's settings.
    pub always_writes_settings: bool,
    /// Seconds that a handshake may take.
    pub start_seconds: u64,
    /// Seconds without a sign of life until a turn counts as stalled.
    pub stall_seconds: u64,
    /// When checkpoints of the files are taken.
    #[serde(default)]
    pub checkpoints: tenure_api::CheckpointMode,
    /// The machine's name.
    pub node: String,
}

/// An input that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedInput {
    /// Which.
    pub input_id: InputId,
    /// How it is to reach the agent.
    pub delivery: Delivery,
    /// Rises when it is handed over again.
    pub attempt: u32,
    /// The beginning of its text.
    pub brief: String,
    /// When it was admitted.
    pub admitted_at: Timestamp,
    /// The model to set.
    pub model: Option<String>,
    /// The effort to set.
    pub effort: Option<String>,
    /// Hash of the request that admitted it.
    pub body_hash: String,
    /// What it says; stored in the input's own row, not here. Shared: a machine is copied before each step.
    #[serde(skip)]
    pub parts: Arc<Vec<Part>>,
}

/// The agent process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proc {
    /// Rises with each process of the session.
    pub generation: u32,
    /// Known once it was started.
    pub pid: Option<u32>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// The handshake is done.
    pub ready: bool,
    /// The conversation that it continues.
    pub resumes: Option<String>,
    /// When it was last found again by a daemon that had been away.
    #[serde(default)]
    pub found_at: Option<Timestamp>,
    /// A daemon that had been away has not found it yet: it may be gone, so nothing is begun on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

impl Proc {
    /// Whether work can be begun on it.
    pub(super) fn takes_work(&self) -> bool {
        self.ready && !self.unseen
    }
}

/// An input in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnInput {
    /// Which.
    pub input_id: InputId,
    /// Its native id.
    pub native: String,
}

/// A steered input that was not taken in yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steered {
    /// The input as it would stand in the queue.
    pub queued: QueuedInput,
    /// Its native id.
    pub native: String,
    /// The number of its command.
    pub n: u64,
    /// Its words: needed if it goes back into the queue, and small in number.
    pub parts: Vec<Part>,
    /// An interrupt discards it, unless it turns out that the agent was faster and took it in.
    #[serde(default)]
    pub discarded: bool,
}

/// A turn that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Which.
    pub id: TurnId,
    /// Who made it begin.
    pub origin: TurnOrigin,
    /// When.
    pub started_at: Timestamp,
    /// Inputs that it took in.
    pub inputs: Vec<TurnInput>,
    /// Inputs that it may still take in.
    pub steered: Vec<Steered>,
    /// The number of its prompt command.
    pub prompt_n: Option<u64>,
    /// Since when it is being interrupted.
    pub interrupting: Option<Timestamp>,
    /// The limit that it reached.
    pub limit: Option<String>,
    /// The last message that the agent said in it.
    pub last_message: Option<MessageId>,
    /// Tools that run.
    pub tools: BTreeSet<String>,
    /// Tools whose ask was denied and that have not ended yet.
    #[serde(default)]
    pub denied: BTreeSet<String>,
    /// Steered inputs whose answer has not come, by native id, with the numbers of their commands.
    #[serde(default)]
    pub unanswered: BTreeMap<String, u64>,
    /// How it is asked again after a rate limit.
    #[serde(default)]
    pub retry: super::reset::Retry,
    /// Its end, as long as it waits for those answers.
    #[serde(default)]
    pub held: Option<Box<HeldEnd>>,
}

/// An ask that is open, with what its answer needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenAsk {
    /// The ask.
    pub ask: Ask,
    /// The agent's id of its request.
    pub token: String,
    /// The process that asked.
    pub generation: u32,
    /// What the codec wants back.
    pub keep: Value,
    /// See [`crate::agent::AskSignal`].
    pub can_update_input: bool,
    /// See [`crate::agent::AskSignal`].
    pub can_always: bool,
}

/// "Allow" for the rest of the session, given by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRule {
    /// The tool.
    pub tool: String,
    /// What it was called with, as a digest of what matters; `None` for any.
    pub input: Option<String>,
}

/// Why a process is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// To suspend.
    Suspend(SuspendedBy),
    /// To begin an empty conversation.
    Clear,
    /// To take the conversation back.
    TakeBack,
    /// To close.
    Close,
    /// To destroy.
    Destroy {
        /// The events stay readable.
        keep_transcript: bool,
    },
    /// It is of no use: the handshake failed or took too long.
    Useless,
}

/// A word of a later version is none to go on from: what it means is not known.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Lifecycle, D::Error> {
    match Lifecycle::deserialize(from)? {
        Lifecycle::Other(word) => {
            Err(D::Error::custom(format!("lifecycle `{}` is of a later version of Tenure", word.as_str())))
        }
        known => Ok(known),
    }
}

/// The state of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What it was created with.
    pub spec: Spec,
    /// Its last event.
    pub last_seq: Seq,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its last activity.
    pub updated_at: Timestamp,
    /// Title.
    pub title: Option<String>,
    /// The title is the agent's own word, and may be replaced by another of its.
    #[serde(default)]
    pub title_by_agent: bool,
    /// Tags.
    pub tags: Vec<String>,
    /// Metadata.
    pub metadata: BTreeMap<String, Value>,
    /// Text that waits to be sent by a person.
    pub draft: Option<String>,
    /// The first thing that was said.
    pub first_input: Option<String>,
    /// Hidden from the usual lists.
    pub archived: bool,
    /// How far its life has come.
    #[serde(deserialize_with = "known")]
    pub lifecycle: Lifecycle,
    /// Why it is suspended.
    pub suspended_by: Option<SuspendedBy>,
    /// Why it failed.
    pub failure: Option<ErrorInfo>,
    /// How its last turn ended.
    pub last_outcome: Option<Outcome>,
    /// The agent's own id of the conversation, confirmed.
    pub native_id: Option<String>,
    /// Something was said in the conversation: it can be continued.
    pub begun: bool,
    /// What was said before the session held the conversation is in the log, or there is nothing of that kind.
    #[serde(default = "yes")]
    pub history_taken: bool,
    /// As far as this the conversation is to be continued: it was taken back, and the agent has no trace of that before
    /// a turn has followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// All of the conversation was taken back: it is not continued any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_all: bool,
    /// The session that it was forked from has not recorded that yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent_untold: bool,
    /// Model, mode and effort that were asked for.
    pub model: Option<String>,
    /// The model that the agent says it uses.
    pub model_effective: Option<String>,
    /// See `model`.
    pub mode: Option<String>,
    /// See `model`.
    pub effort: Option<String>,
    /// Rises with each `clear`.
    pub epoch: u32,
    /// Rises with each rewind of the conversation.
    #[serde(default)]
    pub branch: u32,
    /// Number of the last process.
    pub generation: u32,
    /// Number of the next command.
    pub next_n: u64,
    /// The process.
    pub process: Option<Proc>,
    /// Why it is being ended.
    pub ending: Option<Ending>,
    /// Inputs that wait.
    pub queue: Vec<QueuedInput>,
    /// An input came while the process was being ended to suspend: another one is started once it is gone.
    #[serde(default)]
    pub wake_after: bool,
    /// Inputs do not start because a limit was reached.
    pub held_by_limit: bool,
    /// Which limit that is. Absent with `held_by_limit` in states of a version that knew one of time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_reached: Option<LimitKind>,
    /// What is counted toward the limits.
    #[serde(default)]
    pub meter: Meter,
    /// The turn that runs.
    pub turn: Option<Turn>,
    /// The agent said that a turn ended, and not yet that it is idle: until then no prompt is sent.
    pub busy_until: Option<Timestamp>,
    /// An interrupt that made steered inputs go back into the queue, and that the agent has not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<UnheardInterrupt>,
    /// Commands whose answers somebody waits for, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<u64, Call>,
    /// What was done so far.
    #[serde(default)]
    pub counts: Counts,
    /// Asks that are open.
    pub asks: BTreeMap<AskId, OpenAsk>,
    /// File requests that are being served, by the agent's id. `None` for one that is too large to keep.
    #[serde(default)]
    pub serving: BTreeMap<String, Option<AgentRequest>>,
    /// The newest version of each artifact.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactMark>,
    /// What the configuration says about permissions; not stored.
    #[serde(skip)]
    pub policy: Arc<super::policy::Policy>,
    /// Allowed for the session.
    pub rules: Vec<SessionRule>,
    /// Tasks that run.
    pub tasks: BTreeMap<String, TaskStarted>,
    /// Those of them that a client has stopped and whose end is still to come.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stopping: BTreeSet<String>,
    /// The agent waits for something.
    pub wait: Option<Wait>,
    /// The agent compacts its context.
    pub compacting: bool,
    /// The agent is kept from writing.
    pub spool_blocked: bool,
    /// A tool server failed.
    pub mcp_failed: bool,
    /// No sign of life since then.
    pub stalled: Option<Timestamp>,
    /// The last sign of life. Not exact in the store: lines that changed nothing else are not stored.
    pub life_at: Timestamp,
    /// A probe was sent and not answered.
    pub probing: bool,
    /// Since when nothing works or waits.
    pub idle_since: Timestamp,
    /// Crashes in a row without a finished turn between.
    pub crashes: u32,
    /// When it was started again by its restart policy, as far as that still counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<Timestamp>,
    /// When to start again after a crash.
    pub restart_at: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
    /// Use of the context window.
    pub context: Option<ContextUse>,
    /// Things to do.
    pub todos: Vec<Todo>,
    /// Tool servers, as the agent told them last.
    pub mcp: Vec<McpServer>,
    /// Tool servers that clients want.
    #[serde(default, skip_serializing_if = "McpServers::is_untouched")]
    pub servers: McpServers,
    /// The program.
    pub agent_info: Option<AgentInfo>,
    /// Which verbs the agent supports. Shared: a machine is copied before each step.
    pub supports: Arc<BTreeMap<String, Support>>,
    /// The axes as they were last told by an event.
    pub told: Axes,
    /// The activity with its beginning.
    pub activity: Option<Activity>,
    /// Checkpoints of the files, and ways back.
    #[serde(default, skip_serializing_if = "Checkpoints::is_untouched")]
    pub checkpoints: Checkpoints,
    /// What kinds of tools are open, for the stall detector and for people.
    #[serde(default)]
    pub tool_kinds: BTreeMap<String, ToolKind>,
}

impl State {
    pub(super) fn new(spec: Spec, at: Timestamp) -> Self {
        Self {
            begun: spec.resumes.is_some() || spec.fork.is_some(),
            // What a session here said before is handed to its fork.
            history_taken: spec.resumes.is_none() && (spec.fork.is_none() || spec.parent.is_some()),
            point: None,
            left_all: false,
            parent_untold: spec.parent.is_some(),
            spec,
            last_seq: Seq(0),
            created_at: at,
            updated_at: at,
            title: None,
            title_by_agent: false,
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            draft: None,
            first_input: None,
            archived: false,
            lifecycle: Lifecycle::Creating,
            suspended_by: None,
            failure: None,
            last_outcome: None,
            native_id: None,
            model: None,
            model_effective: None,
            mode: None,
            effort: None,
            epoch: 0,
            branch: 0,
            generation: 0,
            next_n: 1,
            process: None,
            ending: None,
            queue: Vec::new(),
            wake_after: false,
            held_by_limit: false,
            limit_reached: None,
            meter: Meter::default(),
            turn: None,
            busy_until: None,
            unheard: None,
            calls: BTreeMap::new(),
            counts: Counts::default(),
            asks: BTreeMap::new(),
            serving: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            policy: Arc::default(),
            rules: Vec::new(),
            tasks: BTreeMap::new(),
            stopping: BTreeSet::new(),
            wait: None,
            compacting: false,
            spool_blocked: false,
            mcp_failed: false,
            stalled: None,
            life_at: at,
            probing: false,
            idle_since: at,
            crashes: 0,
            restarts: Vec::new(),
            restart_at: None,
            usage: Usage::default(),
            context: None,
            todos: Vec::new(),
            mcp: Vec::new(),
            servers: McpServers::default(),
            agent_info: None,
            supports: Arc::default(),
            told: Axes::default(),
            activity: None,
            checkpoints: Checkpoints::default(),
            tool_kinds: BTreeMap::new(),
        }
    }

    /// Whether the daemon must look at it when it starts: it has a process, waiting inputs, open asks or a deadline.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.process.is_some()
            || self.ending.is_some()
            || !self.asks.is_empty()
            || self.restart_at.is_some()
            || self.turn.is_some()
            || self.checkpoints.is_busy()
            || self.parent_untold
            || (!self.queue.is_empty() && matches!(self.lifecycle, Lifecycle::Creating | Lifecycle::Live))
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_of_a_later_version_is_not_gone_on_with() {
        #[derive(Debug, Deserialize)]
        struct Life(#[serde(deserialize_with = "known")] Lifecycle);
        let read = |word: &str| serde_json::from_str::<Life>(word).map(|life| life.0);
        assert_eq!(read("\"live\"").ok(), Some(Lifecycle::Live));
        let refused = read("\"dreaming\"").expect_err("unknown").to_string();
        assert!(refused.contains("`dreaming` is of a later version"), "{refused}");
    }
}
