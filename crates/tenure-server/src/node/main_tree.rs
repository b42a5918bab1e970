//! The main tree of a git repository, found from a linked worktree of it by git's own files: a worktree belongs to the project of
//! the main tree, or of the repository itself where that is a bare one.

use std::path::{Path, PathBuf};

/// The largest file of git's that is read, in bytes.
const SMALL: u64 = 64 << 10;

/// The path of the project that what was done in a directory belongs to, canonical where the directory is there.
pub(crate) fn project_path(cwd: &str) -> Option<String> {
    let given = Path::new(cwd);
    if !given.is_absolute() {
        return None;
    }
    let path = given.canonicalize().unwrap_or_else(|_| given.to_owned());
    let path = main_tree(&path).map_or(path, |tree| tree.main);
    path.to_str().map(str::to_owned)
}

/// The same directory in the main tree of its repository, for a canonical one in a linked worktree. Only where the repository knows the
/// worktree, as what is trusted in a project is trusted there: a directory can say of itself that it belongs to any.
pub(crate) fn worked_on(directory: &Path) -> Option<PathBuf> {
    main_tree(directory).filter(LinkedTree::is_known).map(|tree| tree.main)
}

/// Whether a directory is in a linked worktree.
pub(crate) fn in_worktree(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| main_tree(&path).is_some())
}

/// A directory in a linked worktree.
struct LinkedTree {
    /// The worktree's `.git`.
    mark: PathBuf,
    /// What the repository keeps of the worktree.
    kept: PathBuf,
    /// The same directory in the repository's main tree.
    main: PathBuf,
}

impl LinkedTree {
    /// The repository names this worktree, too.
    fn is_known(&self) -> bool {
        let Some(named) = small(&self.kept.join("gitdir")) else { return false };
        let named = self.kept.join(named.trim()).canonicalize();
        named.is_ok_and(|named| self.mark.canonicalize().is_ok_and(|mark| mark == named))
    }
}

fn main_tree(path: &Path) -> Option<LinkedTree> {
    for root in path.ancestors() {
        let mark = root.join(".git");
        let Ok(meta) = std::fs::symlink_metadata(&mark) else { continue };
        if !meta.is_file() {
            return None;
        }
        // `gitdir: /main/.git/worktrees/NAME`
        let text = small(&mark)?;
        let kept = root.join(named_in(&text)?);
        let worktrees = kept.parent().filter(|dir| dir.ends_with("worktrees"))?;
        let main = tree_of(worktrees.parent()?)?;
        let main = main.canonicalize().unwrap_or(main);
        let inside = path.strip_prefix(root).ok()?;
        let main = if inside.as_os_str().is_empty() { main } else { main.join(inside) };
        return Some(LinkedTree { mark, kept, main });
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
        // What is to be trusted must be known on both sides.
        let back = main.join(".git/worktrees/tree/gitdir");
        assert_eq!(worked_on(&tree), None);
        for (named, knows) in [("/elsewhere/.git", false), ("../../../../tree/.git\n", true)] {
            std::fs::write(&back, named).unwrap();
            assert_eq!(worked_on(&tree), knows.then(|| main.clone()), "{named}");
        }
        assert_eq!(worked_on(&tree.join("src")), Some(main.join("src")));
        assert_eq!(worked_on(&main), None);
        assert_eq!(path(&root.join("gone")), Some(root.join("gone")));
        assert_eq!(project_path("relative"), None);
        // A mark that leads nowhere near a repository is none.
        for elsewhere in ["gitdir: /etc", "gitdir: /etc/worktrees/tree"] {
            std::fs::write(tree.join(".git"), elsewhere).unwrap();
            assert_eq!(path(&tree), Some(tree.clone()), "{elsewhere}");
        }
    }
}
