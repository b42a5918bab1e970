//! Which project a conversation belongs to: that of the directory in which it was held, or of the main tree where that is in a
//! git worktree. A directory that is not there any more belongs to the project that it was in, else it keeps the path by which its
//! records call it.

use std::collections::HashMap;
use std::path::Path;

use tenure_event::ProjectId;
use tenure_log::{EventLog as _, LogError};
use tokio::runtime::Handle;

use super::History;
use crate::node::Node;
use crate::node::main_tree::{in_worktree, project_path};

/// Finds and records projects, for one look at everything.
pub(super) struct Places<'a> {
    history: &'a History,
    known: HashMap<String, Option<String>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self { history, known: HashMap::new() }
    }

    /// The id of the project; none if it cannot be recorded now.
    pub(super) fn project_of(&mut self, cwd: &str) -> Option<String> {
        if let Some(known) = self.known.get(cwd) {
            return known.clone();
        }
        let project = self.find(cwd);
        self.known.insert(cwd.to_owned(), project.clone());
        project
    }

    /// Writes down what was learnt of directories.
    pub(super) fn save(&self) {
        self.history.node.directories().save();
    }

    fn find(&self, cwd: &str) -> Option<String> {
        let path = project_path(cwd)?;
        let project = project_at(&self.history.node, &self.history.runtime, &path)
            .inspect_err(|error| tracing::warn!(%error, path, "a project could not be recorded"))
            .ok()?;
        if cwd != path && in_worktree(Path::new(cwd)) {
            self.history.node.directories().note_tree(&project, cwd);
        }
        Some(project.to_string())
    }
}

fn project_at(node: &Node, runtime: &Handle, path: &str) -> Result<ProjectId, LogError> {
    runtime.block_on(async {
        let _one_at_a_time = node.recording().await;
        let (project, writes) = node.project_at(path).await?;
        if !writes.is_empty() {
            node.log().put(writes).await?;
        }
        Ok(project.id)
    })
}
