//! `tenure resume`: brings a process back.

use super::whole::{Sessions, Waiting, each};
use crate::cli::Context;
use crate::exit::Outcome;

/// Bring a suspended or closed session back, with its conversation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Sessions,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    each(&args.which, &context, "resumed", async |client, id| client.resume(id, args.waiting.request()).await)
}
