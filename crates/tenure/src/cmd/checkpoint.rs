//! `tenure checkpoint`: a session's checkpoints: list, take, compare, restore.

use tenure_api::{Checkpoint, CheckpointDiff, CreateCheckpoint, RewindHow};
use tenure_client::Client;
use tenure_event::{CheckpointCause, CheckpointId, SessionId};
use tenure_server::clock;

use super::common::unique_length;
use super::rewind::tell_plan;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::table::Table;
use crate::text::{age, bytes, clean, one_line, plural};
use crate::view::differences;

/// List, take, compare or restore checkpoints of a session's files
///
/// A checkpoint is everything in the workspace that no ignore rule excludes, byte for byte. One is taken before each
/// input and one after its turn (`[checkpoints] mode` in config.toml, or `checkpoints.mode` when a session is created,
/// say otherwise). They lie in Tenure's home: a git repository in the workspace is never touched.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which
    session: String,
    #[command(subcommand)]
    action: Option<Action>,
}

const EXAMPLES: &str = "Examples:\n  \
    tenure checkpoint my-session                     list them, newest first\n  \
    tenure checkpoint my-session create \"it works\"   take one now\n  \
    tenure checkpoint my-session diff last           what the last turn changed\n  \
    tenure checkpoint my-session diff ID --since     what changed after it\n  \
    tenure checkpoint my-session restore ID --dry-run\n\n\
    ID may be a unique prefix, or `last`. To go back to before an input, see `tenure rewind`.";

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them, newest first (what happens without an action)
    List,
    /// Take one now, whatever the size of the workspace
    Create {
        /// What to call it
        label: Option<String>,
    },
    /// Show what its turn changed, or what changed since the checkpoint before it
    Diff {
        /// Which
        id: String,
        /// What changed after it, up to now
        #[arg(long, conflicts_with = "from")]
        since: bool,
        /// What changed from another checkpoint to it
        #[arg(long, value_name = "ID")]
        from: Option<String>,
        /// Only the names of files
        #[arg(long)]
        stat: bool,
    },
    /// Take files back to what it holds; what others changed since is left
    Restore {
        /// Which
        id: String,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
        /// Take back what others changed, too; it is kept in a checkpoint that is taken before
        #[arg(long)]
        force: bool,
    },
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        match args.action.unwrap_or(Action::List) {
            Action::List => list(&context, &client, &id).await,
            Action::Create { label } => {
                let made = client.create_checkpoint(&id, &CreateCheckpoint { label }).await?;
                created(&context, &made)
            }
            Action::Diff { id: name, since, from, stat } => {
                let of = find(&client, &id, &name).await?;
                let from = match from {
                    Some(from) => Some(find(&client, &id, &from).await?.to_string()),
                    None => since.then(|| "workspace".to_owned()),
                };
                let diff = client.checkpoint_diff(&id, &of, from.as_deref()).await?;
                show(&context, &diff, stat)
            }
            Action::Restore { id: name, dry_run, force } => {
                let to = find(&client, &id, &name).await?;
                let plan = client.restore_checkpoint(&id, &to, RewindHow { dry_run, force }).await?;
                tell_plan(&context, Some(&args.session), &plan)
            }
        }
    })
}

/// All checkpoints, newest first.
async fn all(client: &Client, session: &SessionId) -> Result<Vec<Checkpoint>, Failure> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = client.checkpoints(session, 1000, cursor.as_deref()).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(items),
        }
    }
}

/// The checkpoint with this id, with a unique prefix of it, or the last one.
pub(super) async fn find(client: &Client, session: &SessionId, name: &str) -> Result<CheckpointId, Failure> {
    let known = all(client, session).await?;
    if name == "last" {
        let last = known.first().map(|c| c.id.clone());
        return last.ok_or_else(|| Failure::new(Exit::NotFound, "this session has no checkpoint yet"));
    }
    let matches = |c: &&Checkpoint| {
        let id = c.id.as_str();
        id.starts_with(name) || id.strip_prefix(CheckpointId::PREFIX).unwrap_or(id).starts_with(name)
    };
    let found: Vec<&Checkpoint> = known.iter().filter(matches).collect();
    match found.as_slice() {
        [one] if !name.is_empty() => Ok(one.id.clone()),
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("no checkpoint `{name}`; `tenure checkpoint {session}` lists them"),
        )),
        _ => Err(Failure::usage(format!("`{name}` may be any of several checkpoints; give more of the id"))),
    }
}

async fn list(context: &Context, client: &Client, session: &SessionId) -> Outcome {
    let items = all(client, session).await?;
    if context.json {
        out::json(&items)?;
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        out::note(&format!(
            "no checkpoint yet: `tenure checkpoint {session} create` takes one; in the mode auto ([checkpoints] in \
             config.toml) one is taken before each input and after its turn"
        ));
        return Ok(Exit::Done);
    }
    let now = clock::now();
    let length = unique_length(items.iter().map(|c| c.id.as_str()), CheckpointId::PREFIX.len() + 18);
    let short = |id: &CheckpointId| id.as_str().chars().take(length).collect();
    let mut table = Table::new(&["CHECKPOINT", "AGE", "WHEN", "CHANGES", "FILES", "FOLLOWS"]);
    for (at, checkpoint) in items.iter().enumerate() {
        let older = items.get(at + 1).map(|c| &c.id);
        // Only where it is not the one below: a way back began a branch.
        let follows = checkpoint.parent.as_ref().filter(|parent| Some(*parent) != older);
        table.row([
            short(&checkpoint.id),
            age(now.millis_since(checkpoint.created_at)),
            when(checkpoint),
            changes(checkpoint),
            if checkpoint.restorable { checkpoint.files.to_string() } else { "removed".to_owned() },
            follows.map(short).unwrap_or_default(),
        ]);
    }
    out::print(&table.render(context.style, crate::term::columns(), &[2]))?;
    Ok(Exit::Done)
}

fn when(checkpoint: &Checkpoint) -> String {
    let of = |id: Option<String>| id.map(|id| format!(" {}", one_line(&id, 24))).unwrap_or_default();
    let input = checkpoint.input_id.as_ref().map(ToString::to_string);
    let turn = checkpoint.turn_id.as_ref().map(ToString::to_string);
    match checkpoint.cause {
        CheckpointCause::Before => format!("before{}", of(input.or(turn))),
        CheckpointCause::After => format!("after{}", of(turn)),
        CheckpointCause::Tool => format!("after tool{}", of(checkpoint.tool_id.clone())),
        CheckpointCause::Manual => match &checkpoint.label {
            Some(label) => format!("asked for: {}", one_line(label, 60)),
            None => "asked for".to_owned(),
        },
        CheckpointCause::Guard => "before a rewind".to_owned(),
        CheckpointCause::Rewind => "after a rewind".to_owned(),
    }
}

fn changes(checkpoint: &Checkpoint) -> String {
    let parts = [(checkpoint.added, "+"), (checkpoint.modified, "~"), (checkpoint.deleted, "−")];
    let shown: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, sign)| format!("{sign}{n}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(" ") }
}

fn created(context: &Context, made: &Checkpoint) -> Outcome {
    if context.json {
        out::json(made)?;
        return Ok(Exit::Done);
    }
    let files = plural(usize::try_from(made.files).unwrap_or(usize::MAX), "file");
    let more = format!("({files}, {})", bytes(made.bytes));
    out::print(&format!("{} {}\n", made.id, context.style.dim(&more)))?;
    for what in &made.not_covered {
        out::note(&format!("not recorded: {}", clean(what)));
    }
    Ok(Exit::Done)
}

fn show(context: &Context, diff: &CheckpointDiff, stat: bool) -> Outcome {
    if context.json {
        out::json(diff)?;
        return Ok(Exit::Done);
    }
    if diff.files_total == 0 {
        out::note("nothing differs");
    }
    out::print(&differences(context.style, &diff.files, diff.files_total, stat))?;
    Ok(Exit::Done)
}
