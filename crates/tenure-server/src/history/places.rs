//! Which project a directory belongs to. A git worktree belongs to the project of the repository's main tree; a directory that
//! is not there any more keeps the path by which its records call it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tenure_log::{EventLog as _, LogError};
use tokio::runtime::Handle;

use super::History;
use crate::node::Node;

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
        project_at(&self.history.node, &self.history.runtime, &path)
            .inspect_err(|error| tracing::warn!(%error, path, "a project could not be recorded"))
            .ok()
    }
}

fn project_at(node: &Node, runtime: &Handle, path: &str) -> Result<String, LogError> {
    runtime.block_on(async {
        let _one_at_a_time = node.recording().await;
        let (project, writes) = node.project_at(path).await?;
        if !writes.is_empty() {
            node.log().put(writes).await?;
        }
        Ok(project.id.to_string())
    })
}

/// The path of the project that a directory belongs to, canonical where the directory is there.
pub(crate) fn project_path(cwd: &str) -> Option<String> {
    let given = Path::new(cwd);
    if !given.is_absolute() {
        return None;
    }
    let path = given.canonicalize().unwrap_or_else(|_| given.to_owned());
    let path = main_tree(&path).unwrap_or(path);
    path.to_str().map(str::to_owned)
}

/// For a directory in a linked worktree: the same directory in the repository's main tree.
fn main_tree(path: &Path) -> Option<PathBuf> {
    for root in path.ancestors() {
        let mark = root.join(".git");
        let Ok(meta) = std::fs::symlink_metadata(&mark) else { continue };
        if !meta.is_file() || meta.len() > 4096 {
            return None;
        }
        // `gitdir: /main/.git/worktrees/NAME`
        let text = std::fs::read_to_string(&mark).ok()?;
        let gitdir = root.join(text.trim().strip_prefix("gitdir:")?.trim());
        let worktrees = gitdir.parent().filter(|dir| dir.ends_with("worktrees"))?;
        let main = worktrees.parent().filter(|dir| dir.ends_with(".git"))?.parent()?;
        let inside = path.strip_prefix(root).ok()?;
        let main = main.canonicalize().unwrap_or_else(|_| main.to_owned());
        return Some(if inside.as_os_str().is_empty() { main } else { main.join(inside) });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_belongs_to_the_main_tree_and_a_lost_directory_to_itself() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (main, tree) = (root.join("main"), root.join("tree"));
        std::fs::create_dir_all(main.join(".git/worktrees/tree")).unwrap();
        std::fs::create_dir_all(tree.join("src")).unwrap();
        std::fs::write(tree.join(".git"), format!("gitdir: {}/.git/worktrees/tree\n", main.display()))
            .unwrap();
        let path = |path: &Path| project_path(path.to_str().unwrap()).map(PathBuf::from);
        assert_eq!(path(&tree), Some(main.clone()));
        assert_eq!(path(&tree.join("src")), Some(main.join("src")));
        assert_eq!(path(&main), Some(main.clone()));
        assert_eq!(path(&root.join("gone")), Some(root.join("gone")));
        assert_eq!(project_path("relative"), None);
        // A mark that leads nowhere near a repository is none.
        std::fs::write(tree.join(".git"), "gitdir: /etc").unwrap();
        assert_eq!(path(&tree), Some(tree.clone()));
    }
}
