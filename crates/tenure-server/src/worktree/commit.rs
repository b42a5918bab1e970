//! What is not committed in a worktree becomes a commit on what is checked out there.

use tenure_api::Problem;

use super::desk::Open;
use super::git::{Git, refused};
use super::land::{Prepare, land};
use super::record::Landing;
use super::unsaved;

/// A commit that nothing names yet, of all files of a worktree as they are.
pub(super) struct Draft {
    pub commit: String,
    tree: String,
    head: String,
    message: String,
}

/// Makes the commit. Nothing but objects is written: the index is a copy.
pub(super) async fn draft(open: &Open, git: &Git, head: &str, message: &str) -> Result<Draft, Problem> {
    let admin = unsaved::admin_dir(git).await?;
    let (from, own) = (admin.join("index"), open.paths.index.clone());
    let copied = crate::owner::off_thread(move || super::index::copy(&from, &own)).await;
    copied.map_err(|e| refused(git.dir(), &format!("the index cannot be read: {e}")))?;
    let tree = tree_of(&git.with_index(&open.paths.index)).await?;
    let commit = object(git, &tree, &[head], message).await?;
    Ok(Draft { commit, tree, head: head.to_owned(), message: message.to_owned() })
}

async fn tree_of(copy: &Git) -> Result<String, Problem> {
    copy.text(&["add", "--all", "--", "."]).await?;
    copy.text(&["write-tree"]).await
}

/// A commit of a tree; nothing names it yet.
pub(super) async fn object(
    git: &Git,
    tree: &str,
    parents: &[&str],
    message: &str,
) -> Result<String, Problem> {
    let mut words = vec!["commit-tree", tree, "-F", "-"];
    parents.iter().for_each(|parent| words.extend(["-p", parent]));
    Ok(git.well(&words, message.as_bytes().to_vec()).await?.text())
}

/// Commits it for good, if the files are still the same.
pub(super) async fn commit(open: &mut Open, git: &Git, draft: &Draft) -> Result<(), Problem> {
    let landing = Landing {
        tree: git.dir().to_owned(),
        admin: unsaved::admin_dir(git).await?,
        reference: "HEAD".to_owned(),
        before: draft.head.clone(),
        after: None,
        files: false,
    };
    land(open, landing, draft).await.map(drop)
}

impl Prepare for Draft {
    async fn prepare(&self, git: &Git, copy: &Git) -> Result<String, Problem> {
        if tree_of(copy).await? == self.tree {
            return Ok(self.commit.clone());
        }
        let what = format!("files changed while `{}` was to be committed; try again", self.message);
        Err(refused(git.dir(), &what))
    }
}
