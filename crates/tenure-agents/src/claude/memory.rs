//! What the codec remembers between lines, apart from text that is being gathered: small,
//! bounded, and saved with every commit. Nothing here reads frames.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{AgentError, ToolEnd, ToolStart};
use tenure_event::{McpServer, MessageId, Todo, ToolKind, ToolState, WaitReason};

/// Tool calls that are followed at once; the oldest gives way.
pub(super) const CALLS_MAX: usize = 256;
/// Tasks that are followed at once; the oldest gives way.
pub(super) const TASKS_MAX: usize = 256;
/// Ids of inputs that are remembered within one turn.
const INPUTS_MAX: usize = 256;
/// Longest plan that is remembered, in bytes.
pub(super) const PLAN_MAX: usize = 32 * 1024;
/// A line with a longer tool call leaves the call's input out of memory.
pub(super) const INPUT_MAX: usize = 8 * 1024;

/// The codec's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Offsets below this one have been read: lines there only rebuild text.
    pub upto: u64,
    /// `initialize` was answered with this; kept until [`Memory::ready`].
    pub initialized: Option<Value>,
    /// The answer to the tool servers is still wanted.
    pub servers_pending: bool,
    /// The handshake is over.
    pub ready: bool,
    /// The conversation's id as the process confirmed it.
    pub native_id: Option<String>,
    /// The id that a `/clear` let go of; frames may still carry it.
    pub left: Option<String>,
    /// A turn has begun and not ended.
    pub in_turn: bool,
    /// The process tells when it is idle.
    pub tells_states: bool,
    /// Inputs that this turn took in.
    pub taken: VecDeque<String>,
    /// Inputs that the next turn will take in.
    pub coming: VecDeque<String>,
    /// Inputs that the last result ended.
    pub over: Vec<String>,
    /// Tool calls that have not ended, oldest first.
    pub calls: Vec<Call>,
    /// Tasks that run.
    pub tasks: Vec<Task>,
    /// The plan as the agent wrote it down last, while it was planning.
    pub plan: Option<String>,
    /// The whole list of things to do.
    pub todos: Vec<Todo>,
    /// Tool servers as last told.
    pub servers: Vec<McpServer>,
    /// Changes of tool servers that were answered, by the numbers of their commands, until it is known how the servers
    /// stand after them.
    pub changes: Vec<(u64, Result<Value, AgentError>)>,
    /// Cost of the process so far in US dollars, once told.
    pub cost_total: Option<f64>,
    /// When the account's limit is reset that it was refused by, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_until: Option<i64>,
    /// What the last call of the main conversation put into the window, in tokens.
    pub context_used: Option<u64>,
    /// The use of the window as it was told last: used, and of how many.
    pub context_told: Option<(u64, u64)>,
    /// The model in use.
    pub model: Option<String>,
    /// The mode in force.
    pub mode: Option<String>,
    /// The conversation's title.
    pub title: Option<String>,
    /// What the agent waits for.
    pub waiting: Option<WaitReason>,
    /// Compaction began and has not ended.
    pub compacting: bool,
    /// The agent said something in this turn, or called a tool.
    pub said: bool,
    /// The last error of the model's provider in this turn.
    pub api_error: Option<ApiError>,
}

/// An error of the model's provider, as the notice in its place told it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ApiError {
    /// The CLI's word for it.
    pub error: Option<String>,
    /// HTTP status.
    pub status: Option<u64>,
}

/// A tool call as it was told when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    pub tool_id: String,
    pub message_id: MessageId,
    pub tool: String,
    pub kind: ToolKind,
    pub title: String,
    /// Null if it was too large to remember.
    pub input: Value,
    pub locations: Vec<String>,
    pub parent: Option<String>,
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
            parent_tool_id: self.parent.clone(),
        }
    }

    /// Its end when nobody told one.
    pub(super) fn cancelled(&self) -> ToolEnd {
        self.start().ended(ToolState::Cancelled)
    }
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub task_id: String,
    pub tool_id: Option<String>,
    pub background: bool,
    /// The subagent that it belongs to.
    #[serde(default)]
    pub within: Option<String>,
    /// The file that it writes to, once that was told.
    #[serde(default)]
    pub output_file: Option<String>,
}

impl Memory {
    /// The subagent that made a call.
    pub(super) fn subagent_of(&self, tool_id: &str) -> Option<String> {
        let parent = self.calls.iter().find(|call| call.tool_id == tool_id)?.parent.as_ref()?;
        let task = self.tasks.iter().find(|task| task.tool_id.as_ref() == Some(parent))?;
        Some(task.task_id.clone())
    }

    /// The subagents that led to this one, outermost first.
    pub(super) fn path_to(&self, subagent: &str) -> Vec<String> {
        let mut path = vec![subagent.to_owned()];
        let above = |below: &str| self.tasks.iter().find(|task| task.task_id == below)?.within.clone();
        // It is no longer than the list: what leads in a circle ends.
        while let Some(next) =
            path.last().and_then(|last| above(last)).filter(|_| path.len() <= self.tasks.len())
        {
            path.push(next);
        }
        path.reverse();
        path
    }

    /// Notes that the running turn took an input in. Whether that is news.
    pub(super) fn take(&mut self, native_input: &str) -> bool {
        self.coming.retain(|id| id != native_input);
        if self.taken.iter().any(|id| id == native_input) {
            return false;
        }
        push_bounded(&mut self.taken, native_input);
        true
    }

    /// Notes that the next turn will take an input in.
    pub(super) fn expect(&mut self, native_input: &str) {
        if !self.coming.iter().any(|id| id == native_input) {
            push_bounded(&mut self.coming, native_input);
        }
    }

    /// A subagent in the background works under this tool call.
    pub(super) fn works_in_background(&self, parent: Option<&str>) -> bool {
        parent.is_some_and(|parent| {
            self.tasks.iter().any(|task| task.background && task.tool_id.as_deref() == Some(parent))
        })
    }

    /// Forgets a call.
    pub(super) fn end_call(&mut self, tool_id: &str) -> Option<Call> {
        let at = self.calls.iter().position(|call| call.tool_id == tool_id)?;
        Some(self.calls.remove(at))
    }
}

fn push_bounded(list: &mut VecDeque<String>, id: &str) {
    if list.len() >= INPUTS_MAX {
        list.pop_front();
    }
    list.push_back(id.to_owned());
}

/// An error in the words of the agent vocabulary.
pub(super) fn error(code: &str, message: &str, data: Option<Value>) -> AgentError {
    AgentError { code: code.to_owned(), message: message.to_owned(), data }
}
