//! What an agent can be told.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{Decision, InputId, Part, Scope};

use super::{AgentError, ResumeHow};

/// An answer to an ask, as the codec needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskAnswer {
    /// The agent's id of its request, as raw JSON text.
    pub token: String,
    /// What the codec asked to keep.
    pub keep: Value,
    /// The decision.
    pub decision: Decision,
    /// How far it reaches. `session` is Tenure's own and is `once` for the agent.
    pub scope: Scope,
    /// What is said with it.
    pub message: Option<String>,
    /// What the tool is called with instead.
    pub updated_input: Option<Value>,
    /// Answers by question: a text, or a list of texts.
    pub answers: Option<Value>,
    /// The option to take, if the client named one.
    pub option_id: Option<String>,
    /// The input that the ask showed.
    pub input: Option<Value>,
}

/// How a command of the agent ended: by a code or a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalExit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// An answer to a request about a command that is run for the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalAnswer {
    /// It was started.
    Created {
        /// By which the agent asks for it.
        terminal_id: String,
    },
    /// What it wrote.
    Output {
        /// The last of it, as text.
        text: String,
        /// There was more before that.
        truncated: bool,
        /// Its end, if it has ended.
        exit: Option<TerminalExit>,
    },
    /// It has ended.
    Exited(TerminalExit),
    /// It was killed, or forgotten.
    Done,
}

/// An answer to a request that Tenure serves itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FsAnswer {
    /// The text that was read.
    Read(String),
    /// It was written.
    Written,
    /// About a command.
    Terminal(TerminalAnswer),
    /// It was refused, or failed.
    Error(AgentError),
}

/// An answer to a request of the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To an ask.
    Ask(AskAnswer),
    /// To a request that Tenure serves itself.
    Fs {
        /// The agent's id of its request, as raw JSON text.
        token: String,
        /// The answer.
        answer: FsAnswer,
    },
    /// To a request that is not served.
    Unknown {
        /// The agent's id of its request, as raw JSON text.
        token: String,
        /// What was asked for.
        method: String,
    },
}

/// A tool server for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServerSpec {
    /// Its name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub transport: McpTransport,
}

impl McpTransport {
    /// `stdio`, `http` or `sse`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stdio { .. } => "stdio",
            Self::Http { .. } => "http",
            Self::Sse { .. } => "sse",
        }
    }

    /// Its values that may be secret, by name: environment, or headers.
    #[must_use]
    pub fn values(&self) -> &std::collections::BTreeMap<String, String> {
        match self {
            Self::Stdio { env, .. } => env,
            Self::Http { headers, .. } | Self::Sse { headers, .. } => headers,
        }
    }

    /// The same, with other values.
    #[must_use]
    pub fn with_values(mut self, values: std::collections::BTreeMap<String, String>) -> Self {
        match &mut self {
            Self::Stdio { env, .. } => *env = values,
            Self::Http { headers, .. } | Self::Sse { headers, .. } => *headers = values,
        }
        self
    }
}

/// How a tool server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum McpTransport {
    /// As a process of the agent.
    Stdio {
        /// Program.
        command: String,
        /// Arguments.
        #[serde(default)]
        args: Vec<String>,
        /// Environment.
        #[serde(default)]
        env: std::collections::BTreeMap<String, String>,
    },
    /// By streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// Headers.
        #[serde(default)]
        headers: std::collections::BTreeMap<String, String>,
    },
    /// By server-sent events.
    Sse {
        /// Where.
        url: String,
        /// Headers.
        #[serde(default)]
        headers: std::collections::BTreeMap<String, String>,
    },
}

/// What an agent can be told. A codec that has no way for one gives
/// [`super::CodecError::Unsupported`]; the machine asks `supports` first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// First words of the handshake.
    Hello,
    /// Begin or continue a conversation (a step of the handshake).
    Open {
        /// How.
        how: ResumeHow,
    },
    /// A prompt that starts a turn.
    Prompt {
        /// The input.
        input_id: InputId,
        /// Rises when the same input is handed over again.
        attempt: u32,
        /// What it says.
        parts: Vec<Part>,
    },
    /// A prompt for the running turn.
    Steer {
        /// The input.
        input_id: InputId,
        /// Rises when the same input is handed over again.
        attempt: u32,
        /// What it says.
        parts: Vec<Part>,
    },
    /// End the running turn, and drop prompts that were steered and not taken in.
    Interrupt,
    /// An answer to a request of the agent.
    Answer(Answer),
    /// Use this model.
    SetModel(String),
    /// Use this mode.
    SetMode(String),
    /// Use this effort.
    SetEffort(String),
    /// Sum up what was said, to make room in the context window.
    Compact {
        /// What the summary is to keep, where the agent takes such a wish.
        instructions: Option<String>,
    },
    /// Begin another conversation that shares what was said in this one. The answer
    /// ([`super::Signal::Answered`]) is `{"native_id": …}` of the new one; this one goes on as it was.
    Fork {
        /// The native id of the last turn or message that is shared; all of it if absent.
        through: Option<String>,
    },
    /// Take the conversation back: this turn or message is forgotten, and all that followed. Files stay as they are.
    Rollback {
        /// The native id of the first that is forgotten.
        before: String,
    },
    /// Have the tool servers that stay, and those of this set, but for those that are off.
    SetMcpServers {
        /// Number of the set, see [`super::EncodeContext::mcp_sets`].
        set: u32,
        /// Names of those that are not to be used.
        off: Vec<String>,
    },
    /// Use a tool server of the agent's own configuration, or use it no more.
    ToggleMcp {
        /// Which.
        name: String,
        /// Use it.
        enabled: bool,
    },
    /// Connect to a tool server again. Answered once it is connected, or cannot be.
    ReconnectMcp {
        /// Which.
        name: String,
    },
    /// Tell how the tool servers stand: [`super::Signal::Mcp`] before the answer.
    McpStatus,
    /// End one task.
    StopTask {
        /// The agent's id of it.
        task_id: String,
    },
    /// End the process in the protocol's own way, where it has one.
    End,
    /// A line of the codec's own making; handed back by [`super::Signal::Send`] only.
    Raw(String),
}

impl Command {
    /// The verb that it carries out, as `supports` names it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Hello | Self::Open { .. } => "start",
            Self::Prompt { .. } => "input",
            Self::Steer { .. } => "steer",
            Self::Interrupt => "interrupt",
            Self::Answer(_) => "answer",
            Self::SetModel(_) => "set_model",
            Self::SetMode(_) => "set_mode",
            Self::SetEffort(_) => "set_effort",
            Self::Compact { .. } => "compact",
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rewind",
            Self::SetMcpServers { .. } | Self::ToggleMcp { .. } => "mcp_change",
            Self::ReconnectMcp { .. } => "mcp_reconnect",
            Self::McpStatus => "mcp_status",
            Self::StopTask { .. } => "stop_task",
            Self::End => "end",
            Self::Raw(_) => "raw",
        }
    }
}
