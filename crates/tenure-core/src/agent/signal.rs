//! What an agent can tell.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{
    AgentInfo, AskKind, AskOption, Capabilities, ContextUse, FileDiff, McpServer, MessageDelta, MessageId,
    Part, Question, Role, TaskOutput, TaskStarted, TaskStatus, Timestamp, Todo, ToolKind, ToolState, Usage,
    WaitReason,
};

use super::Command;

/// An error as an agent tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentError {
    /// One of our codes: `agent_error`, `auth_required`, `rate_limited`, `overloaded`,
    /// `resume_failed`, `not_found`, `invalid`, `unsupported`, `context_full`, `model_error`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The agent's own structure.
    pub data: Option<Value>,
}

impl AgentError {
    /// When the limit is reset that it tells of: `rate_limited` with `resets_at_seconds` (since 1970) or `resets_in_ms`
    /// in its data.
    #[must_use]
    pub fn resets_at(&self, now: Timestamp) -> Option<Timestamp> {
        let data = self.data.as_ref().filter(|_| self.code == "rate_limited")?;
        let number = |name: &str| data.get(name).and_then(Value::as_i64).filter(|n| *n > 0);
        let at = number("resets_at_seconds").and_then(|s| s.checked_mul(1000)).map(Timestamp::from_millis);
        at.or_else(|| number("resets_in_ms").map(|ms| now.plus_millis(ms)))
    }
}

/// A message that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageDone {
    /// Our id, made by [`super::message_uuid`].
    pub message_id: MessageId,
    /// Every native record folded into it.
    pub native_ids: Vec<String>,
    /// Who speaks.
    pub role: Role,
    /// Its parts, whole. A tool part stands in the message that called it, if the agent's
    /// protocol has it there.
    pub parts: Vec<Part>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// What it used.
    pub usage: Option<Usage>,
    /// It was cut short.
    pub partial: bool,
    /// It was said before this process: replayed by the agent while it loaded a conversation.
    pub replayed: bool,
    /// The tool call of the subagent that said it.
    pub parent_tool_id: Option<String>,
}

/// A message that is still being written, for a follower that joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// All of each part so far, from offset 0.
    pub deltas: Vec<MessageDelta>,
}

/// A tool call begins.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolStart {
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
    /// `pending` or `running`.
    pub state: ToolState,
    /// What it is called with.
    pub input: Value,
    /// Files it is about.
    pub locations: Vec<String>,
    /// The tool call of the subagent that calls it.
    pub parent_tool_id: Option<String>,
}

impl ToolStart {
    /// Its end when nothing else was told of it.
    #[must_use]
    pub fn ended(self, state: ToolState) -> ToolEnd {
        ToolEnd { start: self, state, input: None, output: None, diffs: Vec::new(), error: None }
    }
}

/// A tool call ended. A codec tells `started` before `ended`, also for agents that only
/// ever show the end.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolEnd {
    /// As it was told when it started, with what has become known since.
    pub start: ToolStart,
    /// `completed`, `failed`, `denied` or `cancelled`.
    pub state: ToolState,
    /// What it was called with at the end, if that differs.
    pub input: Option<Value>,
    /// What it gave.
    pub output: Option<Value>,
    /// Changes to files.
    pub diffs: Vec<FileDiff>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The agent asks a person.
#[derive(Debug, Clone, PartialEq)]
pub struct AskSignal {
    /// The agent's id of the request, as raw JSON text; comes back in [`super::Answer`].
    pub token: String,
    /// What kind of answer is wanted.
    pub kind: AskKind,
    /// A line for people.
    pub title: String,
    /// The tool it is about.
    pub tool: Option<String>,
    /// The agent's id of the tool call.
    pub tool_id: Option<String>,
    /// What the tool would be called with.
    pub input: Option<Value>,
    /// What the agent offers.
    pub options: Vec<AskOption>,
    /// For kind `question`.
    pub questions: Vec<Question>,
    /// The path of subagents that led here.
    pub path: Vec<String>,
    /// What the codec needs to answer (suggestions, for example); kept with the ask and
    /// handed back in [`super::Answer`]. Never shown.
    pub keep: Value,
    /// `updated_input` can be passed on.
    pub can_update_input: bool,
    /// The agent offers an "always" of its own.
    pub can_always: bool,
}

/// A request of the agent that Tenure serves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AgentRequest {
    /// Read a text file of the workspace.
    FsRead {
        /// The path as the agent gave it.
        path: String,
        /// First line, from 1.
        line: Option<u32>,
        /// Number of lines at most.
        limit: Option<u32>,
    },
    /// Write a text file of the workspace.
    FsWrite {
        /// The path as the agent gave it.
        path: String,
        /// The whole new text.
        content: String,
    },
    /// Run a command for the agent, or do something with one that was run.
    Terminal(TerminalRequest),
}

/// A request about a command that is run for the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum TerminalRequest {
    /// Start one.
    Create {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Variables for it.
        env: Vec<(String, String)>,
        /// Where; the session's directory if none.
        cwd: Option<String>,
        /// How many bytes of what it wrote are kept; the last ones.
        keep_bytes: Option<u64>,
    },
    /// Tell what it wrote, and whether it ended.
    Output {
        /// Which.
        terminal_id: String,
    },
    /// Answer when it has ended.
    Wait {
        /// Which.
        terminal_id: String,
    },
    /// End it; what it wrote can still be had.
    Kill {
        /// Which.
        terminal_id: String,
    },
    /// End it and forget it.
    Release {
        /// Which.
        terminal_id: String,
    },
}

/// How the agent itself says that a turn ended. The machine decides the outcome: an
/// interrupt that was recorded first wins over the agent's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnVerdict {
    /// It finished (also `refusal`, which the stop reason tells).
    Finished,
    /// It says that it was cancelled. Without a recorded interrupt this counts as finished
    /// (one agent answers so to a mere rejection).
    Cancelled,
    /// A limit of the agent's own.
    Limit(String),
    /// It failed.
    Failed(AgentError),
}

/// A turn's end as the agent tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnEnd {
    /// Number of the prompt command that this answers, where the protocol answers prompts.
    pub prompt_n: Option<u64>,
    /// Native ids of the inputs that it ends ([`super::input_uuid`]), where the protocol
    /// lists them. `Some([])` with no `prompt_n` ends a turn that the agent started itself.
    pub native_inputs: Option<Vec<String>>,
    /// How it ended.
    pub verdict: TurnVerdict,
    /// The agent's own word.
    pub stop_reason: Option<String>,
    /// What this turn used.
    pub usage: Option<Usage>,
    /// What this turn cost, in US dollars.
    pub cost_usd: Option<f64>,
    /// The agent said something in this turn: text, or a tool call. Thoughts do not count.
    pub said: bool,
    /// The agent stays busy until it signals [`Signal::Idle`]: send it no prompt before.
    pub idle_follows: bool,
}

/// The agent waits for something other than a person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// For what: `rate_limit`, `auth` or `retry`.
    pub reason: WaitReason,
    /// Until when, if told.
    pub until: Option<Timestamp>,
    /// Milliseconds from now, if told so.
    pub for_ms: Option<u64>,
}

/// News of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskSignal {
    /// It began.
    Started(TaskStarted),
    /// It tells more.
    Progressed {
        /// Which.
        task_id: String,
        /// A line for people.
        title: Option<String>,
    },
    /// It ended.
    Ended {
        /// Which.
        task_id: String,
        /// How.
        status: TaskStatus,
        /// What the agent says of it.
        summary: Option<String>,
        /// What it wrote.
        output: Option<TaskOutput>,
    },
    /// The whole list of ids that run now; what is not in it has ended.
    Running(Vec<String>),
}

/// Where a line stands in a process's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineMark {
    /// Its first byte.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// Its beginning, if it is not JSON.
    pub text: Option<String>,
}

/// What an agent can tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// The protocol wants this sent next (handshake steps, refusals of unknown requests).
    Send(Command),
    /// The handshake is done: prompts may be sent.
    Ready {
        /// The program.
        agent_info: AgentInfo,
        /// What it can do.
        capabilities: Capabilities,
        /// Model, mode and effort in force, where told.
        model: Option<String>,
        /// See above.
        mode: Option<String>,
        /// See above.
        effort: Option<String>,
        /// The conversation could not be continued and an empty one with the same native
        /// id was begun (only where nothing had been said in it).
        fresh: bool,
    },
    /// The conversation stands at the point that the start record names. Told before [`Signal::Ready`].
    AtPoint {
        /// The agent will find itself there in its next process, too. Else it does so only once a turn has followed.
        lasting: bool,
    },
    /// The handshake failed; the process is of no use.
    HandshakeFailed(AgentError),
    /// What the agent can do changed.
    Capabilities(Capabilities),
    /// The agent's own id of the conversation.
    NativeId(String),
    /// A piece of a message.
    Delta(MessageDelta),
    /// A message is whole.
    Message(MessageDone),
    /// A tool call begins.
    ToolStarted(ToolStart),
    /// A running tool tells more; never stored.
    ToolProgressed {
        /// Which.
        tool_id: String,
        /// A new title.
        title: Option<String>,
        /// More output.
        output: Option<String>,
    },
    /// A tool call ended.
    ToolEnded(ToolEnd),
    /// The agent asks a person.
    Ask(AskSignal),
    /// It needs no answer any more.
    AskWithdrawn {
        /// The id of its request, as raw JSON text.
        token: String,
    },
    /// The agent wants something that Tenure serves itself.
    Request {
        /// The id of its request, as raw JSON text.
        token: String,
        /// What it wants.
        request: AgentRequest,
    },
    /// The agent works although nothing was sent: a turn of its own begins.
    TurnBegan,
    /// A steered input was taken in.
    InputTaken {
        /// Its native id.
        native_input: String,
    },
    /// The agent refused to take a steered input now.
    SteerRefused {
        /// The number of the steer command.
        n: u64,
        /// Why.
        error: AgentError,
    },
    /// A turn ended.
    TurnEnded(TurnEnd),
    /// Nothing more will happen by itself.
    Idle,
    /// The agent waits for something (`None`: no longer).
    Waiting(Option<Wait>),
    /// Model, mode or effort as the agent says they are now.
    Config {
        /// The model in use.
        model: Option<String>,
        /// The mode in force.
        mode: Option<String>,
        /// The effort in force.
        effort: Option<String>,
    },
    /// The agent titled the conversation.
    Title(String),
    /// Totals of tokens, cost or context, where the agent tells them outside a turn's end.
    Usage {
        /// Totals of the session.
        usage: Option<Usage>,
        /// Use of the context window.
        context: Option<ContextUse>,
        /// Cost of the session so far in US dollars.
        cost_usd: Option<f64>,
    },
    /// The whole list of things to do.
    Todos(Vec<Todo>),
    /// The whole list of tool servers.
    Mcp(Vec<McpServer>),
    /// News of a task.
    Task(TaskSignal),
    /// Compaction began (`true`) or ended.
    Compaction {
        /// It began.
        began: bool,
        /// What is told of it.
        info: tenure_event::Compaction,
    },
    /// The agent let go of its conversation and began an empty one.
    Cleared,
    /// A command other than a prompt was answered.
    Answered {
        /// Its number.
        n: u64,
        /// What was answered.
        result: Result<Value, AgentError>,
    },
    /// A line with no meaning here.
    Native {
        /// `unknown`, `malformed`, `oversized`, `late`, or the agent's own kind.
        kind: String,
        /// The line, if it is JSON.
        value: Option<Value>,
        /// Where it stands in the process's output; filled in by whoever reads that output.
        at: LineMark,
    },
    /// Something a person should know.
    Warning {
        /// Stable, one word.
        code: String,
        /// For people.
        message: String,
    },
}
