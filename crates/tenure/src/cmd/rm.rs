//! `tenure rm`: destroys sessions.

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};

/// Destroy a session: its process and its data, never a directory that Tenure did not make
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    #[arg(value_name = "SESSION", required = true)]
    sessions: Vec<String>,
    /// Keep its events, so that it can still be read
    #[arg(long)]
    keep_transcript: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let mut exit = Exit::Done;
        for name in &args.sessions {
            let id = context.session(&client, name).await?.id;
            let reply = client.destroy(&id, args.keep_transcript).await?;
            exit = exit.max(tell(&context, "destroyed", &reply)?);
        }
        Ok(exit)
    })
}
