//! Sessions: create, list, read, change, remove; their messages and transcripts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_api::{
    CreateSession, Created, ForkSession, Page, Process, Session, SessionPatch, VerbReply, WorkspaceChoice,
};
use tenure_event::{Capabilities, Message, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

/// A large worktree takes time, and so may its setup: an hour at most.
const WORKTREE_LIMIT: Duration = Duration::from_secs(4500);

/// Which sessions are listed. Values of one field are as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct SessionFilter {
    pub lifecycle: Option<String>,
    pub activity: Option<String>,
    pub agent: Option<String>,
    pub project: Option<String>,
    pub cwd: Option<String>,
    pub native_id: Option<String>,
    pub workspace: Option<String>,
    pub tag: Option<String>,
    /// `true`, `false` or `any`.
    pub archived: Option<String>,
    pub q: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

impl SessionFilter {
    fn apply(&self, call: Call) -> Call {
        call.query_opt("lifecycle", self.lifecycle.as_ref())
            .query_opt("activity", self.activity.as_ref())
            .query_opt("agent", self.agent.as_ref())
            .query_opt("project", self.project.as_ref())
            .query_opt("cwd", self.cwd.as_ref())
            .query_opt("native_id", self.native_id.as_ref())
            .query_opt("workspace", self.workspace.as_ref())
            .query_opt("tag", self.tag.as_ref())
            .query_opt("archived", self.archived.as_ref())
            .query_opt("q", self.q.as_ref())
            .query_opt("cursor", self.cursor.as_ref())
            .query_opt("limit", self.limit.as_ref())
    }
}

/// Which messages are read. Values of one field are as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct MessageFilter {
    pub cursor: Option<String>,
    pub limit: Option<u32>,
    pub offset: Option<u64>,
    /// A number, or `all`; the current one if none.
    pub epoch: Option<String>,
    pub branch: Option<String>,
}

impl Client {
    /// Creates a session. Without an id it gets one, so that a lost answer never makes two sessions of it.
    ///
    /// # Errors
    /// `invalid`, `agent_missing`, `conflict`, and those of any request.
    pub async fn create(&self, mut request: CreateSession) -> Result<Created, ClientError> {
        request.id.get_or_insert_with(|| SessionId::from_uuid(uuid::Uuid::now_v7()).to_string());
        let mut call = Call::post("/v1/sessions").without_key().json(&request)?;
        if matches!(request.workspace, Some(WorkspaceChoice::Worktree { .. })) {
            call = call.limit(WORKTREE_LIMIT);
        }
        self.call(call).await
    }

    /// Forks a session. Without an id the new one gets one, so that a lost answer never makes two of it.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, `conflict`, and those of any request.
    pub async fn fork(&self, session: &SessionId, mut request: ForkSession) -> Result<Created, ClientError> {
        request.id.get_or_insert_with(|| SessionId::from_uuid(uuid::Uuid::now_v7()).to_string());
        self.call(Call::post(format!("/v1/sessions/{session}/fork")).without_key().json(&request)?).await
    }

    /// A page of sessions, newest activity first.
    ///
    /// # Errors
    /// `invalid`, and those of any request.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<Page<Session>, ClientError> {
        self.call(filter.apply(Call::get("/v1/sessions"))).await
    }

    /// One session, or the tombstone of one.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn session(&self, id: &SessionId) -> Result<Session, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{id}"))).await
    }

    /// Changes title, tags, metadata, the archived mark or the draft.
    ///
    /// # Errors
    /// `not_found`, `destroyed`, and those of any request.
    pub async fn update(&self, id: &SessionId, patch: &SessionPatch) -> Result<Session, ClientError> {
        self.call(Call::patch(format!("/v1/sessions/{id}")).json(patch)?).await
    }

    /// Removes a session: process, data, never a directory that Tenure did not make.
    ///
    /// # Errors
    /// `not_found`, `destroyed`, and those of any request.
    pub async fn destroy(&self, id: &SessionId, keep_transcript: bool) -> Result<VerbReply, ClientError> {
        self.call(Call::delete(format!("/v1/sessions/{id}")).query("keep_transcript", keep_transcript)).await
    }

    /// What the agent can do; none before its handshake.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn capabilities(&self, id: &SessionId) -> Result<Option<Capabilities>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{id}/capabilities"))).await
    }

    /// The agent's process.
    ///
    /// # Errors
    /// `not_found`, also while it has none, and those of any request.
    pub async fn process(&self, id: &SessionId) -> Result<Process, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{id}/process"))).await
    }

    /// A page of messages, oldest first.
    ///
    /// # Errors
    /// `not_found`, `invalid`, and those of any request.
    pub async fn messages(&self, id: &SessionId, f: &MessageFilter) -> Result<Page<Message>, ClientError> {
        let call = Call::get(format!("/v1/sessions/{id}/messages"))
            .query_opt("cursor", f.cursor.as_ref())
            .query_opt("limit", f.limit.as_ref())
            .query_opt("offset", f.offset.as_ref())
            .query_opt("epoch", f.epoch.as_ref())
            .query_opt("branch", f.branch.as_ref());
        self.call(call).await
    }

    /// The whole conversation as text: `jsonl`, `acp` or `markdown`.
    ///
    /// # Errors
    /// `not_found`, `invalid`, and those of any request.
    pub async fn transcript(&self, id: &SessionId, format: &str) -> Result<Vec<u8>, ClientError> {
        self.bytes(Call::get(format!("/v1/sessions/{id}/transcript")).query("format", format)).await
    }
}
