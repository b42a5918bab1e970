//! One thing at a time with each worktree, and few gits at once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tenure_api::{ErrorCode, Problem, Worktree};
use tenure_event::{SessionId, WorkspaceId};
use tenure_log::{EventLog, WorkspaceRow};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, OwnedMutexGuard, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::git::{self, Git};
use super::record::{Paths, Record, UnderWay};
use super::{land, remove, unsaved};
use crate::node::Shared;
use crate::owner::off_thread;
use crate::problem;

/// Gits that run at once.
const AT_ONCE: usize = 8;

/// How long a git that nobody waits for may live on: it is killed before that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose turn it is.
pub(crate) struct Desk {
    turns: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
    places: Semaphore,
    alone: OnceCell<()>,
    recovered: CancellationToken,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            turns: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            alone: OnceCell::new(),
            recovered: CancellationToken::new(),
        }
    }
}

impl Desk {
    /// A turn with a worktree.
    pub(super) async fn of_workspace(&self, id: &WorkspaceId) -> OwnedMutexGuard<()> {
        self.turn(format!("workspace {id}")).await
    }

    /// A turn with the worktree that a session is created with.
    pub(crate) async fn of_session(&self, id: &SessionId) -> OwnedMutexGuard<()> {
        self.turn(format!("session {id}")).await
    }

    async fn turn(&self, of: String) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(of).or_default())
        };
        turn.lock_owned().await
    }

    /// Waits until no git runs any more that a daemon before this one has left: what it does would be taken for
    /// done or not done while it is neither.
    pub(super) async fn alone(&self, lock: &Path) -> Result<(), Problem> {
        let wait = || async {
            let (at, busy) = (lock.to_owned(), "a git command of the daemon before this one still runs");
            match off_thread(move || tenure_host::wait_for_release(&at, PATIENCE)).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Problem::new(ErrorCode::NotReady, format!("{busy}; try again"))),
                Err(e) => {
                    Err(Problem::new(ErrorCode::Storage, format!("{} cannot be locked: {e}", lock.display())))
                }
            }
        };
        self.alone.get_or_try_init(wait).await.copied()
    }

    /// What was broken off by the daemon before this one is taken back, as far as that goes.
    pub(super) fn is_recovered(&self) {
        self.recovered.cancel();
    }

    /// Waits for that: a branch that is about to be taken back would be found, and taken for one of the person's own.
    pub(super) async fn recovered(&self) {
        self.recovered.cancelled().await;
    }

    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }
}

/// A worktree in somebody's hands, with nothing under way.
pub(super) struct Open {
    pub shared: Arc<Shared>,
    pub id: WorkspaceId,
    pub paths: Paths,
    pub record: Record,
    _turn: OwnedMutexGuard<()>,
}

impl Open {
    /// Takes a worktree in hand. What was broken off is finished or taken back first.
    pub(super) async fn worktree(shared: &Arc<Shared>, row: &WorkspaceRow) -> Result<Self, Problem> {
        if row.kind != "worktree" {
            let what = format!("workspace {} is a {}, not a worktree", row.id, row.kind);
            return Err(Problem::invalid("id", what));
        }
        let gone = || {
            Problem::new(
                ErrorCode::NotFound,
                format!("the worktree {} is gone; it was at {}", row.id, row.path),
            )
        };
        Self::known(shared, &row.id).await?.ok_or_else(gone)
    }

    /// The same for one of which it is only known that it may be there.
    pub(super) async fn known(shared: &Arc<Shared>, id: &WorkspaceId) -> Result<Option<Self>, Problem> {
        let turn = shared.worktrees.of_workspace(id).await;
        Self::in_turn(shared, id, turn).await
    }

    /// The same for whoever has the turn.
    pub(super) async fn in_turn(
        shared: &Arc<Shared>,
        id: &WorkspaceId,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Option<Self>, Problem> {
        let paths = Paths::of(&shared.home, id);
        // Or what is removed here would be made by a git that comes late.
        git::alone(shared).await?;
        let Some(record) = read(&paths).await? else { return Ok(None) };
        let shared = Arc::clone(shared);
        let mut open = Self { shared, id: id.clone(), paths, record, _turn: turn };
        match open.record.under_way.clone() {
            None => Ok(Some(open)),
            Some(UnderWay::Landing(landing)) => {
                land::settle(&open, &landing).await?;
                open.under_way(None).await?;
                Ok(Some(open))
            }
            Some(UnderWay::Removal { branch_at }) => {
                remove::remove(&open, branch_at).await?;
                Ok(None)
            }
        }
    }

    /// Writes down what is under way.
    pub(super) async fn under_way(&mut self, what: Option<UnderWay>) -> Result<(), Problem> {
        self.record.under_way = what;
        self.record.write(&self.paths).await
    }

    /// Git in the worktree.
    pub(super) async fn git(&self) -> Result<Git, Problem> {
        Git::at(&self.shared, &self.paths.tree).await
    }
}

async fn read(paths: &Paths) -> Result<Option<Record>, Problem> {
    let paths = paths.clone();
    let read = off_thread(move || Record::read(&paths)).await;
    read.map_err(|e| {
        Problem::new(ErrorCode::Storage, format!("what is known of the worktree cannot be read: {e}"))
    })
}

/// A worktree as clients see it; with what would be lost if that is asked for and can be told.
pub(crate) async fn shown(shared: &Arc<Shared>, id: &WorkspaceId, whole: bool) -> Option<Worktree> {
    let paths = Paths::of(&shared.home, id);
    let record = read(&paths).await.ok().flatten()?;
    let mut shown = record.shown();
    if whole && paths.tree.is_dir() {
        let git = Git::at(shared, &paths.tree).await.ok()?;
        shown.unsaved = unsaved::unsaved(&git, &record).await.ok();
    }
    Some(shown)
}

/// Whether a workspace is on its way out, so that no session can begin in it.
pub(crate) async fn is_leaving(shared: &Shared, id: &WorkspaceId) -> bool {
    let record = read(&Paths::of(&shared.home, id)).await.ok().flatten();
    record.is_some_and(|record| matches!(record.under_way, Some(UnderWay::Removal { .. })))
}

/// The row of a workspace.
pub(super) async fn row(shared: &Shared, id: &WorkspaceId) -> Result<Option<WorkspaceRow>, Problem> {
    shared.log.workspace(id).await.map_err(|e| problem::from_log(&e))
}
