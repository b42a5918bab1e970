//! `tenure asks`: what waits for a person.

use tenure_server::clock;

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::text::ago;
use crate::view::{ask_block, how_to_answer, word};

/// List asks that wait for an answer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only of this session
    session: Option<String>,
    /// Answered, expired and withdrawn ones too
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let page = match &args.session {
            Some(name) => {
                let id = context.session(&client, name).await?.id;
                client.session_asks(&id, args.all).await?
            }
            None => client.asks(args.all).await?,
        };
        if context.json {
            out::json(&page)?;
            return Ok(Exit::Done);
        }
        if page.items.is_empty() {
            out::note("nothing is asked");
        }
        let (style, now) = (context.style, clock::now());
        for ask in &page.items {
            let ago = ago(now.millis_since(ask.opened_at));
            let open = ask.state == tenure_event::AskState::Open;
            let state = match ask.decision {
                _ if open => String::new(),
                Some(decision) => format!(", {}: {}", word(&ask.state), word(&decision)),
                None => format!(", {}", word(&ask.state)),
            };
            let head = format!("{}  {} in {}, {ago}{state}", ask.id, word(&ask.kind), ask.session_id);
            let mut text = format!("{}\n{}", style.dim(&head), ask_block(style, ask, ""));
            if open {
                text.push_str(&format!("  {}\n", style.dim(&how_to_answer(ask))));
            }
            out::print(&format!("{text}\n"))?;
        }
        Ok(Exit::Done)
    })
}
