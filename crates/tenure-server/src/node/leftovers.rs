//! Files that a daemon left which was killed in the middle: of sessions that were destroyed, and of sessions whose
//! birth never came into the log. Cleared once, in the background, after a start. Nothing is touched that a session
//! knows, that is being created, or that is not of Tenure's making.

use std::path::Path;
use std::sync::Arc;

use tenure_crash_point::crash_point;
use tenure_event::{SessionId, WorkspaceId};
use tenure_log::{EventLog, LogError, PageRequest, SessionFilter};

use super::Shared;
use super::fork::copy;
use crate::owner::{off_thread, session_dir};
use crate::worktree;

/// Directories that one start clears at most; the next one goes on.
const AT_MOST: usize = 1000;
/// All that is left of a session that was destroyed and whose transcript was kept.
const KEPT: &str = "blobs";

/// The marks of copies that an earlier daemon was making. To be taken before anybody can ask for another.
pub(super) async fn marked(shared: &Shared) -> Vec<String> {
    files(&copy::marks(&shared.home)).await
}

/// Clears what is left.
pub(super) async fn clear(shared: Arc<Shared>, marked: Vec<String>) {
    // First, since whoever creates a worktree waits for it.
    worktree::recover(&shared).await;
    let mut cleared = 0;
    for name in names(&shared.home.join("sessions")).await {
        if shared.stopping.is_cancelled() || cleared >= AT_MOST {
            return;
        }
        if let Ok(id) = SessionId::parse(&name)
            && session(&shared, &id).await.unwrap_or(false)
        {
            cleared += 1;
        }
    }
    for name in names(&shared.home.join("workspaces")).await {
        if shared.stopping.is_cancelled() || cleared >= AT_MOST {
            return;
        }
        if let Ok(id) = WorkspaceId::parse(&name) {
            cleared += usize::from(workspace(&shared, &id).await.unwrap_or(false));
        }
    }
    let marks = copy::marks(&shared.home);
    for name in marked {
        if let Ok(id) = WorkspaceId::parse(&name) {
            let _nobody_creates = shared.creating.lock().await;
            let path = shared.home.join("workspaces").join(id.as_str());
            copy::settle(&shared.log, &id, path, marks.join(&name)).await;
        }
    }
    if cleared > 0 {
        tracing::info!(cleared, "what an earlier daemon left of sessions was removed");
    }
}

/// Names of directories; links are none.
async fn names(dir: &Path) -> Vec<String> {
    listed(dir, std::fs::FileType::is_dir).await
}

/// Names of files.
async fn files(dir: &Path) -> Vec<String> {
    listed(dir, std::fs::FileType::is_file).await
}

async fn listed(dir: &Path, of_kind: fn(&std::fs::FileType) -> bool) -> Vec<String> {
    let dir = dir.to_owned();
    let read = off_thread(move || {
        let entries = std::fs::read_dir(dir)?.flatten();
        let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| of_kind(&kind)));
        Ok(dirs.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    });
    // Without such a directory nothing is left in it.
    read.await.unwrap_or_default()
}

/// Whether something of this session was left, and is gone.
async fn session(shared: &Arc<Shared>, id: &SessionId) -> Result<bool, LogError> {
    if shared.registry.get(id).is_some() {
        return Ok(false);
    }
    match shared.log.session(id).await? {
        Some(row) if row.lifecycle == "destroyed" => {
            let keeps = keeps_transcript(shared, id).await?;
            if keeps && names_nothing_but(shared, id, KEPT).await {
                return Ok(false);
            }
            crash_point!("leftovers.destroyed");
            shared.erase_files(id, keeps, &row.workspace_id).await;
            Ok(true)
        }
        Some(_) => Ok(false),
        None => unborn(shared, id).await,
    }
}

/// A directory that no session knows, while none is being created.
async fn unborn(shared: &Shared, id: &SessionId) -> Result<bool, LogError> {
    let _nobody_creates = shared.creating.lock().await;
    if shared.registry.get(id).is_some() || shared.log.session(id).await?.is_some() {
        return Ok(false);
    }
    crash_point!("leftovers.unborn");
    let dir = session_dir(&shared.home, id);
    match off_thread(move || std::fs::remove_dir_all(dir)).await {
        Ok(()) => Ok(true),
        Err(e) => {
            tracing::warn!(session = %id, error = %e, "a directory that no session knows is left");
            Ok(false)
        }
    }
}

/// Destroyed without its transcript, a session has no event left but the one that tells of it.
async fn keeps_transcript(shared: &Shared, id: &SessionId) -> Result<bool, LogError> {
    let first = PageRequest { after: 0, limit: 1, max_bytes: 1, types: Vec::new() };
    match shared.log.read(id, first).await {
        Ok(_) => Ok(true),
        Err(LogError::CursorExpired { .. }) => Ok(false),
        Err(e) => Err(e),
    }
}

async fn names_nothing_but(shared: &Shared, id: &SessionId, kept: &'static str) -> bool {
    let dir = session_dir(&shared.home, id);
    let only =
        off_thread(move || Ok(std::fs::read_dir(dir)?.flatten().all(|entry| entry.file_name() == kept)));
    only.await.unwrap_or(true)
}

/// A directory that Tenure made for sessions to work in, and that none uses any more.
async fn workspace(shared: &Shared, id: &WorkspaceId) -> Result<bool, LogError> {
    let _nobody_creates = shared.creating.lock().await;
    let home = shared.home.canonicalize().unwrap_or_else(|_| shared.home.clone());
    let path = home.join("workspaces").join(id.as_str());
    let Some(row) = shared.log.workspace(id).await? else {
        // Its session was never born. Nobody has worked in it, or something is amiss and it stays.
        return Ok(off_thread(move || std::fs::remove_dir(path)).await.is_ok());
    };
    let users = SessionFilter { workspace_id: Some(id.clone()), limit: 1, ..SessionFilter::default() };
    // Worktrees are more than a directory, and looked after before.
    let goes = row.owned && row.kind != "worktree" && Path::new(&row.path) == path;
    if !goes || !shared.log.sessions(users).await?.rows.is_empty() {
        return Ok(false);
    }
    Ok(off_thread(move || worktree::take_away(&home, &path)).await.is_ok())
}
