//! Which project a directory belongs to. A git worktree belongs to the project of the repository's main tree, or of the repository
//! itself where that is a bare one; a directory that is not there any more to the project that it was in, else it keeps the path by which
//! its records call it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tenure_event::ProjectId;
use tenure_log::{EventLog as _, LogError};
use tokio::runtime::Handle;

use super::History;
use crate::node::Node;

/// The largest file of git's that is read, in bytes.
const SMALL: u64 = 64 << 10;

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
        let given = Path::new(cwd);
        let path = project_path(cwd)?;
        let project = project_at(&self.history.node, &self.history.runtime, &path)
            .inspect_err(|error| tracing::warn!(%error, path, "a project could not be recorded"))
            .ok()?;
        if cwd != path && in_worktree(given) {
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

/// Whether a directory is in a linked worktree.
fn in_worktree(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| main_tree(&path).is_some())
}

/// For a directory in a linked worktree: the same directory in the repository's main tree.
fn main_tree(path: &Path) -> Option<PathBuf> {
    for root in path.ancestors() {
        let mark = root.join(".git");
        let Ok(meta) = std::fs::symlink_metadata(&mark) else { continue };
        if !meta.is_file() {
            return None;
        }
        // `gitdir: /main/.git/worktrees/NAME`
        let text = small(&mark)?;
        let gitdir = root.join(named_in(&text)?);
        let worktrees = gitdir.parent().filter(|dir| dir.ends_with("worktrees"))?;
        let main = tree_of(worktrees.parent()?)?;
        let main = main.canonicalize().unwrap_or(main);
        let inside = path.strip_prefix(root).ok()?;
        return Some(if inside.as_os_str().is_empty() { main } else { main.join(inside) });
    }
    None
}

/// The main tree of a repository; of a bare one the repository. What is none has no tree.
fn tree_of(repository: &Path) -> Option<PathBuf> {
    if repository.ends_with(".git") {
        return repository.parent().map(Path::to_owned);
    }
    if !repository.join("HEAD").is_file() || !repository.join("objects").is_dir() {
        return None;
    }
    // That of a submodule lies in the repository around it and names its tree.
    let config = small(&repository.join("config"))?;
    let named = config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "worktree").then(|| repository.join(value.trim()))
    });
    Some(named.or_else(|| around(repository)).unwrap_or_else(|| repository.to_owned()))
}

/// The directory around a bare repository, if git says there that it is its own: `.bare` beside a `.git` that names it.
fn around(repository: &Path) -> Option<PathBuf> {
    let parent = repository.parent()?;
    let named = parent.join(named_in(&small(&parent.join(".git"))?)?).canonicalize().ok()?;
    (named == repository.canonicalize().ok()?).then(|| parent.to_owned())
}

/// What a `.git` that is a file names.
fn named_in(text: &str) -> Option<&str> {
    text.trim().strip_prefix("gitdir:").map(str::trim)
}

/// A file of a few lines.
fn small(path: &Path) -> Option<String> {
    let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= SMALL);
    if is_small { std::fs::read_to_string(path).ok() } else { None }
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
        for elsewhere in ["gitdir: /etc", "gitdir: /etc/worktrees/tree"] {
            std::fs::write(tree.join(".git"), elsewhere).unwrap();
            assert_eq!(path(&tree), Some(tree.clone()), "{elsewhere}");
        }
    }
}
