//! A repository of a person, and everything of it that must stay as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use tenure_test::daemon::{PATIENCE, TestDaemon};

pub(crate) struct Repository(PathBuf);

impl Repository {
    /// With one commit on `main`.
    pub(crate) fn new(daemon: &TestDaemon) -> Self {
        Self::at(&daemon.workdir())
    }

    /// The same in a directory that is there.
    pub(crate) fn at(dir: &Path) -> Self {
        let repo = Self(dir.canonicalize().expect("a directory"));
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["config", "user.name", "Somebody"]);
        repo.git(&["config", "user.email", "somebody@example.com"]);
        std::fs::create_dir(repo.path().join("sub")).expect("made");
        repo.write("file", "one\n");
        repo.write("sub/gone", "here\n");
        repo.write(".gitignore", "*.log\n");
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-qm", "first"]);
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("read")
    }

    pub(crate) fn git(&self, words: &[&str]) -> String {
        self.git_in(&self.0, words)
    }

    #[expect(clippy::disallowed_methods, reason = "a test is a person at work with git")]
    pub(crate) fn git_in(&self, dir: &Path, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(words).current_dir(dir).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent");
        let said = command.output().expect("git");
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "git {words:?}: {error}");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// What is checked out, staged and changed, and where `main` is.
    pub(crate) fn state(&self) -> [String; 5] {
        [
            self.git(&["symbolic-ref", "HEAD"]),
            self.git(&["rev-parse", "main"]),
            self.git(&["ls-files", "-s"]),
            self.git(&["status", "--porcelain"]),
            self.git(&["diff"]),
        ]
    }

    pub(crate) fn branches(&self) -> Vec<String> {
        let all = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        all.lines().map(str::to_owned).collect()
    }

    /// How many there are, the repository's own among them.
    pub(crate) fn worktrees(&self) -> usize {
        self.git(&["worktree", "list"]).lines().count()
    }
}

/// Waits for what happens behind an answer.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{what}: it never came so");
}
