//! `tenure worktree`: the worktrees and scratch directories that Tenure made: list, show, compare, merge, discard.

use tenure_api::{DiscardWorkspace, Discarded, MergeHow, MergeWorkspace, Merged, Unsaved, Workspace};
use tenure_client::{Client, ClientError};
use tenure_event::WorkspaceId;

use super::common::{tilde, unique_length};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::text::{bytes, clean, plural};
use crate::view::differences;

/// See, merge or discard the work that sessions did in git worktrees of their own
///
/// `tenure run --worktree` makes one below Tenure's home, on a branch of its own; your checkout, index and other
/// branches are not touched. It goes with its last session (`tenure rm`), unless something in it is not committed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

const EXAMPLES: &str = "Examples:\n  \
    tenure run --worktree=fix-login \"fix the login\"    work on a new branch, apart from your files\n  \
    tenure worktree                                    list them\n  \
    tenure worktree diff fix-login --stat              what was done\n  \
    tenure worktree merge fix-login --commit \"Fix it\"  bring it into the branch that it came from\n  \
    tenure worktree discard fix-login                  remove it; --force also what is not merged\n\n\
    WORKTREE is its branch, its id or a unique prefix of that, or a session that works in it.";

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them (what happens without an action)
    Ls {
        /// Also directories that Tenure did not make
        #[arg(short, long)]
        all: bool,
    },
    /// Show one, and what would be lost with it
    Show {
        /// Its branch, its id or a unique prefix of that, or a session in it
        #[arg(value_name = "WORKTREE")]
        name: String,
    },
    /// Show what it has that its base has not, committed or not
    Diff {
        /// Its branch, its id or a unique prefix of that, or a session in it
        #[arg(value_name = "WORKTREE")]
        name: String,
        /// Only the names of files
        #[arg(long)]
        stat: bool,
    },
    /// Merge its work into a branch; where that is checked out, its files must be clean
    Merge {
        /// Its branch, its id or a unique prefix of that, or a session in it
        #[arg(value_name = "WORKTREE")]
        name: String,
        /// The branch [default: the one that it came from]
        #[arg(long, value_name = "BRANCH")]
        into: Option<String>,
        /// Commit first what is not committed
        #[arg(long, value_name = "MESSAGE")]
        commit: Option<String>,
        /// Message of the merge, where one is made
        #[arg(short, long)]
        message: Option<String>,
        /// One commit with all of it
        #[arg(long)]
        squash: bool,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove it with the branch that was made for it; refused where work would be lost
    Discard {
        /// Its branch, its id or a unique prefix of that, or a session in it
        #[arg(value_name = "WORKTREE")]
        name: String,
        /// Also what would be lost
        #[arg(long)]
        force: bool,
    },
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        match args.action.unwrap_or(Action::Ls { all: false }) {
            Action::Ls { all } => list(&context, &client, all).await,
            Action::Show { name } => {
                let id = find(&context, &client, &name).await?;
                show(&context, &client.workspace(&id).await?)
            }
            Action::Diff { name, stat } => {
                let id = find(&context, &client, &name).await?;
                let diff = client.workspace_diff(&id).await?;
                if context.json {
                    out::json(&diff)?;
                    return Ok(Exit::Done);
                }
                if diff.files_total == 0 {
                    out::note("nothing differs");
                }
                out::print(&differences(context.style, &diff.files, diff.files_total, stat))?;
                Ok(Exit::Done)
            }
            Action::Merge { name, into, commit, message, squash, dry_run } => {
                let id = find(&context, &client, &name).await?;
                let request = MergeWorkspace { into, commit, message, squash, dry_run };
                merged(&context, &client.merge_workspace(&id, &request).await.map_err(with_options)?)
            }
            Action::Discard { name, force } => {
                let id = find(&context, &client, &name).await?;
                let gone = client.discard_workspace(&id, DiscardWorkspace { force }).await;
                discarded(&context, &gone.map_err(with_options)?)
            }
        }
    })
}

/// A refusal that names the fields of a request, by the options that set them.
fn with_options(error: ClientError) -> Failure {
    let mut failure = Failure::from(error);
    for field in ["commit", "force"] {
        failure.message = failure.message.replace(&format!("`{field}`"), &format!("`--{field}`"));
    }
    failure
}

async fn known(client: &Client) -> Result<Vec<Workspace>, Failure> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = client.workspaces(None, cursor.as_deref()).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// The workspace with this branch, this id or a prefix of it, or of this session.
async fn find(context: &Context, client: &Client, name: &str) -> Result<WorkspaceId, Failure> {
    let all = known(client).await?;
    let has = |w: &&Workspace| w.worktree.as_ref().is_some_and(|tree| tree.branch == name);
    let called = |w: &&Workspace| {
        let id = w.id.as_str();
        id.starts_with(name) || id.strip_prefix(WorkspaceId::PREFIX).unwrap_or(id).starts_with(name)
    };
    let mut found: Vec<&Workspace> = all.iter().filter(has).collect();
    if found.is_empty() && !name.is_empty() {
        found = all.iter().filter(called).collect();
    }
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => match context.session(client, name).await {
            Ok(session) => Ok(session.workspace.id),
            Err(_) => {
                let what =
                    format!("no worktree, workspace or session `{name}`; `tenure worktree` lists them");
                Err(Failure::new(Exit::NotFound, what))
            }
        },
        several => {
            let ids: Vec<String> =
                several.iter().take(8).map(|w| format!("\n  {}  {}", w.id, w.path)).collect();
            Err(Failure::usage(format!(
                "`{name}` may be any of several; give more of the id:{}",
                ids.concat()
            )))
        }
    }
}

async fn list(context: &Context, client: &Client, all: bool) -> Outcome {
    let known = known(client).await?;
    let items: Vec<&Workspace> = known.iter().filter(|w| all || w.owned).collect();
    if context.json {
        out::json(&items)?;
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        out::note("no worktree: `tenure run --worktree \"PROMPT\"` makes one");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["WORKSPACE", "KIND", "BRANCH", "SESSIONS", "SIZE", "PATH"]);
    let length = unique_length(known.iter().map(|w| w.id.as_str()), WorkspaceId::PREFIX.len() + 8);
    for workspace in &items {
        let branch = workspace.worktree.as_ref().map(|tree| clean(&tree.branch)).unwrap_or_default();
        table.row([
            workspace.id.as_str().chars().take(length).collect(),
            workspace.kind.clone(),
            branch,
            workspace.sessions.len().to_string(),
            workspace.bytes.map(bytes).unwrap_or_default(),
            clean(&tilde(&workspace.path)),
        ]);
    }
    out::print(&table.render(context.style, crate::term::columns(), &[5]))?;
    Ok(Exit::Done)
}

fn show(context: &Context, workspace: &Workspace) -> Outcome {
    if context.json {
        out::json(workspace)?;
        return Ok(Exit::Done);
    }
    let style = context.style;
    let mut lines = vec![
        format!("{}  {}", workspace.id, style.dim(&workspace.kind)),
        format!("  path      {}", clean(&workspace.path)),
        format!(
            "  sessions  {}",
            workspace.sessions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    ];
    if let Some(bytes_there) = workspace.bytes {
        lines.push(format!("  size      {}", bytes(bytes_there)));
    }
    if !workspace.present {
        lines.push(style.red("  its directory is gone"));
    }
    if let Some(tree) = &workspace.worktree {
        let from = tree.base_branch.as_ref().map(|name| format!("{} ", clean(name))).unwrap_or_default();
        lines.push(format!("  branch    {}", clean(&tree.branch)));
        lines.push(format!("  from      {from}{}", tree.base.get(..12).unwrap_or(&tree.base)));
        lines.push(format!("  of        {}", clean(&tree.repo)));
        if let Some(lost) = &tree.unsaved {
            lines.extend(unsaved(style, lost));
        }
    }
    out::print(&format!("{}\n", lines.join("\n")))?;
    Ok(Exit::Done)
}

fn unsaved(style: Style, lost: &Unsaved) -> Vec<String> {
    let mut lines = Vec::new();
    let commits = lost.commits.iter().chain(&lost.loose_commits);
    lines.extend(commits.map(|commit| format!("    {}", clean(commit))));
    lines.extend(lost.files.iter().map(|file| format!("    {}", clean(file))));
    let left = lost.files_total.saturating_sub(lost.files.len() as u64);
    if left > 0 {
        lines.push(format!("    … and {left} more"));
    }
    lines.extend(lost.in_progress.iter().map(|what| format!("    a {what} in the middle")));
    let head = if lines.is_empty() { "  nothing would be lost with it" } else { "  only here:" };
    lines.insert(0, style.yellow(head));
    lines
}

fn merged(context: &Context, done: &Merged) -> Outcome {
    if context.json {
        out::json(done)?;
        return Ok(Exit::Done);
    }
    let into = clean(&done.into);
    if done.how == MergeHow::Nothing {
        out::print(&format!("{into} has all of it already\n"))?;
        return Ok(Exit::Done);
    }
    let amount = |n: u64, what: &str| plural(usize::try_from(n).unwrap_or(usize::MAX), what);
    let how = match done.how {
        MergeHow::FastForward => "goes forward",
        MergeHow::Squash => "gets one commit",
        MergeHow::Merge | MergeHow::Nothing => "gets a merge",
    };
    let would = if done.dry_run { " (only planned)" } else { "" };
    let what = format!("{}, {}", amount(done.commits, "commit"), amount(done.files, "file"));
    out::print(&format!("{into} {how}{would} {}\n", context.style.dim(&format!("({what})"))))?;
    if let Some(updated) = &done.updated {
        let word = if done.dry_run { "would follow" } else { "followed" };
        out::note(&format!("the files in {} {word}", clean(&tilde(updated))));
    }
    Ok(Exit::Done)
}

fn discarded(context: &Context, gone: &Discarded) -> Outcome {
    if context.json {
        out::json(gone)?;
        return Ok(Exit::Done);
    }
    let branch = gone.branch.as_ref().map(|name| format!(" and branch {}", clean(name))).unwrap_or_default();
    out::print(&format!("removed {}{branch}\n", clean(&tilde(&gone.path))))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use tenure_api::{ErrorCode, Problem};

    use super::*;

    #[test]
    fn a_refusal_names_options() {
        let what = "2 commits would be lost; merge or commit it, or discard it with `force`";
        let refused = with_options(ClientError::Problem(Box::new(Problem::new(ErrorCode::Conflict, what))));
        assert!(refused.message.ends_with("merge or commit it, or discard it with `--force`"), "{refused:?}");
    }
}
