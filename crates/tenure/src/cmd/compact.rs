//! `tenure compact`: the agent sums up the conversation, to make room in its context window.

use tenure_api::Compact;

use super::whole::{Waiting, one};
use crate::cli::Context;
use crate::exit::Outcome;

/// Let the agent sum up the conversation, to make room in its context window
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tenure compact fix-tests \"keep the list of failing tests\"")]
pub(crate) struct Args {
    /// Which
    session: String,
    /// What the summary is to keep, where the agent takes such a wish
    instructions: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let done = if args.waiting.no_wait { "asked to compact" } else { "compacted" };
    let request = Compact { instructions: args.instructions, wait: args.waiting.wait() };
    one(&args.session, &context, done, async |client, id| client.compact(id, &request).await)
}
