//! The `data` of every event kind. Fields are only ever added, with a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    AgentInfo, Ask, AskId, Axes, Capabilities, ContextUse, Decision, Delivery, InputId, LimitsChanged,
    MessageId, MessageOrigin, Outcome, Part, PermissionDefault, PermissionRule, ProjectId, RestartPolicy,
    Role, Scope, Seq, SessionId, SuspendedBy, Timestamp, ToolKind, ToolState, TurnId, Usage, WorkspaceId,
};

/// `session.created`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionCreated {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// Name of the agent.
    pub agent: String,
    /// The directory, as it was given.
    pub cwd: String,
    /// The workspace's id.
    pub workspace_id: WorkspaceId,
    /// The project's id.
    pub project_id: ProjectId,
    /// Its title, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The session it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The native conversation that it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
}

/// Where a session was forked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parent {
    /// The session.
    pub session_id: SessionId,
    /// Its last event that is shared.
    pub seq: Seq,
    /// Messages before it that are not shown here, the oldest ones: there were too many. They stand in that session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_left_out: Option<u64>,
}

/// `session.forked`, recorded in the session that was forked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionForked {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// The new session.
    pub child: SessionId,
    /// The last event that is shared.
    pub seq: Seq,
}

/// `session.updated`: only what changed is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionUpdated {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// The new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The new tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The new metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// Who changed it: `client` or `agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// `session.activity_changed`, `session.health_changed`, `session.resumed`, `session.destroyed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionChanged {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
}

/// `session.native_bound`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NativeBound {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// The agent's own id of the conversation; null when it was let go.
    pub native_id: Option<String>,
}

/// `session.suspended`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionSuspended {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// Why.
    pub by: SuspendedBy,
}

/// `session.closed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionClosed {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// Process ids that had to be killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hit: Vec<u32>,
    /// Process ids that could not be ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remained: Vec<u32>,
}

/// `session.failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionFailed {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// What went wrong.
    pub error: ErrorInfo,
}

/// `session.cleared`: a new epoch begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionCleared {
    /// The axes after it.
    #[serde(flatten)]
    pub axes: Axes,
    /// The epoch that begins.
    pub epoch: u32,
}

/// An error as data: a stable code and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorInfo {
    /// Stable, one word.
    pub code: String,
    /// For people.
    pub message: String,
    /// Details by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// `input.admitted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputAdmitted {
    /// The input.
    pub input_id: InputId,
    /// How it is to reach the agent.
    pub delivery: Delivery,
    /// Its place in the queue, from 0, at this moment.
    pub position: u32,
    /// What it says.
    pub parts: Vec<Part>,
    /// The model to set when its turn starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The effort to set when its turn starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
}

/// How an input came into a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputHow {
    /// It started the turn.
    Turn,
    /// It was taken into a running turn.
    Steered,
}

/// `input.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputStarted {
    /// The input.
    pub input_id: InputId,
    /// The turn that takes it in.
    pub turn_id: TurnId,
    /// How.
    pub how: InputHow,
}

/// `input.cancelled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputCancelled {
    /// The input.
    pub input_id: InputId,
    /// Why: `request`, `discarded`, `closed`, `destroyed`.
    pub reason: String,
}

/// Who made a turn begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnOrigin {
    /// An input.
    Input,
    /// The agent itself.
    Agent,
}

/// `turn.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnStarted {
    /// The turn.
    pub turn_id: TurnId,
    /// Who made it begin.
    pub origin: TurnOrigin,
    /// The inputs that it serves from its start.
    pub input_ids: Vec<InputId>,
}

/// `turn.completed`: a turn's result without its text and parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnCompleted {
    /// The turn.
    pub turn_id: TurnId,
    /// Every input that it took in.
    #[serde(default)]
    pub input_ids: Vec<InputId>,
    /// The last message that the agent said in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// How it ended.
    pub outcome: Outcome,
    /// The agent's own word for why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// With outcome `limit`: `turns`, `budget`, `time`, `tokens` or `memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What it cost in US dollars, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// With outcome `failed` or `crashed`: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
}

/// `message.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageCompleted {
    /// The message.
    pub message_id: MessageId,
    /// Every native record folded into it.
    #[serde(default)]
    pub native_ids: Vec<String>,
    /// Who speaks.
    pub role: Role,
    /// Its parts; a tool part says how it stood at this moment.
    pub parts: Vec<Part>,
    /// The model that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// It was cut short.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// It is older than the session here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<MessageOrigin>,
    /// When it was said, where that was before the session and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Timestamp>,
    /// The tool call of the subagent that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_tool_id: Option<String>,
    /// The epoch it belongs to.
    #[serde(default)]
    pub epoch: u32,
    /// The event before it was cut, because more in it than an output was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
}

/// `tool.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolStarted {
    /// The agent's id of the call.
    pub tool_id: String,
    /// The message it belongs to: its tool part is there, or is added to it.
    pub message_id: MessageId,
    /// The tool's name.
    pub tool: String,
    /// What it does.
    pub kind: ToolKind,
    /// A line for people.
    pub title: String,
    /// `pending` or `running`.
    pub state: ToolState,
    /// What it is called with.
    #[serde(default)]
    pub input: Value,
    /// Files it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// The tool call of the subagent that calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_tool_id: Option<String>,
    /// The event before it was cut, because more in it than an output was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
}

/// `tool.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolCompleted {
    /// The agent's id of the call.
    pub tool_id: String,
    /// The message it belongs to.
    pub message_id: MessageId,
    /// The tool's name.
    pub tool: String,
    /// What it does.
    pub kind: ToolKind,
    /// A line for people.
    pub title: String,
    /// How it ended: `completed`, `failed`, `denied` or `cancelled`.
    pub state: ToolState,
    /// What it was called with at the end (an answer may have edited it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What it gave: text, or the agent's own structure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Changes to files, where the agent tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diffs: Vec<FileDiff>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Hash of the output's blob when it was too large for the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// Size in bytes of what stands in the blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The event before it was cut, because more in it than an output was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
}

/// Where the whole data of an event stands that was too large. In the event itself every text over 4 KB is cut to its
/// first 4 KB, and a structure that is still over 64 KB is the first 4 KB of its JSON, as a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whole {
    /// Hash of the blob: the `data` of the event, as JSON.
    pub blob: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A change to a file as an agent tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDiff {
    /// The file.
    pub path: String,
    /// Its text before; null for a new file.
    #[serde(default)]
    pub old_text: Option<String>,
    /// Its text after.
    pub new_text: String,
}

/// `ask.opened`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AskOpened {
    /// The ask, whole.
    #[serde(flatten)]
    pub ask: Ask,
    /// The event before it was cut, because more in it than an output was too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
}

/// `ask.resolved`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AskResolved {
    /// The ask.
    pub ask_id: AskId,
    /// The decision.
    pub decision: Decision,
    /// How far it reaches.
    pub scope: Scope,
    /// What was said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The agent's option that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_id: Option<String>,
    /// What the tool is called with instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<Value>,
    /// Answers by question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Value>,
    /// `client` or `policy`.
    pub by: String,
}

/// `ask.expired` (denied) and `ask.withdrawn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskEnded {
    /// The ask.
    pub ask_id: AskId,
    /// Why: `deadline`, `interrupted`, `agent`, `process_exited`, `turn_ended`.
    pub reason: String,
}

/// An entry of the agent's list of things to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Todo {
    /// Its id, ours where the agent has none.
    pub id: String,
    /// What is to be done.
    pub content: String,
    /// Where it stands.
    pub status: TodoStatus,
    /// The agent's word for its priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
}

/// Where a todo stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum TodoStatus {
    Pending,
    InProgress,
    Completed,
    Cancelled,
}

/// `todos.updated`: the whole list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TodosUpdated {
    /// The whole list.
    pub todos: Vec<Todo>,
}

/// `usage.updated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageUpdated {
    /// Totals of the session, where the agent tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Use of the context window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextUse>,
    /// Cost of the session so far in US dollars, where the agent tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// `config.changed`: only what changed is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ConfigChanged {
    /// The model that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model that the agent says it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_effective: Option<String>,
    /// The mode in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The effort in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// What happens to permission asks that no rule decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_default: Option<PermissionDefault>,
    /// All rules for permission asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_rules: Option<Vec<PermissionRule>>,
    /// Seconds until an ask is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_timeout_seconds: Option<u64>,
    /// Limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsChanged>,
    /// What happens when the process ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartPolicy>,
    /// `client` or `agent`.
    pub by: String,
    /// The number of the command to this process that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<u64>,
}

/// `request.refused`: the agent did not do what a client asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestRefused {
    /// What was asked for, as capabilities name it: `set_model`, `compact`, …
    pub verb: String,
    /// Why.
    pub error: ErrorInfo,
    /// The number of the command to this process that it answers.
    pub command: u64,
}

/// `task.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskStarted {
    /// The agent's id of the task.
    pub task_id: String,
    /// `shell`, `agent` or the agent's own word.
    pub kind: String,
    /// A line for people.
    pub title: String,
    /// The tool call that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// It goes on when the turn ends.
    #[serde(default)]
    pub background: bool,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum TaskStatus {
    Completed,
    Failed,
    Stopped,
}

/// What a task wrote, or where it wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskOutput {
    /// The end of it.
    Text {
        /// Its last 32 KB at most.
        text: String,
        /// There was more before that.
        #[serde(default)]
        truncated: bool,
    },
    /// The agent has it in a file of its own, which goes when the agent removes it.
    File {
        /// Where.
        path: String,
    },
}

/// `task.completed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskCompleted {
    /// The agent's id of the task.
    pub task_id: String,
    /// How it ended.
    pub status: TaskStatus,
    /// What the agent says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What it wrote, where the agent tells that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<TaskOutput>,
}

/// `compaction.started`, `compaction.completed`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Compaction {
    /// `auto` or `manual`, where told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Tokens before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_before: Option<u64>,
    /// Tokens after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_after: Option<u64>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `process.started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessStarted {
    /// Rises with each process of the session, from 1.
    pub generation: u32,
    /// Its process id.
    pub pid: u32,
    /// The native conversation that it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
}

/// `process.exited`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessExited {
    /// Which process.
    pub generation: u32,
    /// Its exit code, unless a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The end of its standard error, as text.
    #[serde(default)]
    pub stderr_tail: String,
    /// Nobody saw how it ended: its shim is gone too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// `session.agent_ready` is not an event; the handshake's result is kept in the session.
/// This is its stored shape.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Handshake {
    /// The program.
    pub agent_info: AgentInfo,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// `native.received`: something that has no event of its own, as the agent sent it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NativeReceived {
    /// Why it is here: `unknown`, `malformed`, `oversized`, `late`, or the agent's own kind.
    pub kind: String,
    /// Where the line begins in the process's output.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The line as JSON, where it is JSON and no longer than 64 KB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Else its first 1 KB as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `warning.raised`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarningRaised {
    /// Stable, one word.
    pub code: String,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// Who declared an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactSource {
    /// A client, by name.
    Client,
    /// A rule that was given when the session was created.
    Rule,
    /// The agent, by the tool that Tenure offers it.
    Tool,
}

/// Data of `artifact.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactCreated {
    /// What it is called.
    pub key: String,
    /// From 1, for this key.
    pub version: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Who declared it.
    pub source: ArtifactSource,
    /// The file that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
