//! Read connections: at most four, opened when needed, used on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use crate::LogError;

/// Most connections at a time.
const MOST: usize = 4;

/// The read connections of one store.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    room: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, room: Arc::new(Semaphore::new(MOST)), idle: Arc::default() }
    }

    /// Runs a query on a connection of its own. It runs to its end even if the caller goes away.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let room = self.room.clone().acquire_owned().await.map_err(|_| LogError::Closed)?;
        let (all, idle, path) = (self.room.clone(), self.idle.clone(), self.path.clone());
        let work = move || {
            let _room = room;
            let free = lock(&idle).pop();
            let db = free.map_or_else(|| connection::reader(&path), Ok)?;
            let result = f(&db);
            // After trouble with the file a fresh connection is the better one.
            let trouble = matches!(result, Err(LogError::Storage { .. } | LogError::Corrupt(_)));
            if !trouble && !all.is_closed() {
                lock(&idle).push(db);
            }
            result
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(LogError::Closed))
    }

    /// Keeps one connection of those that nobody uses.
    pub(super) fn trim(&self) {
        lock(&self.idle).truncate(1);
    }

    /// Refuses further queries and lets go of the file; queries that run now do so when they end.
    pub(super) fn close(&self) {
        self.room.close();
        lock(&self.idle).clear();
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
