//! What a worktree has that nothing else has.

use std::path::Path;

use tenure_api::{Problem, Unsaved};
use tenure_workspace::git::status;

use super::git::Git;
use super::record::Record;
use crate::owner::off_thread;

/// Files that are named.
const FILES: usize = 200;
/// Commits that are named.
const COMMITS: usize = 100;
/// What git leaves while it is in the middle of something, and what that is called.
const MIDDLE: &[(&str, &str)] = &[
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
];

/// What would be lost with a worktree and, of its commits, with its branch.
pub(super) async fn unsaved(git: &Git, record: &Record) -> Result<Unsaved, Problem> {
    let admin = admin_dir(git).await?;
    let changed = files(git, "all").await?;
    let mut lost = Unsaved {
        files_total: changed.len() as u64,
        files: changed.into_iter().take(FILES).collect(),
        in_progress: in_progress(&admin).await,
        ..Unsaved::default()
    };
    if off_thread(move || std::fs::read_dir(admin.join("modules"))).await.is_ok() {
        // Nobody looks into those.
        lost.files.push("SM submodules that are checked out in it".to_owned());
        lost.files_total += 1;
    }
    lost.commits = commits_of_branch(git, record).await?;
    lost.loose_commits = only_here(git, "HEAD", &["--not", "--branches"], record).await?;
    Ok(lost)
}

/// Nothing that removing the directory alone would lose.
pub(super) fn tree_is_saved(lost: &Unsaved) -> bool {
    lost.files_total == 0 && lost.loose_commits.is_empty() && lost.in_progress.is_none()
}

/// Files that are not as the commit has them, as a short status tells them. `untracked` is git's word: `all` or `no`.
pub(super) async fn files(git: &Git, untracked: &str) -> Result<Vec<String>, Problem> {
    let untracked = format!("--untracked-files={untracked}");
    let words = ["status", "--porcelain=v1", "-z", &untracked, "--ignore-submodules=dirty", "--no-renames"];
    let said = git.run(&words).await?;
    if !said.went_well() && !said.cut {
        return Err(super::git::refused(git.dir(), &format!("`git status` says: {}", said.complaint())));
    }
    Ok(status(&said.out).into_iter().map(|line| format!("{} {}", line.code, line.path)).collect())
}

/// The git directory of this worktree alone.
pub(super) async fn admin_dir(git: &Git) -> Result<std::path::PathBuf, Problem> {
    Ok(git.text(&["rev-parse", "--path-format=absolute", "--git-dir"]).await?.into())
}

/// What git is in the middle of, given the git directory of a worktree.
pub(super) async fn in_progress(admin: &Path) -> Option<String> {
    let admin = admin.to_owned();
    let look = move || {
        let found = MIDDLE.iter().find(|(name, _)| admin.join(name).symlink_metadata().is_ok());
        Ok(found.map(|(_, what)| (*what).to_owned()))
    };
    off_thread(look).await.ok().flatten()
}

/// Commits that the worktree's branch has and no other.
pub(super) async fn commits_of_branch(git: &Git, record: &Record) -> Result<Vec<String>, Problem> {
    let but = format!("--exclude={}", record.branch);
    only_here(git, &format!("refs/heads/{}", record.branch), &["--not", &but, "--branches"], record).await
}

/// Commits of `from` that nothing else has; a branch that is gone has none.
async fn only_here(git: &Git, from: &str, not: &[&str], record: &Record) -> Result<Vec<String>, Problem> {
    if !git.holds(&["rev-parse", "--verify", "--quiet", &format!("{from}^{{commit}}")]).await? {
        return Ok(Vec::new());
    }
    let most = format!("--max-count={COMMITS}");
    let mut words = vec!["log", "--format=%h %s", most.as_str(), from];
    words.extend_from_slice(not);
    words.extend(["--tags", "--remotes"]);
    if git.holds(&["cat-file", "-e", &format!("{}^{{commit}}", record.base)]).await? {
        words.push(&record.base);
    }
    words.push("--");
    Ok(git.text(&words).await?.lines().map(str::to_owned).collect())
}
