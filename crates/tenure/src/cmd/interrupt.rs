//! `tenure interrupt`: ends the running turn.

use tenure_api::{Interrupt, QueueChoice};

use super::whole::{Waiting, one};
use crate::cli::Context;
use crate::exit::Outcome;

/// End the running turn; session, process and queue stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Cancel the inputs that wait, too
    #[arg(long)]
    discard_queue: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let queue = if args.discard_queue { QueueChoice::Discard } else { QueueChoice::Keep };
    let request = Interrupt { queue, wait: args.waiting.wait() };
    one(&args.session, &context, "interrupted", async |client, id| client.interrupt(id, request).await)
}
