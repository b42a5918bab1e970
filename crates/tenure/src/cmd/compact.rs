//! `tenure compact`: the agent sums up the conversation, to make room in its context window.

use tenure_api::{Compact, VerbWait};

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::Outcome;

/// Let the agent sum up the conversation, to make room in its context window
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tenure compact fix-tests \"keep the list of failing tests\"")]
pub(crate) struct Args {
    /// Which
    session: String,
    /// What the summary is to keep, where the agent takes such a wish
    instructions: Option<String>,
    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let wait = if args.no_wait { VerbWait::Accepted } else { VerbWait::Done };
        let reply = client.compact(&id, &Compact { instructions: args.instructions, wait }).await?;
        tell(&context, if args.no_wait { "asked to compact" } else { "compacted" }, &reply)
    })
}
