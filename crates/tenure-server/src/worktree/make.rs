//! A new worktree: looked up, written down, made, and made ready.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_api::{ErrorCode, Problem, WorktreeChoice};
use tenure_crash_point::crash_point;
use tenure_event::WorkspaceId;
use tenure_workspace::git::worktrees;
use tokio::sync::OwnedMutexGuard;

use super::git::Git;
use super::record::{Paths, Record};
use super::recover;
use crate::exec::{Setup, set_up};
use crate::node::{Shared, make_private_dir};
use crate::owner::off_thread;

/// What a session is created with.
pub(crate) struct Wanted {
    pub id: WorkspaceId,
    pub choice: WorktreeChoice,
    /// What makes it ready.
    pub setup: Option<Setup>,
    /// Held until it is in the log, or gone.
    pub turn: Option<OwnedMutexGuard<()>>,
}

/// A worktree that no session has yet. When this goes, so does the worktree, unless the log knows it by then.
pub(crate) struct Made {
    pub id: WorkspaceId,
    /// Where it is.
    pub path: String,
    /// The repository's own directory.
    pub repo: String,
    shared: Arc<Shared>,
    /// With the worktree, and with the session that is to have it.
    turns: Option<(OwnedMutexGuard<()>, Option<OwnedMutexGuard<()>>)>,
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(taken_back) = self.take_it_back() {
            self.shared.tasks.spawn(taken_back);
        }
    }
}

impl Made {
    async fn take_back(mut self) {
        if let Some(taken_back) = self.take_it_back() {
            taken_back.await;
        }
    }

    fn take_it_back(&mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let (turn, of_session) = self.turns.take()?;
        let (shared, id) = (Arc::clone(&self.shared), self.id.clone());
        Some(async move {
            if let Err(e) = recover::unless_known(&shared, &id, turn).await {
                tracing::warn!(workspace = %id, error = %e, "a worktree that no session has is left");
            }
            drop(of_session);
        })
    }
}

/// Makes one. It is made to its end, or taken back, also if nobody waits for it any more.
pub(crate) async fn make(shared: &Arc<Shared>, wanted: Wanted) -> Result<Made, Problem> {
    let shared = Arc::clone(shared);
    let tasks = shared.tasks.clone();
    let making = tasks.spawn(async move {
        let Wanted { id, choice, setup, turn } = wanted;
        shared.worktrees.recovered().await;
        let record = look_up(&shared, &id, &choice).await?;
        let paths = Paths::of(&shared.home, &id);
        let path = paths.tree.to_string_lossy().into_owned();
        let (repo, shared_too) = (record.repo.clone(), Arc::clone(&shared));
        let own_turn = shared.worktrees.of_workspace(&id).await;
        let made = Made { id, path, repo, shared, turns: Some((own_turn, turn)) };
        match build(&shared_too, &paths, record, setup).await {
            Ok(()) => Ok(made),
            // Whoever hears that nothing was made finds nothing.
            Err(why) => {
                made.take_back().await;
                Err(why)
            }
        }
    });
    making.await.unwrap_or_else(|e| Err(crate::problem::internal(&e.to_string())))
}

/// What it is to be. Nothing is changed.
async fn look_up(shared: &Arc<Shared>, id: &WorkspaceId, choice: &WorktreeChoice) -> Result<Record, Problem> {
    let dir = directory(&choice.repo).await?;
    let git = Git::at(shared, &dir).await?;
    let common = git.run(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).await?;
    if !common.went_well() {
        let what = format!(
            "`{}` is in no git repository that can be used; git says: {}",
            choice.repo,
            common.complaint()
        );
        return Err(invalid("repo", what));
    }
    let listing = git.well(&["worktree", "list", "--porcelain", "-z"], Vec::new()).await?;
    let own = worktrees(&listing.out).into_iter().next().map(|tree| tree.path);
    let repo = own.unwrap_or(dir).into_os_string().into_string();
    let repo = repo.map_err(|_| invalid("repo", "its path is not UTF-8".to_owned()))?;
    let branch = choice.branch.clone().unwrap_or_else(|| format!("tenure/{}", tail(id)));
    let Begin { base, base_branch, branch_made } = beginning(&git, choice, &branch).await?;
    let (common, setup, under_way) = (common.text(), None, None);
    Ok(Record { repo, common, branch, branch_made, base, base_branch, setup, under_way })
}

async fn directory(given: &str) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(given);
    if !path.is_absolute() {
        return Err(invalid("repo", format!("`{given}` is not an absolute path")));
    }
    let found = off_thread(move || path.canonicalize().map(|path| (path.is_dir(), path))).await;
    match found {
        Ok((true, path)) => Ok(path),
        Ok((false, _)) => Err(invalid("repo", format!("`{given}` is not a directory"))),
        Err(e) => Err(invalid("repo", format!("`{given}` cannot be used: {e}"))),
    }
}

/// Where a branch begins.
struct Begin {
    base: String,
    base_branch: Option<String>,
    branch_made: bool,
}

async fn beginning(git: &Git, choice: &WorktreeChoice, branch: &str) -> Result<Begin, Problem> {
    let head = git.run(&["symbolic-ref", "--quiet", "HEAD"]).await?.text();
    let head = head.strip_prefix("refs/heads/").map(str::to_owned);
    let Some(at) = branch_at(git, branch).await? else {
        let base = commit_of(git, choice).await?;
        let base_branch = match &choice.base {
            None => head,
            Some(name) => branch_at(git, name).await?.map(|_| name.clone()),
        };
        return Ok(Begin { base, base_branch, branch_made: true });
    };
    if choice.base.is_some() {
        let what = format!("the branch `{branch}` exists; leave `base` out, or name a new branch");
        return Err(Problem { field: Some(field("base")), ..Problem::new(ErrorCode::Conflict, what) });
    }
    let left = git.run(&["merge-base", "HEAD", &at]).await?;
    let base = if left.went_well() { left.text() } else { at };
    Ok(Begin { base, base_branch: head.filter(|head| head != branch), branch_made: false })
}

/// The part of an id that is chance.
fn tail(id: &WorkspaceId) -> &str {
    let id = id.as_str();
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// The commit of a branch, if there is such a branch.
async fn branch_at(git: &Git, name: &str) -> Result<Option<String>, Problem> {
    let reference = format!("refs/heads/{name}");
    if name.starts_with('-') || !git.holds(&["check-ref-format", &reference]).await? {
        return Ok(None);
    }
    let at = git.run(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")]).await?;
    Ok(at.went_well().then(|| at.text()))
}

/// The commit at which a new branch is to begin.
async fn commit_of(git: &Git, choice: &WorktreeChoice) -> Result<String, Problem> {
    if let Some(branch) = &choice.branch
        && (branch.starts_with('-') || !git.holds(&["check-ref-format", "--branch", branch]).await?)
    {
        return Err(invalid("branch", format!("`{branch}` is no name of a branch")));
    }
    let name = choice.base.as_deref().unwrap_or("HEAD");
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
    let commit = git.run(&words).await?;
    if commit.went_well() {
        return Ok(commit.text());
    }
    Err(match &choice.base {
        Some(name) => invalid("base", format!("the repository knows no commit `{name}`")),
        None => invalid("repo", "the repository has no commit yet; make one first".to_owned()),
    })
}

async fn build(
    shared: &Arc<Shared>,
    paths: &Paths,
    mut record: Record,
    setup: Option<Setup>,
) -> Result<(), Problem> {
    let dir = paths.tree.parent().map(Path::to_owned).unwrap_or_default();
    let made = off_thread(move || make_private_dir(&dir)).await;
    made.map_err(|e| Problem::new(ErrorCode::Storage, format!("no worktree can be made: {e}")))?;
    record.write(paths).await?;
    crash_point!("worktree.written_down");
    let git = Git::at(shared, Path::new(&record.common)).await?;
    let branch = format!("refs/heads/{}", record.branch);
    if record.branch_made {
        // Only if nobody else made one of this name meanwhile.
        let words = ["update-ref", "-m", "tenure: begin", &branch, &record.base, ""];
        git.text(&words).await?;
        crash_point!("worktree.branched");
    }
    let tree = paths.tree.to_string_lossy();
    let added = git.run(&["worktree", "add", "--quiet", "--", &tree, &record.branch]).await?;
    if !added.went_well() {
        let what = format!("git makes no worktree of `{}`: {}", record.branch, added.complaint());
        return Err(Problem { field: Some(field("branch")), ..Problem::new(ErrorCode::Conflict, what) });
    }
    crash_point!("worktree.added");
    if let Some(setup) = setup {
        record.setup = Some(set_up(shared, &paths.tree, setup).await?);
        record.write(paths).await?;
    }
    Ok(())
}

fn field(name: &str) -> String {
    format!("workspace.worktree.{name}")
}

fn invalid(name: &str, what: String) -> Problem {
    Problem::invalid(field(name), what)
}
