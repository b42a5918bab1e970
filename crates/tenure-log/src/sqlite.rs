//! The log in SQLite: one writer thread with group commit, a few read connections, one file.
//!
//! What a commit must survive is chosen per batch. Reads see only what is committed and hold no
//! transaction longer than a page. The home's lock, which keeps a second daemon away, is not taken here.

mod apply;
mod connection;
mod erasure;
mod error;
mod events;
mod examine;
mod kinds;
mod list;
mod lookup;
mod meta;
mod put;
mod queue;
mod readers;
mod rows;
mod schema;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rusqlite::Connection;
use serde_json::Value;
use tenure_event::{AskId, AskState, Gseq, InputId, ProjectId, SessionId, Timestamp, WorkspaceId};
use tokio::sync::{oneshot, watch};

pub use self::examine::{Damage, examine};
use self::kinds::Kinds;
use self::queue::{Job, Queue};
use self::readers::Readers;
use crate::prepared::{Prepared, check_ownerless, weight};
use crate::tails::Tails;
use crate::{
    Append, Appended, EventLog, EventPage, IDEMPOTENCY_MS, IdempotencyRow, InputRow, LogError, LogFacts,
    PageRequest, ProjectRow, ProjectWork, SessionFilter, SessionPage, SessionRow, StoredAsk, StoredState,
    TailUpdate, WorkspaceRow, Write, blobs,
};

/// The file in the home's directory. Nothing else in this process may open it: closing any descriptor of
/// it would drop the locks that SQLite holds on it.
const FILE: &str = "tenure.db";

/// What must be survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A loss of power: commits of class `Full` are flushed to the disk before they are answered.
    #[default]
    Power,
    /// A kill of the process: nothing waits for the disk, a loss of power may take the last moments.
    Process,
}

impl Durability {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Process => "process",
        }
    }
}

/// How a store is opened.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// What must be survived.
    pub durability: Durability,
    /// Names the machine's current boot; `None` asks the kernel.
    pub boot_id: Option<String>,
}

/// An [`EventLog`] in a directory. Clones share one store; it is open until [`EventLog::close`] or until
/// the last clone is dropped, which finishes what was queued but leaves no mark of a clean end.
#[derive(Debug, Clone)]
pub struct SqliteLog(Arc<Inner>);

/// The handle that callers share. The writer thread does not hold it, so that dropping it ends the thread.
#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    writer: Arc<Mutex<writer::Writer>>,
    generation: u64,
    durability: Durability,
}

/// What callers and the writer share.
#[derive(Debug)]
struct Shared {
    home: PathBuf,
    queue: Queue,
    readers: Readers,
    tails: Tails,
    kinds: Kinds,
    closed: AtomicBool,
    /// Changes come faster than they are committed one by one.
    crowded: AtomicBool,
    /// Some sessions stand in the lists where they stood a moment ago.
    unsettled: AtomicBool,
    /// Sessions of which something could not be read, with what was found.
    damaged: Mutex<BTreeMap<SessionId, String>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

impl SqliteLog {
    /// Opens the store in `dir`, or makes one. Blocks for the time it takes, a few milliseconds
    /// whatever the store holds. On a full disk a store that exists is opened; appends fail until there is room.
    ///
    /// # Errors
    /// [`LogError::Newer`] for a store of a newer version, [`LogError::Corrupt`] for a file that is no store,
    /// [`LogError::Storage`] if the directory cannot be written.
    pub fn open(dir: &Path, options: LogOptions) -> Result<Self, LogError> {
        let path = dir.join(FILE);
        let concerning = path.display().to_string();
        Self::open_file(dir, path, options).map_err(|e| e.concerning(&concerning))
    }

    fn open_file(dir: &Path, path: PathBuf, options: LogOptions) -> Result<Self, LogError> {
        let db = schema::open(&path)?;
        let opening = meta::Opening::new(&db, options.boot_id)?;
        let generation = opening.generation;
        let last = events::last_gseq(&db)?;
        let shared = Arc::new(Shared {
            home: dir.to_owned(),
            queue: Queue::default(),
            readers: Readers::new(path),
            tails: Tails::new(Gseq(last)),
            kinds: Kinds::load(&db)?,
            closed: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            unsettled: AtomicBool::new(false),
            damaged: Mutex::default(),
        });
        let writer = writer::start(db, shared.clone(), options.durability, opening, last)?;
        Ok(Self(Arc::new(Inner { shared, writer, generation, durability: options.durability })))
    }

    /// What was found when something of a session could not be read, if that happened.
    #[must_use]
    pub fn damage(&self, id: &SessionId) -> Option<String> {
        self.damaged().get(id).cloned()
    }

    /// The same, after a second look: reads all of the session if something of it could not be read before. It is
    /// forgotten if now all can.
    pub async fn damage_now(&self, id: &SessionId) -> Option<String> {
        let known = self.damage(id)?;
        let session = id.clone();
        match self.query(move |db| examine::session(db, &session)).await {
            Ok(()) => {
                self.damaged().remove(id);
                tracing::info!(session = %id, "it can be read again");
                None
            }
            Err(LogError::Corrupt(found)) => Some(found),
            Err(_) => Some(known),
        }
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeMap<SessionId, String>> {
        self.0.shared.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers damage, and says whose it is.
    fn told<T>(&self, id: &SessionId, what: &str, result: Result<T, LogError>) -> Result<T, LogError> {
        result.map_err(|error| {
            let error = error.concerning(&format!("{what} of session {id}"));
            if let LogError::Corrupt(found) = &error
                && self.damaged().insert(id.clone(), found.clone()).is_none()
            {
                tracing::error!(session = %id, %error, "a session cannot be read; others are not affected by that");
            }
            error
        })
    }

    async fn query<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        if self.0.shared.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        self.0.shared.readers.run(f).await
    }

    async fn change<T>(
        &self,
        weight: usize,
        job: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Job,
    ) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        let Inner { shared, writer, durability, .. } = &*self.0;
        if let Some(job) = writer::now::commit(writer, shared, *durability, job(reply)) {
            shared.queue.push(job, weight).await?;
        }
        answer.await.unwrap_or(Err(LogError::Closed))
    }

    /// Before lists are read: sessions stand where they belong. If that cannot be written, they stand where they stood.
    async fn settle(&self) {
        if self.0.shared.unsettled.load(Ordering::Acquire) {
            let _ = self.change(0, |reply| Job::Settle { reply }).await;
        }
    }

    async fn file<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Path) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        if self.0.shared.closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        let shared = self.0.shared.clone();
        tokio::task::spawn_blocking(move || f(&shared.home)).await.unwrap_or(Err(LogError::Closed))
    }
}

impl EventLog for SqliteLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let append = Prepared::new(append)?;
        let id = append.session.clone();
        let stored =
            self.change(append.weight(), |reply| Job::Append { append: Box::new(append), reply }).await;
        self.told(&id, "the end", stored)
    }

    async fn read(&self, session: &SessionId, page: PageRequest) -> Result<EventPage, LogError> {
        if let Some(page) = self.0.shared.tails.page(session, &page) {
            return Ok(page);
        }
        let (id, shared) = (session.clone(), self.0.shared.clone());
        let read = move |db: &Connection| events::of_session(db, &shared.kinds, &id, &page);
        self.told(session, "events", self.query(read).await)
    }

    async fn read_all(&self, page: PageRequest) -> Result<EventPage, LogError> {
        let shared = self.0.shared.clone();
        let read = move |db: &Connection| {
            events::of_node(db, &shared.kinds, &page).map_err(|e| e.concerning("events of the node"))
        };
        self.query(read).await
    }

    fn tail(&self, session: &SessionId) -> watch::Receiver<TailUpdate> {
        self.0.shared.tails.listen(session)
    }

    fn tail_all(&self) -> watch::Receiver<TailUpdate> {
        self.0.shared.tails.listen_all()
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRow>, LogError> {
        self.settle().await;
        let session = id.clone();
        self.told(id, "the row", self.query(move |db| lookup::session(db, &session)).await)
    }

    async fn state(&self, id: &SessionId) -> Result<Option<StoredState>, LogError> {
        let session = id.clone();
        self.told(id, "the state", self.query(move |db| lookup::state(db, &session)).await)
    }

    async fn sessions(&self, filter: SessionFilter) -> Result<SessionPage, LogError> {
        self.settle().await;
        self.query(move |db| list::sessions(db, &filter).map_err(|e| e.concerning("the list of sessions")))
            .await
    }

    async fn live_sessions(&self) -> Result<Vec<SessionId>, LogError> {
        self.query(lookup::live_sessions).await
    }

    async fn asks(
        &self,
        session: Option<&SessionId>,
        states: &[AskState],
        limit: usize,
    ) -> Result<Vec<StoredAsk>, LogError> {
        let (session, states) = (session.cloned(), states.to_vec());
        self.query(move |db| {
            lookup::asks(db, session.as_ref(), &states, limit).map_err(|e| e.concerning("asks"))
        })
        .await
    }

    async fn ask(&self, id: &AskId) -> Result<Option<StoredAsk>, LogError> {
        let id = id.clone();
        self.query(move |db| lookup::ask(db, &id)).await
    }

    async fn input(&self, session: &SessionId, id: &InputId) -> Result<Option<InputRow>, LogError> {
        let (of, id) = (session.clone(), id.clone());
        self.told(session, "an input", self.query(move |db| lookup::input(db, &of, &id)).await)
    }

    async fn inputs(&self, session: &SessionId, limit: usize) -> Result<Vec<InputRow>, LogError> {
        let of = session.clone();
        self.told(session, "inputs", self.query(move |db| lookup::inputs(db, &of, limit)).await)
    }

    async fn idempotency(&self, key: &str, now: Timestamp) -> Result<Option<IdempotencyRow>, LogError> {
        let (key, since) = (key.to_owned(), now.plus_millis(-IDEMPOTENCY_MS));
        self.query(move |db| lookup::idempotency(db, &key, since)).await
    }

    async fn workspace(&self, id: &WorkspaceId) -> Result<Option<WorkspaceRow>, LogError> {
        let id = id.clone();
        self.query(move |db| lookup::workspace(db, &id)).await
    }

    async fn workspaces(
        &self,
        after: Option<&WorkspaceId>,
        limit: usize,
    ) -> Result<Vec<WorkspaceRow>, LogError> {
        let after = after.cloned();
        self.query(move |db| lookup::workspaces(db, after.as_ref(), limit)).await
    }

    async fn workspace_at(&self, path: &str) -> Result<Option<WorkspaceRow>, LogError> {
        let path = path.to_owned();
        self.query(move |db| lookup::workspace_at(db, &path)).await
    }

    async fn projects(&self) -> Result<Vec<ProjectRow>, LogError> {
        self.query(lookup::projects).await
    }

    async fn work(&self, project: Option<&ProjectId>) -> Result<Vec<ProjectWork>, LogError> {
        let project = project.cloned();
        self.query(move |db| lookup::work(db, project.as_ref())).await
    }

    async fn put(&self, writes: Vec<Write>) -> Result<(), LogError> {
        check_ownerless(&writes)?;
        self.change(writes.iter().map(weight).sum(), |reply| Job::Put { writes, reply }).await
    }

    async fn put_blob(&self, session: &SessionId, bytes: Bytes) -> Result<String, LogError> {
        let session = session.clone();
        self.file(move |home| blobs::put(home, &session, &bytes)).await
    }

    async fn blob(&self, session: &SessionId, hash: &str) -> Result<Option<Bytes>, LogError> {
        let (session, hash) = (session.clone(), hash.to_owned());
        self.file(move |home| blobs::get(home, &session, &hash)).await
    }

    fn facts(&self) -> LogFacts {
        LogFacts {
            generation: self.0.generation,
            format: schema::FORMAT,
            durability: self.0.durability.as_str(),
            last_gseq: self.0.shared.tails.last(),
        }
    }

    async fn counts(&self) -> Result<Value, LogError> {
        self.query(lookup::counts).await
    }

    async fn close(&self) -> Result<(), LogError> {
        self.change(0, |reply| Job::Close { reply }).await
    }
}
