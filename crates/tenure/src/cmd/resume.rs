//! `tenure resume`: brings a process back.

use tenure_api::{VerbRequest, VerbWait};

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};

/// Bring a suspended or closed session back, with its conversation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    #[arg(value_name = "SESSION", required = true)]
    sessions: Vec<String>,
    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let mut exit = Exit::Done;
        for name in &args.sessions {
            let id = context.session(&client, name).await?.id;
            let wait = if args.no_wait { VerbWait::Accepted } else { VerbWait::Done };
            let reply = client.resume(&id, VerbRequest { wait }).await?;
            exit = exit.max(tell(&context, "resumed", &reply)?);
        }
        Ok(exit)
    })
}
