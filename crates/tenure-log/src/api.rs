//! What a log is, whatever it is stored in.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tenure_event::{
    AskId, AskState, Gseq, InputId, NewEvent, ProjectId, Seq, SessionId, Timestamp, TurnId, WorkspaceId,
};
use tokio::sync::watch;

/// How much a commit must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A kill of the daemon. Becomes durable against power loss with the next `Full` commit.
    Normal,
    /// A loss of power (with durability `power`): something that a caller will be told.
    Full,
}

/// One change of one session: events and rows, all or nothing.
#[derive(Debug, Clone)]
pub struct Append {
    /// The session.
    pub session_id: SessionId,
    /// Its last position as the writer knows it; anything else is refused.
    pub expected: Seq,
    /// What happened, in order. May be empty.
    pub events: Vec<NewEvent>,
    /// How much it must survive.
    pub class: Class,
    /// Rows that change with it.
    pub writes: Vec<Write>,
}

/// A row that changes together with events.
#[derive(Debug, Clone)]
pub enum Write {
    /// Puts the session's row.
    Session(Box<SessionRow>),
    /// Puts only the private state of the session's row (the frequent case: nothing that a list shows changed).
    State(Vec<u8>),
    /// Adds a command for the agent process.
    Outbox(OutboxRow),
    /// Removes commands up to and including `n` of that process.
    OutboxDone {
        /// The process.
        generation: u32,
        /// The last one that was acknowledged; `u64::MAX` for all.
        n: u64,
    },
    /// Puts an ask.
    Ask(Box<StoredAsk>),
    /// Puts an input.
    Input(Box<InputRow>),
    /// Remembers the answer to a request with an `Idempotency-Key`.
    Idempotency(IdempotencyRow),
    /// Puts a workspace.
    Workspace(WorkspaceRow),
    /// Puts a project.
    Project(ProjectRow),
    /// Removes every event before this append, every input, ask, outbox row and blob, and the private state
    /// of the session. The numbering goes on: events of this append stay, as the tombstone.
    Erase,
}

/// The stored row of a session: what lists filter by, the public view, and the private state.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// `creating`, `live`, …
    pub lifecycle: String,
    /// `idle`, `running`, …; null unless live.
    pub activity: Option<String>,
    /// Name of the agent.
    pub agent: String,
    /// The agent's own id of the conversation.
    pub native_id: Option<String>,
    /// The project.
    pub project_id: ProjectId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The directory, canonical.
    pub cwd: String,
    /// Title.
    pub title: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Hidden from the usual lists.
    pub archived: bool,
    /// Has, or may have, a process, a queue or an ask with a deadline: looked at when the daemon starts.
    pub live: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Last activity; lists are ordered by it.
    pub updated_at: Timestamp,
    /// The public view as JSON text.
    pub view: String,
    /// The owner's private state. Given back by [`EventLog::state`] only.
    pub state: Vec<u8>,
}

/// A session's private state, its last position, and the commands that were not acknowledged, in order.
pub type StoredState = (Vec<u8>, Seq, Vec<OutboxRow>);

/// A command for an agent process that was not acknowledged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The process.
    pub generation: u32,
    /// 1, 2, 3, … per process.
    pub n: u64,
    /// The lines for it.
    pub bytes: Bytes,
}

/// An ask with what lists filter by.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAsk {
    /// The ask.
    pub id: AskId,
    /// Its session.
    pub session_id: SessionId,
    /// Where it stands.
    pub state: AskState,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The ask as JSON text.
    pub view: String,
}

/// An input with what makes its id idempotent.
#[derive(Debug, Clone, PartialEq)]
pub struct InputRow {
    /// The input.
    pub id: InputId,
    /// Its session.
    pub session_id: SessionId,
    /// Hash of the request that admitted it.
    pub body_hash: String,
    /// `queued`, `started`, `completed` or `cancelled`.
    pub state: String,
    /// Its `input.admitted`.
    pub admitted_seq: Seq,
    /// The turn that took it in.
    pub turn_id: Option<TurnId>,
    /// The event that ended it: `turn.completed` or `input.cancelled`.
    pub ended_seq: Option<Seq>,
    /// The input as JSON text.
    pub view: String,
}

/// The answer to a request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// The key, together with method, path and token.
    pub key: String,
    /// Hash of the request's body.
    pub body_hash: String,
    /// The status that was answered.
    pub status: u16,
    /// The body that was answered.
    pub body: String,
    /// When; kept for 24 hours.
    pub at: Timestamp,
}

/// A directory in which sessions work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Its id.
    pub id: WorkspaceId,
    /// `directory`, `scratch` or `worktree`.
    pub kind: String,
    /// Where it is, canonical.
    pub path: String,
    /// Tenure made it, and may remove it.
    pub owned: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// The identity of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Where it is, canonical.
    pub path: String,
    /// Its title.
    pub title: Option<String>,
    /// Its directory's settings may be used by agents.
    pub trusted: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// Sessions of one project that have agent and directory in common, destroyed ones left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectWork {
    /// The project.
    pub project_id: ProjectId,
    /// Name of their agent.
    pub agent: String,
    /// Where they work, canonical.
    pub cwd: String,
    /// How many they are.
    pub sessions: u64,
    /// When one of them last changed.
    pub updated_at: Timestamp,
}

/// An event as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Position in its session.
    pub seq: Seq,
    /// Position in the node.
    pub gseq: Gseq,
    /// Name of its kind.
    pub name: Arc<str>,
    /// The whole envelope as JSON, no newline.
    pub bytes: Bytes,
}

/// What an append did.
#[derive(Debug, Clone)]
pub struct Appended {
    /// The session's last position now.
    pub last_seq: Seq,
    /// The events as they are stored and will be sent.
    pub events: Vec<Rendered>,
}

/// Which events to read.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Only what comes after this position.
    pub after: u64,
    /// At most so many events (≥ 1).
    pub limit: usize,
    /// Stop after about so many bytes; at least one event is given.
    pub max_bytes: usize,
    /// Only kinds with these names; empty for all. A name ending in `.*` stands for all that begin so.
    pub types: Vec<String>,
}

/// A page of events.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// In order.
    pub events: Vec<Rendered>,
    /// The last position that was looked at: continue after it, also when `types` left events out.
    pub scanned_to: u64,
    /// The last position there is, read in the same transaction.
    pub last: u64,
}

/// What a follower wakes up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TailUpdate {
    /// The last position.
    pub last: u64,
}

/// Which sessions to list.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Any of these lifecycles; empty for all but `destroyed`.
    pub lifecycle: Vec<String>,
    /// Any of these activities.
    pub activity: Vec<String>,
    /// This agent.
    pub agent: Option<String>,
    /// This project.
    pub project_id: Option<ProjectId>,
    /// This directory (canonical).
    pub cwd: Option<String>,
    /// This native id.
    pub native_id: Option<String>,
    /// Any of these native ids.
    pub native_ids: Vec<String>,
    /// This workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// Carries this tag.
    pub tag: Option<String>,
    /// `Some(false)` hides archived ones, `None` shows all.
    pub archived: Option<bool>,
    /// Title or id contains this, in any case.
    pub text: Option<String>,
    /// Continue after this one: `updated_at` and id of the last one seen.
    pub after: Option<(Timestamp, SessionId)>,
    /// At most so many (≥ 1).
    pub limit: usize,
}

/// A page of sessions, newest activity first. Rows come without their private state.
#[derive(Debug, Clone, Default)]
pub struct SessionPage {
    /// In order.
    pub rows: Vec<SessionRow>,
    /// There are more.
    pub more: bool,
}

/// Facts about a store.
#[derive(Debug, Clone)]
pub struct LogFacts {
    /// Rises when the store is opened after a power loss: cursors of an older generation are void.
    pub generation: u64,
    /// The store's format.
    pub format: u32,
    /// `power` or `process`.
    pub durability: &'static str,
    /// Last position of the node.
    pub last_gseq: Gseq,
}

/// Why the log could not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Someone else appended to the session.
    #[error("the session is at {actual}, not at {expected}: it has another writer")]
    Conflict {
        /// What the writer thought.
        expected: Seq,
        /// What is true.
        actual: Seq,
    },
    /// The disk refused. Nothing of the append is stored; it may be tried again.
    #[error(
        "the event log cannot be written: {message}; free space or make it writable, work resumes by itself"
    )]
    Storage {
        /// What the system said.
        message: String,
        /// The disk is full.
        full: bool,
    },
    /// The store was written by a newer version.
    #[error(
        "the store has format {found}, this version knows up to {known}: run the newer tenure, or use another --home"
    )]
    Newer {
        /// Its format.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// The store is damaged.
    #[error(
        "the event log is damaged or its disk fails: {0}; keep a copy of tenure.db and its -wal file, `tenure doctor` tells what can be read; restore a copy, or start with another --home"
    )]
    Corrupt(String),
    /// The caller asked for something that makes no sense, for example a row of another session.
    #[error("the log cannot do this: {0}")]
    Invalid(String),
    /// The log was closed.
    #[error("the event log is closed")]
    Closed,
    /// A cursor points before what is kept, or beyond what there is.
    #[error("{}", no_position(*after, *first, *last))]
    CursorExpired {
        /// The cursor.
        after: u64,
        /// The first position that is kept.
        first: u64,
        /// The last there is.
        last: u64,
    },
}

fn no_position(after: u64, first: u64, last: u64) -> String {
    if after > last {
        format!("there is no position {after} in the log: it ends at {last}")
    } else {
        format!("position {after} is not in the log any more: it begins after {}", first.saturating_sub(1))
    }
}

/// An append-only log of every session of a node, and the rows that change with it.
///
/// Appends of one session must come from one writer (its owner); the store checks the
/// expected position all the same. Reads never block appends.
pub trait EventLog: Send + Sync + 'static {
    /// Appends; returns when it is stored as its class asks. Group commit is the store's business.
    ///
    /// A caller that goes away while it waits does not take the append back. A failure leaves nothing of
    /// it behind, and never touches an append of another session.
    fn append(&self, append: Append) -> impl Future<Output = Result<Appended, LogError>> + Send;

    /// Events of one session. A session that was never written to has none, and position 0.
    ///
    /// [`LogError::CursorExpired`] if `after` lies beyond the last event or before the first that is kept.
    fn read(
        &self,
        session: &SessionId,
        page: PageRequest,
    ) -> impl Future<Output = Result<EventPage, LogError>> + Send;

    /// Events of all sessions, by `gseq`. [`LogError::CursorExpired`] if `after` lies beyond the last.
    fn read_all(&self, page: PageRequest) -> impl Future<Output = Result<EventPage, LogError>> + Send;

    /// Wakes when a session has more events. The value is its last position, or 0 as long as nothing was
    /// appended since it was first listened to: take the receiver first, then read, then wait.
    fn tail(&self, session: &SessionId) -> watch::Receiver<TailUpdate>;

    /// Wakes when any session has more events. The value is the last `gseq`.
    fn tail_all(&self) -> watch::Receiver<TailUpdate>;

    /// One session's row (without private state).
    fn session(&self, id: &SessionId) -> impl Future<Output = Result<Option<SessionRow>, LogError>> + Send;

    /// A session's private state, last position and unacknowledged commands.
    fn state(&self, id: &SessionId) -> impl Future<Output = Result<Option<StoredState>, LogError>> + Send;

    /// Sessions by filter.
    fn sessions(&self, filter: SessionFilter) -> impl Future<Output = Result<SessionPage, LogError>> + Send;

    /// Ids of the sessions marked `live`, from an index.
    fn live_sessions(&self) -> impl Future<Output = Result<Vec<SessionId>, LogError>> + Send;

    /// Asks, newest first, of one session or of all, in these states (empty for all).
    fn asks(
        &self,
        session: Option<&SessionId>,
        states: &[AskState],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredAsk>, LogError>> + Send;

    /// One ask.
    fn ask(&self, id: &AskId) -> impl Future<Output = Result<Option<StoredAsk>, LogError>> + Send;

    /// One input.
    fn input(
        &self,
        session: &SessionId,
        id: &InputId,
    ) -> impl Future<Output = Result<Option<InputRow>, LogError>> + Send;

    /// Inputs of a session, newest first.
    fn inputs(
        &self,
        session: &SessionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<InputRow>, LogError>> + Send;

    /// The remembered answer to a key, unless it is older than 24 hours before `now`.
    fn idempotency(
        &self,
        key: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<IdempotencyRow>, LogError>> + Send;

    /// One workspace.
    fn workspace(
        &self,
        id: &WorkspaceId,
    ) -> impl Future<Output = Result<Option<WorkspaceRow>, LogError>> + Send;

    /// Workspaces whose ids come after this one, in the order of their ids, which is that of their making; at most so
    /// many.
    fn workspaces(
        &self,
        after: Option<&WorkspaceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<WorkspaceRow>, LogError>> + Send;

    /// A workspace by its canonical path.
    fn workspace_at(&self, path: &str)
    -> impl Future<Output = Result<Option<WorkspaceRow>, LogError>> + Send;

    /// Projects, oldest first.
    fn projects(&self) -> impl Future<Output = Result<Vec<ProjectRow>, LogError>> + Send;

    /// What sessions work on which project, of one or of all, in no order: one look that reads no session's view.
    fn work(
        &self,
        project: Option<&ProjectId>,
    ) -> impl Future<Output = Result<Vec<ProjectWork>, LogError>> + Send;

    /// Puts rows that belong to no session (workspace, project, idempotency), with class `Full`.
    fn put(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Stores bytes by their content, durably, before a commit that names them. Returns the hash (hex SHA-256).
    fn put_blob(
        &self,
        session: &SessionId,
        bytes: Bytes,
    ) -> impl Future<Output = Result<String, LogError>> + Send;

    /// The bytes of a blob of this session.
    fn blob(
        &self,
        session: &SessionId,
        hash: &str,
    ) -> impl Future<Output = Result<Option<Bytes>, LogError>> + Send;

    /// Facts about the store.
    fn facts(&self) -> LogFacts;

    /// Counts for people: sessions by lifecycle, and bytes of the store.
    fn counts(&self) -> impl Future<Output = Result<Value, LogError>> + Send;

    /// Writes what is pending and closes cleanly. Later calls fail with [`LogError::Closed`].
    fn close(&self) -> impl Future<Output = Result<(), LogError>> + Send;
}
