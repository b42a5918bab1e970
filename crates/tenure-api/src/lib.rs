//! The shapes at the edge: what clients send and what they get. Data types and the stable
//! error codes; no handlers, no behaviour beyond checking a shape.
//!
//! Requests refuse fields that they do not know, by name. Times are RFC 3339; durations
//! and sizes carry their unit in the name.

mod adopt;
mod agent;
mod artifact;
mod ask;
mod checkpoint;
mod config;
mod create;
mod error;
mod exec;
mod file;
mod fork;
mod history;
mod info;
mod input;
mod limit;
mod mcp;
mod metrics;
mod page;
mod process;
mod project;
mod session;
mod stream;
mod token;
mod verb;
mod workspace;

pub use adopt::AdoptConversation;
pub use agent::{AgentEntry, AuthState};
pub use artifact::{Artifact, ArtifactRule, ArtifactVersion, KeepArtifact};
pub use ask::{AnswerAsk, AskAnswered};
pub use checkpoint::{
    Checkpoint, CheckpointChoice, CheckpointDiff, CheckpointFileDiff, CheckpointMode, CreateCheckpoint,
    FileStatus, RewindHow, RewindPlan, RewindRequest, RewindScope, RewindTo, RewindToKind,
};
pub use config::{
    Compact, ConfigPatch, PermissionsPatch, PermissionsView, PolicyRule, RunCommand, SessionConfig,
};
pub use create::{CreateSession, CreateWait, Created, InheritEnv, Instructions, Permissions, ResumeRequest};
pub use error::{ErrorCode, FieldError, Problem};
pub use exec::{ExecCancelled, ExecOutput, ExecRequest, ExecResult, ExecStarted};
pub use file::{FileEntry, FileKind, FilesFound, GrepFound, GrepLine};
pub use fork::{ForkFiles, ForkSession};
pub use history::{
    History, HistoryWarning, IndexState, SearchHit, SearchReply, SnippetMark, UsageItem, UsageReply,
};
pub use info::{Durability, HealthReply, Info, InfoCounts, InfoLimits};
pub use input::{
    EditInput, InputContent, InputPart, InputView, Receipt, SendInput, SendReply, SendWait, TurnResult,
};
pub use limit::{Limits, LimitsPatch, LimitsView};
pub use mcp::{McpServerConfig, McpServersSet, McpTransportConfig, SetMcpServers};
pub use metrics::{Metrics, TaskDetail, TaskState, TaskText, TaskView};
pub use page::Page;
pub use process::{Process, ProcessExit, ProcessKind, ProcessState, Reaped};
pub use project::{CreateProject, Project};
pub use session::{ProjectRef, QueuedInput, Session, SessionPatch, WorkspaceRef};
pub use stream::{AcpRow, EventEnvelope, EventItem, RawItem, RawPage};
pub use tenure_event::{CrashPolicy, PermissionDefault, PermissionRule, RestartPolicy};
pub use token::{CreateToken, TokenCreated, TokenEntry, TokenScope};
pub use verb::{Interrupt, QueueChoice, VerbReply, VerbRequest, VerbWait};
pub use workspace::{
    DiscardWorkspace, Discarded, MergeHow, MergeWorkspace, Merged, Unsaved, Workspace, WorkspaceChoice,
    WorkspaceDiff, Worktree, WorktreeChoice, WorktreeSetup,
};
