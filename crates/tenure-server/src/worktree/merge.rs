//! The work of a worktree comes into a branch. The merge is made apart from all files; where it has no conflict the
//! branch moves, and if it is checked out somewhere its files go along, which must be clean.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_api::{ErrorCode, MergeHow, MergeWorkspace, Merged, Problem};
use tenure_crash_point::crash_point;
use tenure_log::WorkspaceRow;
use tenure_workspace::git::worktrees;

use super::commit::{Draft, commit, draft, object};
use super::desk::Open;
use super::git::{Git, refused};
use super::land::{Prepare, check_clean, land};
use super::record::{Landing, Record};
use super::unsaved;
use crate::node::Shared;
use crate::owner::off_thread;

/// A merge that can be carried out.
struct Plan {
    into: String,
    how: MergeHow,
    before: String,
    /// What the branch goes to; none if it has all already.
    after: Option<String>,
    commits: u64,
    files: u64,
    /// Where the branch is checked out.
    out: Option<PathBuf>,
}

/// Merges, or tells what a merge would do.
pub(crate) async fn merge(
    shared: &Arc<Shared>,
    row: &WorkspaceRow,
    request: MergeWorkspace,
) -> Result<Merged, Problem> {
    let mut open = Open::worktree(shared, row).await?;
    let git = open.git().await?;
    let into = target(&open.record, &request)?;
    let reference = format!("refs/heads/{into}");
    let before = branch_commit(&git, &into, &reference).await?;
    let head = git.text(&["rev-parse", "--verify", "HEAD^{commit}"]).await?;
    if git.run(&["symbolic-ref", "--quiet", "HEAD"]).await?.text() == reference {
        return Err(Problem::invalid("into", format!("`{into}` is the worktree's own branch")));
    }
    let uncommitted = uncommitted(&open, &git, &head, &request).await?;
    let head = uncommitted.as_ref().map_or(head, |draft| draft.commit.clone());
    let plan = plan(&open, &git, into, before, &head, &request).await?;
    let mut told = Merged {
        dry_run: request.dry_run,
        into: plan.into.clone(),
        how: plan.how,
        before: plan.before.clone(),
        after: None,
        committed: None,
        commits: plan.commits,
        files: plan.files,
        updated: plan.out.as_ref().map(|out| out.to_string_lossy().into_owned()),
    };
    if request.dry_run {
        return Ok(told);
    }
    if let Some(draft) = &uncommitted {
        commit(&mut open, &git, draft).await?;
        crash_point!("merge.committed");
        told.committed = Some(draft.commit.clone());
    }
    carry_out(&mut open, &git, &plan, reference).await?;
    told.after = Some(plan.after.unwrap_or(plan.before));
    Ok(told)
}

fn target(record: &Record, request: &MergeWorkspace) -> Result<String, Problem> {
    let into = request.into.clone().or_else(|| record.base_branch.clone());
    into.ok_or_else(|| {
        Problem::invalid("into", "the worktree was not made from a branch; name the one to merge into")
    })
}

async fn branch_commit(git: &Git, into: &str, reference: &str) -> Result<String, Problem> {
    let known = git.holds(&["check-ref-format", reference]).await?;
    let commit = git.run(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")]).await?;
    if known && commit.went_well() {
        return Ok(commit.text());
    }
    let what = format!("the repository has no branch `{into}`");
    Err(Problem { field: Some("into".into()), ..Problem::new(ErrorCode::NotFound, what) })
}

/// What is not committed, as a commit; refused by name unless it is to be one.
async fn uncommitted(
    open: &Open,
    git: &Git,
    head: &str,
    request: &MergeWorkspace,
) -> Result<Option<Draft>, Problem> {
    if let Some(what) = unsaved::in_progress(&unsaved::admin_dir(git).await?).await {
        return Err(refused(git.dir(), &format!("git is in the middle of a {what} there; finish it first")));
    }
    let files = unsaved::files(git, "all").await?;
    match &request.commit {
        _ if files.is_empty() => Ok(None),
        Some(message) if message.trim().is_empty() => Err(Problem::invalid("commit", "the message is empty")),
        Some(message) => draft(open, git, head, message).await.map(Some),
        None => {
            let what = format!(
                "{} not committed in the worktree; commit them there, or give `commit` with a message",
                if files.len() == 1 { "a file is".to_owned() } else { format!("{} files are", files.len()) }
            );
            let named: Vec<&String> = files.iter().take(20).collect();
            let data = serde_json::json!({"files": named, "files_total": files.len()});
            Err(Problem::new(ErrorCode::Conflict, what).with_data(data))
        }
    }
}

async fn plan(
    open: &Open,
    git: &Git,
    into: String,
    before: String,
    head: &str,
    request: &MergeWorkspace,
) -> Result<Plan, Problem> {
    let out = checked_out(open, git, &into).await?;
    if let Some(out) = &out {
        let there = Git::at(&open.shared, out).await?;
        check_clean(&there, &unsaved::admin_dir(&there).await?).await?;
    }
    let count = git.text(&["rev-list", "--count", head, "--not", &before, "--"]).await?;
    let mut plan = Plan {
        into,
        how: MergeHow::Nothing,
        before,
        after: None,
        commits: count.parse().unwrap_or(0),
        files: 0,
        out,
    };
    if git.holds(&["merge-base", "--is-ancestor", head, &plan.before]).await? {
        return Ok(plan);
    }
    let forward = git.holds(&["merge-base", "--is-ancestor", &plan.before, head]).await?;
    plan.how = match (request.squash, forward) {
        (true, _) => MergeHow::Squash,
        (false, true) => MergeHow::FastForward,
        (false, false) => MergeHow::Merge,
    };
    let tree = if forward {
        format!("{head}^{{tree}}")
    } else {
        merged_tree(git, &plan.before, head, &plan.into).await?
    };
    let tree = git.text(&["rev-parse", "--verify", &tree]).await?;
    let words = ["diff-tree", "-r", "--no-renames", "--name-only", "-z", &plan.before, &tree];
    let changed = git.well(&words, Vec::new()).await?.out;
    plan.files = changed.iter().filter(|byte| **byte == 0).count() as u64;
    let usual = match plan.how {
        MergeHow::Squash => format!("Take in the work of {}\n", open.record.branch),
        _ => format!("Merge branch '{}'\n", open.record.branch),
    };
    let message = request.message.as_ref().unwrap_or(&usual);
    plan.after = Some(match plan.how {
        MergeHow::FastForward | MergeHow::Nothing => head.to_owned(),
        // Objects that nothing names are no change; git throws them away in time.
        MergeHow::Merge => object(git, &tree, &[&plan.before, head], message).await?,
        MergeHow::Squash => object(git, &tree, &[&plan.before], message).await?,
    });
    Ok(plan)
}

/// The files of both sides together, or a refusal that names those that do not go together.
async fn merged_tree(git: &Git, before: &str, head: &str, into: &str) -> Result<String, Problem> {
    let words = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", before, head];
    let said = git.run(&words).await?;
    let mut names = said.out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let tree = String::from_utf8_lossy(names.next().unwrap_or_default()).into_owned();
    match said.code {
        Some(0) => Ok(tree),
        Some(1) => {
            let named: Vec<String> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            let what = format!(
                "the work conflicts with `{into}` in {}; nothing was changed. Merge `{into}` into the worktree's branch, resolve it there, and try again",
                named.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
            );
            Err(Problem::new(ErrorCode::Conflict, what).with_data(serde_json::json!({"conflicts": named})))
        }
        _ => Err(refused(
            git.dir(),
            &format!("`git merge-tree` says: {} (git 2.38 or newer is needed)", said.complaint()),
        )),
    }
}

/// Where a branch is checked out; refused where git is rebasing or bisecting it.
async fn checked_out(open: &Open, git: &Git, into: &str) -> Result<Option<PathBuf>, Problem> {
    let reference = format!("refs/heads/{into}");
    let (common, sought) = (PathBuf::from(&open.record.common), reference.clone());
    let busy = off_thread(move || Ok(is_in_hand(&common, &sought))).await.unwrap_or(false);
    if busy {
        return Err(refused(
            git.dir(),
            &format!("git is rebasing or bisecting `{into}` somewhere; finish that first"),
        ));
    }
    let listing = git.well(&["worktree", "list", "--porcelain", "-z"], Vec::new()).await?;
    let all = worktrees(&listing.out);
    let found = all.into_iter().find(|tree| tree.branch.as_deref() == Some(&reference) && !tree.bare);
    match found {
        Some(tree) if !tree.path.is_dir() => {
            let what = format!(
                "`{into}` is checked out in {}, which is not there; `git worktree prune` forgets it",
                tree.path.display()
            );
            Err(Problem::new(ErrorCode::Conflict, what))
        }
        found => Ok(found.map(|tree| tree.path)),
    }
}

/// Blocks.
fn is_in_hand(common: &Path, reference: &str) -> bool {
    let others = std::fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    let admins = std::iter::once(common.to_owned()).chain(others.map(|entry| entry.path()));
    let names = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"];
    let short = reference.trim_start_matches("refs/heads/");
    let mut told = admins.flat_map(|admin| names.map(|name| std::fs::read_to_string(admin.join(name))));
    told.any(|text| text.is_ok_and(|text| [reference, short].contains(&text.trim())))
}

async fn carry_out(open: &mut Open, git: &Git, plan: &Plan, reference: String) -> Result<(), Problem> {
    let Some(after) = plan.after.clone() else { return Ok(()) };
    let Some(out) = &plan.out else {
        let words = ["update-ref", "-m", "tenure: merge", &reference, &after, &plan.before];
        return git.text(&words).await.map(drop);
    };
    let there = Git::at(&open.shared, out).await?;
    let admin = unsaved::admin_dir(&there).await?;
    let (tree, before) = (out.clone(), plan.before.clone());
    let landing = Landing { tree, admin: admin.clone(), reference, before, after: None, files: true };
    land(open, landing, &Ready { after, admin }).await.map(drop)
}

/// The commit is made; the place must still be clean.
struct Ready {
    after: String,
    admin: PathBuf,
}

impl Prepare for Ready {
    async fn prepare(&self, git: &Git, _copy: &Git) -> Result<String, Problem> {
        check_clean(git, &self.admin).await?;
        Ok(self.after.clone())
    }
}
