//! `tenure clear`: an empty conversation in the same session.

use super::whole::{Waiting, one};
use crate::cli::Context;
use crate::exit::Outcome;

/// Begin an empty conversation in the same session; what was said stays readable
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What was said before is an epoch of its own: `tenure show SESSION` and the API's `epoch=all` have it."
)]
pub(crate) struct Args {
    /// Which
    session: String,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let request = args.waiting.request();
    one(&args.session, &context, "cleared", async |client, id| client.clear(id, request).await)
}
