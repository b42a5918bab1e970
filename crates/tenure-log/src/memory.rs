//! A log in memory with the semantics of the real one: for tests and simulation. Nothing is durable
//! and nothing is bounded; it is not meant for a daemon.

mod lists;
mod tables;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use tenure_event::{AskId, AskState, Gseq, InputId, ProjectId, SessionId, Timestamp, WorkspaceId};
use tokio::sync::watch;

use self::tables::Tables;
use crate::page::{by_gseq, by_seq, check_cursor, collect};
use crate::prepared::{Prepared, check_ownerless};
use crate::tails::Tails;
use crate::{
    Append, Appended, EventLog, EventPage, IDEMPOTENCY_MS, IdempotencyRow, InputRow, LogError, LogFacts,
    PageRequest, ProjectRow, ProjectWork, SessionFilter, SessionPage, SessionRow, StoredAsk, StoredState,
    TailUpdate, WorkspaceRow, Write, blobs,
};

/// An [`EventLog`] that forgets everything when it is dropped. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct MemoryLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` once closed.
    tables: Mutex<Option<Tables>>,
    tails: Tails,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner { tables: Mutex::new(Some(Tables::default())), tails: Tails::new(Gseq(0)) }))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Tables) -> Result<T, LogError>) -> Result<T, LogError> {
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        f(tables.as_mut().ok_or(LogError::Closed)?)
    }
}

impl EventLog for MemoryLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let append = Prepared::new(append)?;
        self.with(|tables| {
            let appended = tables.append(&append)?;
            self.0.tails.ring(&append.session, appended.last_seq, &appended.events, append.erases());
            if !appended.events.is_empty() {
                self.0.tails.ring_all(tables.last_gseq());
            }
            Ok(appended)
        })
    }

    async fn read(&self, session: &SessionId, page: PageRequest) -> Result<EventPage, LogError> {
        self.with(|tables| {
            let (base, events) = tables.stream(session);
            let last = events.last().map_or(base, |e| e.seq.0);
            check_cursor(page.after, base, last)?;
            let skip = usize::try_from(page.after - base).unwrap_or(usize::MAX);
            Ok(collect(events.iter().skip(skip), by_seq, &page, last))
        })
    }

    async fn read_all(&self, page: PageRequest) -> Result<EventPage, LogError> {
        self.with(|tables| {
            let last = tables.last_gseq().0;
            check_cursor(page.after, 0, last)?;
            Ok(collect(tables.since(Gseq(page.after)), by_gseq, &page, last))
        })
    }

    fn tail(&self, session: &SessionId) -> watch::Receiver<TailUpdate> {
        self.0.tails.listen(session)
    }

    fn tail_all(&self) -> watch::Receiver<TailUpdate> {
        self.0.tails.listen_all()
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRow>, LogError> {
        self.with(|tables| Ok(tables.row(id)))
    }

    async fn state(&self, id: &SessionId) -> Result<Option<StoredState>, LogError> {
        self.with(|tables| Ok(tables.state(id)))
    }

    async fn sessions(&self, filter: SessionFilter) -> Result<SessionPage, LogError> {
        self.with(|tables| Ok(tables.list(&filter)))
    }

    async fn live_sessions(&self) -> Result<Vec<SessionId>, LogError> {
        self.with(|tables| Ok(tables.live()))
    }

    async fn asks(
        &self,
        session: Option<&SessionId>,
        states: &[AskState],
        limit: usize,
    ) -> Result<Vec<StoredAsk>, LogError> {
        self.with(|tables| Ok(tables.asks(session, states, limit)))
    }

    async fn ask(&self, id: &AskId) -> Result<Option<StoredAsk>, LogError> {
        self.with(|tables| Ok(tables.asks.get(id).cloned()))
    }

    async fn input(&self, session: &SessionId, id: &InputId) -> Result<Option<InputRow>, LogError> {
        self.with(|tables| Ok(tables.inputs.get(&(session.clone(), id.clone())).cloned()))
    }

    async fn inputs(&self, session: &SessionId, limit: usize) -> Result<Vec<InputRow>, LogError> {
        self.with(|tables| Ok(tables.inputs(session, limit)))
    }

    async fn idempotency(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRow>, LogError> {
        let since = now.plus_millis(-IDEMPOTENCY_MS);
        self.with(|tables| Ok(tables.idempotency.get(key).filter(|row| row.at >= since).cloned()))
    }

    async fn workspace(&self, id: &WorkspaceId) -> Result<Option<WorkspaceRow>, LogError> {
        self.with(|tables| Ok(tables.workspaces.get(id).cloned()))
    }

    async fn workspaces(
        &self,
        after: Option<&WorkspaceId>,
        limit: usize,
    ) -> Result<Vec<WorkspaceRow>, LogError> {
        self.with(|tables| Ok(tables.workspaces(after, limit)))
    }

    async fn workspace_at(&self, path: &str) -> Result<Option<WorkspaceRow>, LogError> {
        self.with(|tables| Ok(tables.workspace_at(path)))
    }

    async fn projects(&self) -> Result<Vec<ProjectRow>, LogError> {
        self.with(|tables| Ok(tables.projects()))
    }

    async fn work(&self, project: Option<&ProjectId>) -> Result<Vec<ProjectWork>, LogError> {
        self.with(|tables| Ok(tables.work(project)))
    }

    async fn put(&self, writes: Vec<Write>) -> Result<(), LogError> {
        check_ownerless(&writes)?;
        self.with(|tables| {
            writes.iter().for_each(|write| tables.put_ownerless(write));
            Ok(())
        })
    }

    async fn put_blob(&self, session: &SessionId, bytes: Bytes) -> Result<String, LogError> {
        if matches!(session.as_str(), "." | "..") {
            return Err(LogError::Invalid(format!("`{session}` cannot name a session")));
        }
        let hash = blobs::hash_of(&bytes);
        self.with(|tables| {
            tables.blobs.insert((session.clone(), hash.clone()), bytes);
            Ok(hash)
        })
    }

    async fn blob(&self, session: &SessionId, hash: &str) -> Result<Option<Bytes>, LogError> {
        self.with(|tables| Ok(tables.blobs.get(&(session.clone(), hash.to_owned())).cloned()))
    }

    fn facts(&self) -> LogFacts {
        LogFacts { generation: 1, format: 0, durability: "process", last_gseq: self.0.tails.last() }
    }

    async fn counts(&self) -> Result<Value, LogError> {
        self.with(|tables| Ok(json!({"sessions": tables.lifecycles(), "bytes": tables.bytes()})))
    }

    async fn close(&self) -> Result<(), LogError> {
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.take().map(drop).ok_or(LogError::Closed)
    }
}
