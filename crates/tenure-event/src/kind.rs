//! Every kind of event and its name on the wire.

use serde_json::Value;

use crate::payload as p;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $name:literal,)*) => {
        /// What happened: the kind of an event together with its data.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Kind {
            $($(#[$doc])* $variant($payload),)*
            /// A kind that this version does not know, or data it cannot read. Kept as it is.
            Unknown {
                /// Its name on the wire.
                name: String,
                /// Its data.
                data: Value,
            },
        }

        impl Kind {
            /// Names of all kinds that this version knows.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Each name on the wire and the type of its data, for documents that describe events.
            pub const DATA: &'static [(&'static str, &'static str)] = &[$(($name, stringify!($payload))),*];

            /// The name on the wire, for example `turn.started`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Unknown { name, .. } => name,
                }
            }

            /// The data as JSON text.
            ///
            /// # Errors
            /// Only if a value cannot be written as JSON, which no data of ours is.
            pub fn data_json(&self) -> Result<String, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::to_string(data),)*
                    Self::Unknown { data, .. } => serde_json::to_string(data),
                }
            }

            /// Reads a kind back. What is not known, or does not fit, becomes [`Kind::Unknown`].
            #[must_use]
            pub fn read(name: &str, data: &str) -> Self {
                match name {
                    $($name => match serde_json::from_str(data) {
                        Ok(data) => return Self::$variant(data),
                        Err(_) => {}
                    },)*
                    _ => {}
                }
                Self::Unknown {
                    name: name.to_owned(),
                    data: serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned())),
                }
            }
        }
    };
}

kinds! {
    /// A session was recorded.
    SessionCreated(p::SessionCreated) = "session.created",
    /// Title, tags, metadata or the archived mark changed.
    SessionUpdated(p::SessionUpdated) = "session.updated",
    /// It does something else now.
    SessionActivityChanged(p::SessionChanged) = "session.activity_changed",
    /// It is better or worse now.
    SessionHealthChanged(p::SessionChanged) = "session.health_changed",
    /// The agent's own id of the conversation is known, or was let go.
    SessionNativeBound(p::NativeBound) = "session.native_bound",
    /// Its process is gone; an input brings one back.
    SessionSuspended(p::SessionSuspended) = "session.suspended",
    /// It has a process again.
    SessionResumed(p::SessionChanged) = "session.resumed",
    /// It was ended by request.
    SessionClosed(p::SessionClosed) = "session.closed",
    /// Its conversation was cleared.
    SessionCleared(p::SessionCleared) = "session.cleared",
    /// Another session was begun from what was said in it.
    SessionForked(p::SessionForked) = "session.forked",
    /// It could not be created, or is beyond repair.
    SessionFailed(p::SessionFailed) = "session.failed",
    /// Its data was removed.
    SessionDestroyed(p::SessionChanged) = "session.destroyed",
    /// An input was taken and is stored.
    InputAdmitted(p::InputAdmitted) = "input.admitted",
    /// A turn took an input in.
    InputStarted(p::InputStarted) = "input.started",
    /// An input will not be served.
    InputCancelled(p::InputCancelled) = "input.cancelled",
    /// A turn began.
    TurnStarted(p::TurnStarted) = "turn.started",
    /// A turn ended.
    TurnCompleted(p::TurnCompleted) = "turn.completed",
    /// A message is whole.
    MessageCompleted(p::MessageCompleted) = "message.completed",
    /// A tool call began.
    ToolStarted(p::ToolStarted) = "tool.started",
    /// A tool call ended.
    ToolCompleted(p::ToolCompleted) = "tool.completed",
    /// The agent asks a person.
    AskOpened(p::AskOpened) = "ask.opened",
    /// An ask was answered.
    AskResolved(p::AskResolved) = "ask.resolved",
    /// An ask's deadline passed; it was denied.
    AskExpired(p::AskEnded) = "ask.expired",
    /// An ask needs no answer any more.
    AskWithdrawn(p::AskEnded) = "ask.withdrawn",
    /// The agent's list of things to do changed.
    TodosUpdated(p::TodosUpdated) = "todos.updated",
    /// Tokens, cost or context use changed.
    UsageUpdated(p::UsageUpdated) = "usage.updated",
    /// Model, mode or effort changed.
    ConfigChanged(p::ConfigChanged) = "config.changed",
    /// The agent did not do what a client asked of it.
    RequestRefused(p::RequestRefused) = "request.refused",
    /// A tool server changed.
    McpChanged(crate::McpChanged) = "mcp.changed",
    /// A task began.
    TaskStarted(p::TaskStarted) = "task.started",
    /// A task ended.
    TaskCompleted(p::TaskCompleted) = "task.completed",
    /// The agent began to compact its context.
    CompactionStarted(p::Compaction) = "compaction.started",
    /// The agent ended compacting.
    CompactionCompleted(p::Compaction) = "compaction.completed",
    /// A restorable state of the workspace's files was recorded.
    CheckpointCreated(crate::CheckpointCreated) = "checkpoint.created",
    /// Files were taken back.
    RewindCompleted(crate::RewindCompleted) = "rewind.completed",
    /// A way back was undone.
    RewindUndone(crate::RewindCompleted) = "rewind.undone",
    /// A version of a named output was kept.
    ArtifactCreated(p::ArtifactCreated) = "artifact.created",
    /// An agent process was started.
    ProcessStarted(p::ProcessStarted) = "process.started",
    /// An agent process ended.
    ProcessExited(p::ProcessExited) = "process.exited",
    /// Something without an event of its own arrived.
    NativeReceived(p::NativeReceived) = "native.received",
    /// Something a person should know.
    WarningRaised(p::WarningRaised) = "warning.raised",
}
