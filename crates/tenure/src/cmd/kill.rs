//! `tenure kill`: ends a session without grace.

use super::whole::{Sessions, Waiting, each};
use crate::cli::Context;
use crate::exit::Outcome;

/// As close, but at once and without grace; always works
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Sessions,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    each(&args.which, &context, "killed", async |client, id| client.kill(id, args.waiting.request()).await)
}
