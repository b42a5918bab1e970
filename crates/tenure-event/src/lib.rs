//! The contract of Tenure: ids, the event envelope, every event kind and the small
//! shapes they are made of. What is defined here is what is stored and what is sent.
//!
//! Data types only. No behaviour beyond parsing and printing lives here, and nothing
//! is added in passing: a written event never changes meaning, kinds and fields are
//! only ever added, and readers keep what they do not know as [`Kind::Unknown`] and [`Word`].

#[macro_use]
mod word;

mod ask;
mod axes;
mod capability;
mod checkpoint;
mod ephemeral;
mod event;
mod id;
mod kind;
mod limit;
mod mcp;
mod message;
mod payload;
mod permission;
mod time;
mod usage;

pub use ask::{Ask, AskKind, AskOption, AskState, Decision, OptionKind, Question, QuestionChoice, Scope};
pub use axes::{
    Activity, ActivityState, Axes, Health, HealthReason, HealthState, Lifecycle, Outcome, SuspendedBy,
    WaitReason,
};
pub use capability::{
    AccountInfo, AgentChoice, AgentInfo, Capabilities, CommandInfo, McpServer, McpStatus, ModeInfo,
    ModelInfo, Support,
};
pub use checkpoint::{
    CheckpointCause, CheckpointCreated, FileAction, RewindCompleted, RewindConflict, RewindFile,
};
pub use ephemeral::{Ephemeral, EphemeralKind, MessageDelta, TaskProgressed, ToolProgressed};
pub use event::{Event, EventHead, NewEvent};
pub use id::{
    AskId, CheckpointId, Gseq, IdError, InputId, MessageId, ProjectId, RewindId, Seq, SessionId, TurnId,
    WorkspaceId, client_id_is_valid,
};
pub use kind::Kind;
pub use limit::{CrashPolicy, LimitsChanged, RestartPolicy};
pub use mcp::{McpChange, McpChanged, McpVerb};
pub use message::{
    Delivery, Message, MessageOrigin, Part, PartBody, Role, TextKind, ToolKind, ToolPart, ToolState,
};
pub use payload::*;
pub use permission::{PermissionDefault, PermissionRule};
pub use time::Timestamp;
pub use usage::{ContextUse, CostBasis, Usage};
pub use word::Word;
