//! `tenure interrupt`: ends the running turn.

use tenure_api::{Interrupt, QueueChoice, VerbWait};

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::Outcome;

/// End the running turn; session, process and queue stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Cancel the inputs that wait, too
    #[arg(long)]
    discard_queue: bool,
    /// Do not wait until the turn has ended
    #[arg(long)]
    no_wait: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let queue = if args.discard_queue { QueueChoice::Discard } else { QueueChoice::Keep };
        let wait = if args.no_wait { VerbWait::Accepted } else { VerbWait::Done };
        let reply = client.interrupt(&id, Interrupt { queue, wait }).await?;
        tell(&context, "interrupted", &reply)
    })
}
