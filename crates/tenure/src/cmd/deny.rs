//! `tenure deny`: says no to an ask.

use tenure_api::AnswerAsk;
use tenure_event::Scope;

use super::common::find_ask;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::watch::deny;

/// Deny what an ask asks for; the turn goes on
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its id, or a unique prefix
    ask: String,
    /// Every like ask of this session, too
    #[arg(long)]
    session: bool,
    /// Why: said to the agent
    #[arg(short, long)]
    message: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = find_ask(&client, &args.ask).await?;
        let scope = args.session.then_some(Scope::Session);
        let answered = client.answer(&id, &AnswerAsk { scope, message: args.message, ..deny() }).await?;
        if context.json {
            out::json(&answered)?;
        } else {
            out::print(&format!("denied: {}\n", crate::text::one_line(&answered.ask.title, 200)))?;
        }
        Ok(Exit::Done)
    })
}
