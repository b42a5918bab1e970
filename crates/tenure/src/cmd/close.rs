//! `tenure close`: ends a session; it can be resumed.

use super::whole::{Sessions, Waiting, each};
use crate::cli::Context;
use crate::exit::Outcome;

/// End a session and everything it started; its transcript stays, and `resume` brings it back
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Sessions,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    each(&args.which, &context, "closed", async |client, id| client.close(id, args.waiting.request()).await)
}
