//! Starting again: living agents are found, dead ones are told, orphans are ended.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_host::{PidRef, process};
use tenure_log::{EventLog, LogError};

use super::Node;
use crate::owner::HOME_MARK;

/// The mark that every process of this home carries in its environment.
pub(super) fn home_mark(home: &Path) -> String {
    let canonical = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let hash = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
    hash.iter().take(12).fold(String::new(), |text, b| text + &format!("{b:02x}"))
}

impl Node {
    /// Wakes every session that may have a process, waiting inputs or open asks. Each catches up in its own task.
    pub(super) async fn recover(&self) -> Result<(), LogError> {
        let ids = self.shared.log.live_sessions().await?;
        tracing::info!(sessions = ids.len(), "taking up what was live");
        for id in &ids {
            drop(self.owner(id));
        }
        self.shared.tasks.spawn(sweep(Arc::clone(&self.shared)));
        Ok(())
    }
}

/// Ends processes of this home that no living shim owns. Shims that live are spared by their identity files.
async fn sweep(shared: Arc<super::Shared>) {
    let swept = tokio::task::spawn_blocking(move || {
        let living = living_shims(&shared.home);
        let marked = process::find_marked(HOME_MARK, &shared.home_mark);
        let orphans: Vec<PidRef> = process::orphans(marked, &living).into_iter().map(|m| m.process).collect();
        (!orphans.is_empty()).then(|| process::sweep(&orphans))
    });
    if let Ok(Some(report)) = swept.await {
        tracing::warn!(ended = ?report.killed, left = ?report.remained, "orphans of an earlier daemon were ended");
    }
}

fn living_shims(home: &Path) -> Vec<PidRef> {
    let Ok(sessions) = std::fs::read_dir(home.join("sessions")) else { return Vec::new() };
    let generations =
        sessions.flatten().filter_map(|s| std::fs::read_dir(s.path()).ok()).flat_map(Iterator::flatten);
    let identities = generations.filter_map(|g| tenure_host::read_identity(&g.path()).ok().flatten());
    identities.map(|i| i.shim).filter(PidRef::is_alive).collect()
}
