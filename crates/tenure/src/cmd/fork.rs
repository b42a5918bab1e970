//! `tenure fork`: a new session that begins with what was said in another one.

use tenure_api::{CreateWait, Created, ForkFiles, ForkSession, InputContent, RewindTo};
use tenure_client::Client;

use super::common::read_prompt;
use super::run::{detached, follow};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::term::Keys;

/// Begin a new session with what was said in another one, which goes on undisturbed
///
/// With a prompt it is sent, and its turn followed. The new session works in the same directory unless it gets a copy.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// What to say first; `-` reads standard input
    #[arg(value_name = "PROMPT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The last thing that is shared: a turn, a message, a checkpoint, or an input for what was before it [default: the
    /// last turn that has ended]
    #[arg(long, value_name = "ID")]
    at: Option<String>,
    /// Work in a copy of the directory
    #[arg(long, conflicts_with = "worktree")]
    copy: bool,
    /// Work in a new worktree of the repository
    #[arg(long)]
    worktree: bool,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// The model
    #[arg(long)]
    model: Option<String>,
    /// Return at once
    #[arg(short, long)]
    detach: bool,
}

const EXAMPLES: &str = "Examples:\n  \
    tenure fork my-session \"Try it with a queue instead.\"   another way from here\n  \
    tenure fork my-session --at trn_0198… --copy             from after that turn, in files of its own\n\n\
    Turns and inputs stand in `tenure logs SESSION --types turn.started,input.started`.";

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let prompt = args.prompt.map(|text| read_prompt(Some(text), "fork SESSION")).transpose()?;
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let files = match (args.copy, args.worktree) {
            (true, _) => ForkFiles::Copy,
            (_, true) => ForkFiles::Worktree,
            _ => ForkFiles::Shared,
        };
        let wait = until(prompt.is_some(), args.detach);
        let from_stdin = prompt.as_ref().is_some_and(|prompt| prompt.from_stdin);
        let request = ForkSession {
            at: args.at.map(RewindTo::Id),
            title: args.title,
            files,
            input: prompt.map(|prompt| InputContent::Plain(prompt.text)),
            model: args.model,
            wait,
            ..ForkSession::default()
        };
        let created = client.fork(&id, request).await?;
        go_on(&context, client, created, args.detach, "forked", from_stdin).await
    })
}

/// Without a turn to be followed it is the agent that is waited for: it may not come up.
pub(super) fn until(prompted: bool, detach: bool) -> CreateWait {
    if prompted || detach { CreateWait::Created } else { CreateWait::Live }
}

/// What follows once a session has come from something else: its first turn, or a word on how to go on.
pub(super) async fn go_on(
    context: &Context,
    client: Client,
    created: Created,
    detach: bool,
    how: &str,
    from_stdin: bool,
) -> Outcome {
    if created.receipt.is_none() {
        return began(context, &created, how);
    }
    if detach {
        return detached(context, &created);
    }
    let keys = if context.json { None } else { Keys::open(from_stdin) };
    follow(context, false, client, created, keys).await
}

fn began(context: &Context, created: &Created, how: &str) -> Outcome {
    if context.json {
        out::json(created)?;
    } else {
        let id = &created.session.id;
        out::print(&format!("{id}\n"))?;
        out::note(&format!("{how}: tenure send {id} \"…\""));
    }
    Ok(Exit::Done)
}
