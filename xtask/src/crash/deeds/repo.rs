//! A person's repository, as the git program tells it.

use std::path::{Path, PathBuf};

use super::{Done, Stop, expect};
use crate::crash::daemon::PATH;
use crate::process::program;

pub(super) struct Repo(PathBuf);

impl Repo {
    /// All that lies in a directory, as the first commit of `main`.
    pub(super) fn new(dir: &Path) -> Done<Self> {
        let repo = Self(dir.to_owned());
        repo.git(dir, &["init", "-q", "-b", "main"])?;
        repo.git(dir, &["config", "user.name", "Somebody"])?;
        repo.git(dir, &["config", "user.email", "somebody@example.com"])?;
        repo.git(dir, &["add", "-A"])?;
        repo.git(dir, &["commit", "-qm", "first"])?;
        Ok(repo)
    }

    fn git(&self, at: &Path, words: &[&str]) -> Done<String> {
        let mut git = program("git");
        git.args(words).current_dir(at).env_clear().env("PATH", PATH).env("HOME", "/nonexistent");
        // Looking changes nothing.
        git.env("GIT_OPTIONAL_LOCKS", "0");
        let said = git.output().map_err(|e| Stop::Fault(format!("git cannot be started: {e}")))?;
        let error = String::from_utf8_lossy(&said.stderr);
        expect(said.status.success(), || format!("git {words:?} in {}: {error}", at.display()))?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    /// There is one worktree beside its own, on this branch, and nothing is changed in either.
    pub(super) fn has_worktree(&self, tree: &Path, branch: &str) -> Done {
        let listed = self.git(&self.0, &["worktree", "list", "--porcelain"])?;
        let trees = listed.lines().filter(|line| line.starts_with("worktree ")).count();
        expect(trees == 2, || format!("not two worktrees: {listed}"))?;
        let head = self.git(tree, &["symbolic-ref", "--short", "HEAD"])?;
        expect(head == branch, || format!("{head} is checked out and not {branch}"))?;
        self.is_clean(tree)?;
        self.is_clean(&self.0)
    }

    /// `main` is where the worktree is, and nothing is left to be done in either.
    pub(super) fn has_taken_in(&self, tree: &Path) -> Done {
        let (main, work) =
            (self.git(&self.0, &["rev-parse", "main"])?, self.git(tree, &["rev-parse", "HEAD"])?);
        expect(main == work, || format!("main is at {main}, and the work at {work}"))?;
        let commits = self.git(&self.0, &["rev-list", "--count", "main"])?;
        expect(commits == "2", || format!("main has {commits} commits and not 2"))?;
        self.is_clean(tree)?;
        self.is_clean(&self.0)
    }

    fn is_clean(&self, tree: &Path) -> Done {
        let changed = self.git(tree, &["status", "--porcelain"])?;
        expect(changed.is_empty(), || format!("{} is not clean: {changed}", tree.display()))?;
        let lock = self.git(tree, &["rev-parse", "--git-path", "index.lock"])?;
        expect(!tree.join(&lock).exists(), || format!("{lock} is left"))
    }

    /// What is left of a worktree, if anything is.
    pub(super) fn left(&self) -> Done<Option<String>> {
        let branches = self.git(&self.0, &["for-each-ref", "--format=%(refname:short)", "refs/heads"])?;
        let trees = self.git(&self.0, &["worktree", "list"])?;
        let is_alone = branches == "main" && trees.lines().count() == 1;
        Ok((!is_alone).then(|| format!("left of a worktree: {branches}; {trees}")))
    }

    /// Nothing is left to be done in it, and all objects are whole.
    pub(super) fn is_whole(&self) -> Done {
        self.is_clean(&self.0)?;
        self.git(&self.0, &["fsck", "--no-dangling", "--no-progress"]).map(drop)
    }
}
