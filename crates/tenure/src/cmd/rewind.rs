//! `tenure rewind`: takes files back to what they were, and what was said.

use tenure_api::{RewindHow, RewindPlan, RewindRequest, RewindScope, RewindTo};
use tenure_event::{CheckpointId, FileAction};

use super::checkpoint;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::text::{clean, plural};

/// Files and conflicts that are shown one by one.
const SHOWN: usize = 40;

/// Take a session back to what it was before an input or after a turn: its files, what was said, or both
///
/// What was said after that leaves the conversation, also for the agent, and stays in the log. Of files only what this session's turns changed since is taken back, and only where nobody else has changed it: everything else
/// that differs is listed and left. A checkpoint of them is taken before, so --undo brings files back that were taken back alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// To where: an input (what was there before it), a turn or a message (what was there after it), or a checkpoint
    #[arg(required_unless_present = "undo")]
    to: Option<String>,
    /// Take back the files, and not what was said
    #[arg(long, conflicts_with_all = ["undo", "conversation"])]
    files: bool,
    /// Take back what was said, and not the files
    #[arg(long, conflicts_with = "undo")]
    conversation: bool,
    /// Undo the last rewind
    #[arg(long, conflicts_with = "to")]
    undo: bool,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Take back what others changed, too; it is kept in the checkpoint that is taken before
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "Examples:\n  \
    tenure rewind my-session inp_0198… --files --dry-run   what would be taken back\n  \
    tenure rewind my-session inp_0198… --files             to before that input\n  \
    tenure rewind my-session trn_0198… --conversation      forget what was said after that turn\n  \
    tenure rewind --undo my-session                        as if nothing had happened\n\n\
    Inputs and turns stand in `tenure logs SESSION --types input.started`, checkpoints in `tenure checkpoint SESSION`.";

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let (dry_run, force) = (args.dry_run, args.force);
        let Some(to) = args.to else {
            let plan = client.undo_rewind(&id, RewindHow { dry_run, force }).await?;
            return tell_plan(&context, None, &plan);
        };
        let to = if to == "last" || to.starts_with(CheckpointId::PREFIX) {
            checkpoint::find(&client, &id, &to).await?.to_string()
        } else {
            to
        };
        let scope = match (args.files, args.conversation) {
            (true, _) => RewindScope::Files,
            (_, true) => RewindScope::Conversation,
            _ => RewindScope::Both,
        };
        let request = RewindRequest { to: RewindTo::Id(to), scope, dry_run, force };
        let plan = client.rewind(&id, &request).await.map_err(|error| {
            let unsupported = error.code() == Some(tenure_api::ErrorCode::Unsupported);
            let mut failure = Failure::from(error);
            if unsupported && !args.files {
                failure.message.push_str("; say --files to take back the files alone");
            }
            failure
        })?;
        tell_plan(&context, Some(&args.session), &plan)
    })
}

/// A plan, or what was done, for people or as JSON; with the session in which it can be undone.
pub(super) fn tell_plan(context: &Context, undo: Option<&str>, plan: &RewindPlan) -> Outcome {
    if context.json {
        out::json(plan)?;
        return Ok(if plan.possible { Exit::Done } else { Exit::Failed });
    }
    if !plan.possible {
        let why = plan.reason.as_deref().unwrap_or("nobody knows why");
        return Err(Failure::failed(format!("not possible: {why}")));
    }
    let style = context.style;
    let count = plural(usize::try_from(plan.files_total).unwrap_or(usize::MAX), "path");
    let lines = format!("+{} −{}", plan.insertions, plan.deletions);
    let verb = if plan.dry_run { "would take back" } else { "took back" };
    let head = match (plan.dry_run, plan.files_total) {
        (true, 0) => "nothing would be taken back".to_owned(),
        (false, 0) => "nothing was taken back".to_owned(),
        _ => format!("{verb} {count} ({lines})"),
    };
    let mut text = match usize::try_from(plan.messages_removed_total).unwrap_or(usize::MAX) {
        0 => format!("{head}\n"),
        said if plan.files_total == 0 => format!("{verb} {}\n", plural(said, "message")),
        said => format!("{head}, and {}\n", plural(said, "message")),
    };
    for file in plan.files.iter().take(SHOWN) {
        let word = match file.action {
            FileAction::Restore => style.green("restore"),
            FileAction::Change => "change ".to_owned(),
            FileAction::Delete => style.red("delete "),
        };
        let lines = style.dim(&format!("+{} −{}", file.insertions, file.deletions));
        text.push_str(&format!("  {word}  {} {lines}\n", clean(&file.path)));
    }
    text.push_str(&more(plan.files_total));
    if plan.conflicts_total > 0 {
        let count = plural(usize::try_from(plan.conflicts_total).unwrap_or(usize::MAX), "conflict");
        text.push_str(&style.yellow(&format!("{count}, left as they are")));
        text.push_str(&style.dim(" (--force takes them back, too)"));
        text.push('\n');
        for conflict in plan.conflicts.iter().take(SHOWN) {
            text.push_str(&format!("  {}  {}\n", clean(&conflict.path), style.dim(&clean(&conflict.detail))));
        }
        text.push_str(&more(plan.conflicts_total));
    }
    text.push_str(&format!("{}\n", style.dim(&plan.not_covered)));
    let undoable = !plan.dry_run && plan.files_total > 0 && plan.messages_removed_total == 0;
    if let Some(session) = undo.filter(|_| undoable) {
        text.push_str(&style.dim(&format!("undo: tenure rewind --undo {session}\n")));
    }
    out::print(&text)?;
    Ok(Exit::Done)
}

fn more(total: u64) -> String {
    let left = total.saturating_sub(SHOWN as u64);
    if left > 0 { format!("  … and {left} more\n") } else { String::new() }
}
