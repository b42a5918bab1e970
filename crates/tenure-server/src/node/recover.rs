//! Starting again: living agents are found, dead ones are told, orphans are ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tenure_crash_point::crash_point;
use tenure_event::SessionId;
use tenure_host::{PidRef, process};
use tenure_log::{EventLog, LogError};

use super::{Node, leftovers};
use crate::hex::hex;
use crate::owner::{HOME_MARK, session_dir};

/// The mark that every process of this home carries in its environment.
pub(super) fn home_mark(home: &Path) -> String {
    let canonical = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let hash = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
    hex(&hash[..12])
}

impl Node {
    /// Wakes every session that may have a process, waiting inputs or open asks. Each catches up in its own task.
    pub(super) async fn recover(&self) -> Result<(), LogError> {
        let ids = self.shared.log.live_sessions().await?;
        tracing::info!(sessions = ids.len(), "taking up what was live");
        for id in &ids {
            drop(self.owner(id));
            crash_point!("up.waking");
        }
        crash_point!("up.woken");
        self.shared.tasks.spawn(sweep(Arc::clone(&self.shared)));
        let marked = leftovers::marked(&self.shared).await;
        self.shared.tasks.spawn(leftovers::clear(Arc::clone(&self.shared), marked));
        Ok(())
    }
}

/// How long a shim may take from its agent's start until it has written down who it is.
const SHIM_WRITES_WITHIN: Duration = Duration::from_secs(1);

/// Ends processes of this home that no living shim owns. What began after this daemon is its own.
async fn sweep(shared: Arc<super::Shared>) {
    let Some(own) = PidRef::own() else { return };
    let orphans = orphans(&shared).await.into_iter();
    let older: Vec<PidRef> = orphans.filter(|p| p.start_time < own.start_time).collect();
    if older.is_empty() {
        return;
    }
    if let Ok(report) = tokio::task::spawn_blocking(move || process::sweep(&older)).await {
        tracing::warn!(ended = ?report.killed, left = ?report.remained, "orphans of an earlier daemon were ended");
    }
}

/// Processes of this home that belong to no living shim. A shim takes a moment from its agent's start until it has
/// written down who it is, so only what is ownerless twice counts.
pub(super) async fn orphans(shared: &Arc<super::Shared>) -> Vec<PidRef> {
    let suspects = look(shared).await;
    if suspects.is_empty() {
        return suspects;
    }
    tokio::select! {
        () = tokio::time::sleep(SHIM_WRITES_WITHIN) => {}
        () = shared.stopping.cancelled() => return Vec::new(),
    }
    look(shared).await.into_iter().filter(|p| suspects.contains(p)).collect()
}

async fn look(shared: &Arc<super::Shared>) -> Vec<PidRef> {
    // A process is decided on before it is started, so its session is in this list by then.
    let Ok(ids) = shared.log.live_sessions().await else { return Vec::new() };
    let shared = Arc::clone(shared);
    let found = tokio::task::spawn_blocking(move || {
        let marked = process::find_marked(HOME_MARK, &shared.home_mark);
        if marked.is_empty() {
            return Vec::new();
        }
        let mut owners = living_shims(&shared.home, &ids);
        // Looked at after the marked ones: a command that ends meanwhile is no orphan.
        owners.extend(shared.execs.shims());
        process::orphans(marked, &owners).into_iter().map(|m| m.process).collect()
    });
    found.await.unwrap_or_default()
}

fn living_shims(home: &Path, sessions: &[SessionId]) -> Vec<PidRef> {
    let dirs = sessions.iter().filter_map(|id| std::fs::read_dir(session_dir(home, id)).ok());
    let generations = dirs.flat_map(Iterator::flatten);
    let identities = generations.filter_map(|g| tenure_host::read_identity(&g.path()).ok().flatten());
    identities.map(|i| i.shim).filter(PidRef::is_alive).collect()
}
