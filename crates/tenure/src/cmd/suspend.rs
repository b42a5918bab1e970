//! `tenure suspend`: ends the process and keeps everything.

use super::whole::{Sessions, Waiting, each};
use crate::cli::Context;
use crate::exit::Outcome;

/// End a session's process and keep everything; the next input brings it back
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Sessions,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    each(&args.which, &context, "suspended", async |client, id| {
        client.suspend(id, args.waiting.request()).await
    })
}
