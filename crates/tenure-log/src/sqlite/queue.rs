//! What waits for the writer. Bounded by bytes; the writer takes everything at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use crate::prepared::Prepared;
use crate::{Appended, LogError, Write};

/// Room for what waits, in KiB. One that is larger waits until it is alone.
const ROOM_KIB: u32 = 32 * 1024;

/// The answer to one caller.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// Something for the writer to do.
#[derive(Debug)]
pub(super) enum Job {
    /// An append to one session.
    Append { append: Box<Prepared>, reply: Reply<Appended> },
    /// Rows that belong to no session.
    Put { writes: Vec<Write>, reply: Reply<()> },
    /// Sessions that stand in the lists where they stood a moment ago are put where they belong.
    Settle { reply: Reply<()> },
    /// The clean end.
    Close { reply: Reply<()> },
}

impl Job {
    /// Tells the caller that it failed.
    pub(super) fn fail(self, error: LogError) {
        // A caller that went away needs no answer.
        match self {
            Self::Append { reply, .. } => drop(reply.send(Err(error))),
            Self::Put { reply, .. } | Self::Settle { reply } | Self::Close { reply } => {
                drop(reply.send(Err(error)));
            }
        }
    }
}

/// What the writer finds.
pub(super) enum Taken {
    /// Everything that waited.
    Jobs(Vec<Job>),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// Jobs in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// Permits that they hold.
    held: usize,
    closed: bool,
}

impl Default for Queue {
    fn default() -> Self {
        let room = Semaphore::new(ROOM_KIB as usize);
        Self { waiting: Mutex::default(), bell: Condvar::new(), room }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job that holds about `bytes`, once there is room.
    pub(super) async fn push(&self, job: Job, bytes: usize) -> Result<(), LogError> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        let room = self.room.acquire_many(kib).await.map_err(|_| LogError::Closed)?;
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(LogError::Closed);
        }
        room.forget();
        waiting.held += kib as usize;
        waiting.jobs.push(job);
        drop(waiting);
        self.bell.notify_one();
        Ok(())
    }

    /// Whether nothing waits, and something may.
    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.jobs.is_empty() && !waiting.closed
    }

    /// Waits up to `patience` for something to come.
    pub(super) fn wait(&self, patience: Duration) {
        let idle = |w: &mut Waiting| w.jobs.is_empty() && !w.closed;
        drop(self.bell.wait_timeout_while(self.lock(), patience, idle));
    }

    /// Takes everything that waits.
    pub(super) fn take(&self) -> Taken {
        let mut waiting = self.lock();
        self.room.add_permits(std::mem::take(&mut waiting.held));
        let jobs = std::mem::take(&mut waiting.jobs);
        match jobs.is_empty() {
            false => Taken::Jobs(jobs),
            true if waiting.closed => Taken::Closed,
            true => Taken::Nothing,
        }
    }

    /// Refuses further jobs; what waits is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.bell.notify_one();
    }
}
