//! `tenure clear`: an empty conversation in the same session.

use tenure_api::{VerbRequest, VerbWait};

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::Outcome;

/// Begin an empty conversation in the same session; what was said stays readable
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What was said before is an epoch of its own: `tenure show SESSION` and the API's `epoch=all` have it."
)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let wait = if args.no_wait { VerbWait::Accepted } else { VerbWait::Done };
        let reply = client.clear(&id, VerbRequest { wait }).await?;
        tell(&context, "cleared", &reply)
    })
}
