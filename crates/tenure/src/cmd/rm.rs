//! `tenure rm`: destroys sessions.

use super::whole::{Sessions, each};
use crate::cli::Context;
use crate::exit::Outcome;

/// Destroy a session: its process and its data, never a directory that Tenure did not make
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Sessions,
    /// Keep its events, so that it can still be read
    #[arg(long)]
    keep_transcript: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    each(&args.which, &context, "destroyed", async |client, id| {
        client.destroy(id, args.keep_transcript).await
    })
}
