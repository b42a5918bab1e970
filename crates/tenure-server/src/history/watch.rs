//! Waking the keeper when files of agents change. Of a file that was written or made the keeper looks at that file alone; after anything
//! else (a name, a directory, more notices than could be kept) at everything. A change that is missed costs a minute, never more: the
//! keeper looks by itself.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use notify::event::{CreateKind, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
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
            let Ok(event) = event else { return history.changed() };
            match event.kind {
                // Reading is no change; without this the keeper would wake itself.
                EventKind::Access(_) => {}
                _ if event.need_rescan() => history.changed(),
                EventKind::Create(CreateKind::File)
                | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => {
                    history.changed_at(event.paths);
                }
                _ => history.changed(),
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
