//! Waking the keeper when something changes: files of agents, and our own log. A change that is missed costs a minute, never
//! more: the keeper looks by itself.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tenure_history::Reader;

use super::History;

/// Watches directories.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    pub(super) fn new(history: Arc<History>) -> Self {
        let told = move |event: notify::Result<notify::Event>| {
            // Reading is no change; without this the keeper would wake itself.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                history.changed();
            }
        };
        let watcher = notify::recommended_watcher(told)
            .inspect_err(|error| tracing::warn!(%error, "files of agents are looked at once a minute only"));
        Self { watcher: watcher.ok(), watched: BTreeSet::new() }
    }

    /// Follows the roots that are there now.
    pub(super) fn follow(&mut self, readers: &[Box<dyn Reader>]) {
        let Some(watcher) = &mut self.watcher else { return };
        let roots: BTreeSet<PathBuf> = readers.iter().flat_map(|reader| reader.roots()).collect();
        for gone in self.watched.difference(&roots) {
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|root| roots.contains(root));
        for root in roots {
            if self.watched.contains(&root) {
                continue;
            }
            match watcher.watch(&root, RecursiveMode::Recursive) {
                Ok(()) => _ = self.watched.insert(root),
                // It is tried again at the next look.
                Err(error) => tracing::debug!(root = %root.display(), %error, "not watched"),
            }
        }
    }
}
