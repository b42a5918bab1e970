//! `tenure export`: a conversation as a document.

use std::path::PathBuf;

use super::past::find_past;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;

/// Write a session, or any conversation of the past, as one document
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tenure export fix-tests -o fix-tests.md\n  tenure export claude/6f6c7379 --format html -o pump.html"
)]
pub(crate) struct Args {
    /// A session, or AGENT/ID as `tenure history` shows it
    what: String,
    /// In which form
    #[arg(long, default_value = "markdown", value_parser = ["markdown", "jsonl", "acp", "html"])]
    format: String,
    /// Into this file, which must not be there yet, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let text = match context.session(&client, &args.what).await {
            Ok(session) => client.transcript(&session.id, &args.format).await?,
            Err(failure) if failure.exit != Exit::NotFound => return Err(failure),
            Err(_) => {
                let past = find_past(&client, &args.what).await?;
                client.past_transcript(&past.agent, &past.native_id, &args.format).await?
            }
        };
        match &args.output {
            Some(path) => {
                let written = std::fs::File::create_new(path)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, &text));
                written
                    .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", path.display())))?;
            }
            None => out::transcript(&text, &args.format)?,
        }
        Ok(Exit::Done)
    })
}
