//! Checkpoints of workspaces: the stores, one per workspace, and what is done with them for sessions.
//!
//! Walking and reading is slow work: it runs where blocking is allowed, one thing at a time per workspace and two at
//! a time per node. Nothing here decides when a checkpoint is taken (that is the machine's business), and
//! nothing here is the record of it: a checkpoint is what `checkpoint.created` says, a store only holds the bytes.

pub(crate) mod goal;
pub(crate) mod marks;
pub(crate) mod retention;
pub(crate) mod show;
pub(crate) mod way;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tenure_core::machine::{CheckpointTrouble, State, TakenCheckpoint};
use tenure_event::WorkspaceId;
use tenure_workspace::checkpoint::{Changes, Done, Journal, Limits, Store, TakeError, TreeId, diff};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock;

/// Walks that run at once.
const AT_ONCE: usize = 2;
/// Stores that stay open while nobody uses them.
const OPEN: usize = 4;
/// Trees of a workspace that were taken last and may not be in the log yet.
const FRESH: usize = 64;
/// Unreadable files that an event names.
const NAMED: usize = 20;

/// Where the files of a session are.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub workspace: WorkspaceId,
    pub root: PathBuf,
}

impl Place {
    pub(crate) fn of(state: &State) -> Self {
        let spec = &state.spec;
        Self { workspace: spec.workspace_id.clone(), root: PathBuf::from(&spec.cwd_canonical) }
    }
}

/// One workspace's store, opened when it is first used.
#[derive(Clone, Default)]
struct Shelf {
    store: Arc<AsyncMutex<Option<Store>>>,
    /// It was removed: who still waits for it is too late.
    removed: Arc<AtomicBool>,
    /// Trees that may not be in the log yet: retention must not take them.
    fresh: Arc<Mutex<VecDeque<TreeId>>>,
}

/// The stores of a node.
pub(crate) struct Stores {
    dir: PathBuf,
    home: PathBuf,
    shelves: Mutex<HashMap<WorkspaceId, Shelf>>,
    slots: Semaphore,
    stopping: CancellationToken,
}

/// A store that is in use, where blocking is allowed.
pub(crate) struct InUse<'a> {
    pub store: &'a mut Store,
    fresh: &'a Mutex<VecDeque<TreeId>>,
    stopping: &'a CancellationToken,
}

impl Stores {
    pub(crate) fn new(home: &Path, stopping: CancellationToken) -> Self {
        // Paths are compared as the walk sees them.
        let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        let slots = Semaphore::new(AT_ONCE);
        Self { dir: home.join("checkpoints"), home, shelves: Mutex::default(), slots, stopping }
    }

    /// Whether anything was ever recorded of a workspace.
    pub(crate) fn has(&self, workspace: &WorkspaceId) -> bool {
        self.dir.join(workspace.as_str()).exists()
    }

    /// Uses a workspace's store. The error is for people.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        workspace: &WorkspaceId,
        work: impl FnOnce(&mut InUse<'_>) -> T + Send + 'static,
    ) -> Result<T, String> {
        let Shelf { store, fresh, removed } = self.shelf(workspace);
        // One after the other in a workspace; who waits for that takes no place among those that work.
        let mut store = store.lock_owned().await;
        if removed.load(Ordering::Relaxed) {
            return Err("its checkpoints went with its last session".to_owned());
        }
        let _slot = self.slots.acquire().await.map_err(|e| e.to_string())?;
        let (dir, home, stopping) =
            (self.dir.join(workspace.as_str()), self.home.clone(), self.stopping.clone());
        let done = tokio::task::spawn_blocking(move || {
            let open = match store.take() {
                Some(open) => open,
                None => Store::open(&dir, vec![home]).map_err(|e| e.to_string())?,
            };
            let store = store.insert(open);
            Ok(work(&mut InUse { store, fresh: &fresh, stopping: &stopping }))
        });
        let done = done.await.unwrap_or_else(|e| Err(format!("the work on the files broke off: {e}")));
        self.close_idle();
        done
    }

    fn shelf(&self, workspace: &WorkspaceId) -> Shelf {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.entry(workspace.clone()).or_default().clone()
    }

    /// Lets go of what stores hold in memory, if many are open.
    fn close_idle(&self) {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let free = shelves.values().filter_map(|shelf| shelf.store.try_lock().ok());
        free.filter(|store| store.is_some()).skip(OPEN).for_each(|mut store| *store = None);
    }

    /// Removes a workspace's store with all it holds.
    pub(crate) async fn remove(&self, workspace: &WorkspaceId) -> std::io::Result<()> {
        let dir = self.dir.join(workspace.as_str());
        let Shelf { store, removed: mark, .. } = self.shelf(workspace);
        let mut store = store.lock_owned().await;
        *store = None;
        mark.store(true, Ordering::Relaxed);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).remove(workspace);
        match removed.unwrap_or_else(|e| Err(std::io::Error::other(e))) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

impl InUse<'_> {
    /// Records what a directory holds now.
    pub(crate) fn take(&mut self, root: &Path, limits: Option<Limits>) -> Result<TreeId, TakeError> {
        let now_ns = clock::now().as_millis().saturating_mul(1_000_000);
        let stopping = self.stopping;
        let taken = self.store.take(root, limits, now_ns, &|| stopping.is_cancelled())?;
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.truncate(FRESH - 1);
        fresh.push_front(taken.tree);
        Ok(taken.tree)
    }

    /// What stands there after a journal was carried out.
    pub(crate) fn result_of(&mut self, journal: &Journal, done: &Done) -> Result<TreeId, String> {
        let tree = self.store.result_of(journal, done).map_err(|e| e.to_string())?;
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).push_front(tree);
        Ok(tree)
    }

    /// Trees that may not be in the log yet.
    pub(crate) fn fresh(&self) -> Vec<TreeId> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// What an event says of a tree, with the changes since another one.
    pub(crate) fn describe(&mut self, id: TreeId, against: Option<&str>) -> Result<TakenCheckpoint, String> {
        let tree = self.store.tree(&id).map_err(|e| e.to_string())?;
        let (files, bytes) = tree.size();
        let base = against.and_then(|name| self.store.tree(&name.parse().ok()?).ok());
        let changes = base.map(|base| Changes::count(&diff(&base, &tree))).unwrap_or_default();
        let unknown = tree.unknown().take(NAMED).map(|(path, why)| format!("{path}: {why}"));
        Ok(TakenCheckpoint {
            tree: id.to_string(),
            files,
            bytes,
            added: changes.added,
            modified: changes.modified,
            deleted: changes.deleted,
            not_covered: unknown.collect(),
        })
    }
}

/// Records the files of a place; `against` is the tree that changes are counted against.
pub(crate) async fn take(
    stores: &Stores,
    place: &Place,
    limits: Option<Limits>,
    against: Option<String>,
) -> Result<TakenCheckpoint, CheckpointTrouble> {
    let root = place.root.clone();
    let taken = stores.with(&place.workspace, move |used| {
        let tree = used.take(&root, limits).map_err(|e| CheckpointTrouble {
            too_large: matches!(e, TakeError::TooLarge { .. }),
            message: e.to_string(),
        })?;
        used.describe(tree, against.as_deref()).map_err(failed)
    });
    taken.await.unwrap_or_else(|message| Err(failed(message)))
}

fn failed(message: String) -> CheckpointTrouble {
    CheckpointTrouble { too_large: false, message }
}
