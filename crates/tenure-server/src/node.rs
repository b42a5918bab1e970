//! What the daemon can do, without HTTP: create sessions, ask things of them, list and
//! follow them. One [`Node`] per home.

use std::path::Path;
use std::sync::Arc;

use tenure_api::{CreateSession, Problem, Process, Receipt, Session};
use tenure_core::{Reply, Request};
use tenure_event::{Ephemeral, SessionId};
use tokio::sync::broadcast;

/// A request that may be repeated: its key (with method, path and token) and its body's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, made unique by method, path and token.
    pub key: String,
    /// Hash of the body.
    pub body_hash: String,
}

/// A session was created, or was there already.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateOutcome {
    /// Its id.
    pub session_id: SessionId,
    /// False when the same id and body had been given before.
    pub created: bool,
    /// Of the first input.
    pub receipt: Option<Receipt>,
}

/// Ephemeral events of a live session, and what is being written at this moment.
pub struct LiveText {
    /// One delta from offset 0 for each part that is being written; already rendered as ephemeral events.
    pub open: Vec<Arc<Ephemeral>>,
    /// What comes after them. A slow reader loses some; the log has the whole message later.
    pub updates: broadcast::Receiver<Arc<Ephemeral>>,
}

/// The daemon's heart.
pub struct Node {}

#[expect(clippy::todo, clippy::unused_async, clippy::missing_errors_doc, reason = "being written")]
impl Node {
    /// Opens the home: lock held by the caller, log opened, living agents found again. Returns when reads
    /// answer and inputs are admitted; sessions that still catch up say so in their health.
    pub async fn open(_home: &Path, _config: tokio::sync::watch::Receiver<Arc<crate::config::Config>>) -> anyhow::Result<Arc<Self>> {
        todo!()
    }
    /// The event log.
    pub fn log(&self) -> &tenure_log::SqliteLog {
        todo!()
    }
    /// Creates a session (idempotent by id).
    pub async fn create(&self, _request: CreateSession, _key: Option<IdempotencyKey>) -> Result<CreateOutcome, Problem> {
        todo!()
    }
    /// Asks something of a session. The reply is durable when it comes.
    pub async fn call(&self, _id: &SessionId, _request: Request, _key: Option<IdempotencyKey>) -> Result<Reply, Problem> {
        todo!()
    }
    /// A session as clients see it, with capabilities and process; `not_found` for an unknown id, tombstones included.
    pub async fn view(&self, _id: &SessionId) -> Result<Session, Problem> {
        todo!()
    }
    /// The same for a row of a list: without capabilities.
    pub fn view_row(&self, _row: &tenure_log::SessionRow) -> Session {
        todo!()
    }
    /// Deltas of a session, for streams that asked for them.
    pub async fn live_text(&self, _id: &SessionId) -> LiveText {
        todo!()
    }
    /// Deltas of all sessions.
    pub fn live_text_all(&self) -> broadcast::Receiver<Arc<Ephemeral>> {
        todo!()
    }
    /// Every process: running ones, ended ones that were not reaped, orphans.
    pub async fn processes(&self) -> Vec<Process> {
        todo!()
    }
    /// Takes ended processes off the list and ends orphans; each is returned once.
    pub async fn reap(&self) -> Vec<Process> {
        todo!()
    }
    /// Closes all sessions (for `down --all`).
    pub async fn close_all(&self) {
        todo!()
    }
    /// Stops owners without touching agents and closes the log.
    pub async fn shut_down(&self) {
        todo!()
    }
}
