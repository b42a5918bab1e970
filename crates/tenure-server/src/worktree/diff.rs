//! What a worktree has that its base has not, committed or not, tracked or not.

use std::path::PathBuf;
use std::sync::Arc;

use tenure_api::{CheckpointFileDiff, FileStatus, Problem, WorkspaceDiff};
use tenure_log::WorkspaceRow;
use tenure_workspace::git::{Changed, How, sections, tell_changes};

use super::desk::Open;
use super::git::Git;
use super::unsaved;
use crate::node::Shared;
use crate::owner::off_thread;

/// Files that are listed.
const LISTED: usize = 1000;
/// Bytes of text in one answer.
const TEXT_BYTES: usize = 1 << 20;
/// Bytes of text of one file.
const FILE_BYTES: usize = 64 << 10;
/// Files that git does not know and that are looked at.
const UNTRACKED: usize = 10_000;

/// Compares a worktree with its base. Git's own index there is not touched.
pub(crate) async fn diff(shared: &Arc<Shared>, row: &WorkspaceRow) -> Result<WorkspaceDiff, Problem> {
    let open = Open::worktree(shared, row).await?;
    let git = open.git().await?;
    let head = git.text(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
    let base = base(&open, &git, &head).await?;
    let commits = git.text(&["rev-list", "--count", &head, "--not", &base, "--"]).await?;
    let uncommitted = !unsaved::files(&git, "all").await?.is_empty();
    let copy = with_new_files(&open, &git).await?;
    let compared = compare(&copy, &base).await;
    let own = open.paths.index.clone();
    let _ = off_thread(move || {
        super::index::clear(&own);
        Ok(())
    })
    .await;
    let (changes, patch) = compared?;
    let files = listed(&changes, &patch);
    Ok(WorkspaceDiff {
        base,
        head,
        commits: commits.parse().unwrap_or(0),
        uncommitted,
        files_total: changes.len() as u64,
        insertions: files.iter().map(|file| file.insertions).sum(),
        deletions: files.iter().map(|file| file.deletions).sum(),
        files,
    })
}

/// Where the branch left the one that it came from; else where the work began.
async fn base(open: &Open, git: &Git, head: &str) -> Result<String, Problem> {
    let began = &open.record.base;
    if let Some(from) = &open.record.base_branch {
        let left = git.run(&["merge-base", &format!("refs/heads/{from}"), head]).await?;
        let left_at = left.text();
        if left.went_well() && git.holds(&["merge-base", "--is-ancestor", began, &left_at]).await? {
            return Ok(left_at);
        }
    }
    Ok(began.clone())
}

/// Git with an index of its own in which new files are told of. Their bytes are not stored.
async fn with_new_files(open: &Open, git: &Git) -> Result<Git, Problem> {
    let from =
        PathBuf::from(git.text(&["rev-parse", "--path-format=absolute", "--git-path", "index"]).await?);
    let own = open.paths.index.clone();
    let copied = off_thread(move || super::index::copy(&from, &own)).await;
    copied.map_err(|e| super::git::refused(git.dir(), &format!("the index cannot be read: {e}")))?;
    let copy = git.with_index(&open.paths.index);
    let new = git.run(&["ls-files", "--others", "--exclude-standard", "-z"]).await?.out;
    let new: Vec<&[u8]> = new.split_inclusive(|byte| *byte == 0).take(UNTRACKED).collect();
    if !new.is_empty() {
        let words =
            ["add", "--intent-to-add", "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul"];
        // What cannot be read is left out.
        copy.feed(&words, new.concat()).await?;
    }
    Ok(copy)
}

async fn compare(copy: &Git, base: &str) -> Result<(Vec<Changed>, String), Problem> {
    let how = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=dirty"];
    let mut words = vec!["diff", "--raw", "--numstat", "-z"];
    words.extend(how);
    words.extend([base, "--"]);
    let changes = tell_changes(&copy.well(&words, Vec::new()).await?.out);
    let mut words = vec!["diff", "--patch", "--no-prefix", "--src-prefix=a/", "--dst-prefix=b/"];
    words.extend(how);
    words.extend([base, "--"]);
    // More than is told is not read; the sections that are whole are told.
    let patch = copy.run(&words).await?.out;
    Ok((changes, String::from_utf8_lossy(&patch).into_owned()))
}

fn listed(changes: &[Changed], patch: &str) -> Vec<CheckpointFileDiff> {
    let (mut texts, mut left) = (sections(patch).into_iter(), TEXT_BYTES);
    let mut files = Vec::new();
    for changed in changes.iter().take(LISTED) {
        // A file that became a link is told as gone and as new.
        let parts = if changed.how == How::Kind { 2 } else { 1 };
        let text: String = texts.by_ref().take(parts).collect();
        files.push(one(changed, text, &mut left));
    }
    files
}

fn one(changed: &Changed, mut text: String, left: &mut usize) -> CheckpointFileDiff {
    let (came, went) = changed.lines.unwrap_or((0, 0));
    let room = FILE_BYTES.min(*left);
    let cut = text.len() > room || (text.is_empty() && changed.lines.is_some());
    let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    *left -= text.len();
    CheckpointFileDiff {
        path: changed.path.clone(),
        status: match changed.how {
            How::Added => FileStatus::Added,
            How::Deleted => FileStatus::Deleted,
            How::Modified | How::Kind => FileStatus::Modified,
        },
        before: kind(&changed.old_mode),
        after: kind(&changed.new_mode),
        old_bytes: None,
        new_bytes: None,
        binary: changed.lines.is_none(),
        large: false,
        insertions: came,
        deletions: went,
        diff: (!text.is_empty()).then_some(text),
        cut,
    }
}

/// Git's mode in words.
fn kind(mode: &str) -> Option<String> {
    match mode {
        "000000" => None,
        "120000" => Some("link".to_owned()),
        "160000" => Some("repository".to_owned()),
        "100755" => Some("file 0755".to_owned()),
        _ => Some("file 0644".to_owned()),
    }
}
