//! What a session has done so far, in numbers, and the tasks within it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure_event::{ContextUse, TaskStatus, Timestamp, Usage};
use utoipa::ToSchema;

/// `GET …/metrics`: counts since the session was created, over all its processes and epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Metrics {
    /// Whole messages of all roles, subagents included; what an agent replays is not counted again.
    pub messages: u64,
    /// Turns that ended.
    pub turns: u64,
    /// Messages of the agent, each the work of one call of its model.
    pub steps: u64,
    /// Tool calls that ended.
    pub tool_calls: u64,
    /// Ended tool calls by tool. Past 256 names the rest is counted as `other`.
    pub tool_usage: BTreeMap<String, u64>,
    /// Tokens, and cost with its basis.
    pub usage: Usage,
    /// How full the context window is, where the agent tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextUse>,
}

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum TaskState {
    Running,
    Completed,
    Failed,
    Stopped,
}

impl From<TaskStatus> for TaskState {
    fn from(status: TaskStatus) -> Self {
        match status {
            TaskStatus::Completed => Self::Completed,
            TaskStatus::Failed => Self::Failed,
            TaskStatus::Stopped => Self::Stopped,
        }
    }
}

/// A background command or subagent within a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// The agent's id of the task.
    pub task_id: String,
    /// `shell`, `agent` or the agent's own word.
    pub kind: String,
    /// A line for people.
    pub title: String,
    /// How it stands.
    pub state: TaskState,
    /// The tool call that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// It goes on when the turn ends.
    pub background: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What the agent says of its end; its output, as far as the agent tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// What a task wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskText {
    /// The end of it. What is no text is shown as well as it can be.
    pub text: String,
    /// There was more before that.
    pub truncated: bool,
    /// The agent's own file with all of it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// One task, with what it wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskDetail {
    /// The task.
    #[serde(flatten)]
    pub task: TaskView,
    /// What it wrote so far. Null where the agent told nothing of it: of a subagent, whose messages name its tool call;
    /// of a task whose process ended with it; and once the agent has removed its file.
    pub output: Option<TaskText>,
}
