//! `tenure todos`: the agent's list of things to do.

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::view::todos_changed;

/// Show the agent's list of things to do
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tenure todos fix-tests\n  tenure todos fix-tests --json | jq '.items[] | select(.status != \"completed\")'\n\n\
                  Agents that keep their list to themselves are named in docs/agents.md; `tenure logs SESSION --types todos.updated -f` follows it."
)]
pub(crate) struct Args {
    /// Which session
    session: String,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let page = client.todos(&id).await?;
        if context.json {
            out::json(&page)?;
        } else if page.items.is_empty() {
            out::note("the agent has told no list");
        } else {
            out::print(&todos_changed(context.style, &[], &page.items))?;
        }
        Ok(Exit::Done)
    })
}
