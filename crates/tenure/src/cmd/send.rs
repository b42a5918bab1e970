//! `tenure send`: another input to a session.

use tenure_api::{InputContent, Receipt, SendInput, SendWait, Session};
use tenure_client::Client;
use tenure_event::Delivery;

use super::common::{exit_of, held, not_served, read_prompt};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::term::Keys;
use crate::watch::{End, Goal, Look, watch};

/// Send an input to a session; a suspended one wakes up
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// What to say; `-`, or nothing with a pipe, reads standard input
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// Into the running turn, where the agent can
    #[arg(long, conflicts_with = "interrupt")]
    steer: bool,
    /// Interrupt the running turn; this goes first
    #[arg(long)]
    interrupt: bool,
    /// Show the turn that serves it, until its end
    #[arg(short, long)]
    wait: bool,
    /// An id of yours: the same id again is the same input
    #[arg(long)]
    id: Option<String>,
    /// Set this model first, and keep it
    #[arg(long)]
    model: Option<String>,
    /// Set this effort first, and keep it
    #[arg(long)]
    effort: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let prompt = read_prompt(args.text, "send SESSION")?;
    block_on(async {
        let client = context.client().await?;
        let session = context.session(&client, &args.session).await?;
        let delivery = match (args.steer, args.interrupt) {
            (true, _) => Delivery::Steer,
            (_, true) => Delivery::Interrupt,
            _ => Delivery::Queue,
        };
        let input = SendInput {
            input: InputContent::Plain(prompt.text),
            id: args.id,
            delivery,
            wait: SendWait::Accepted,
            model: args.model,
            effort: args.effort,
        };
        let receipt = client.send(&session.id, input).await?;
        if !args.wait {
            if context.json {
                out::json(&receipt)?;
            } else {
                let queued = if receipt.turn_id.is_some() {
                    String::new()
                } else {
                    format!(", {} before it", receipt.position)
                };
                let line = format!("{} sent{queued}", receipt.input_id);
                out::print(&format!(
                    "{line} {}\n",
                    context.style.dim(&format!("tenure attach {}", session.id))
                ))?;
            }
            return Ok(Exit::Done);
        }
        let keys = if context.json { None } else { Keys::open(prompt.from_stdin) };
        served(&context, client, &session, receipt, keys).await
    })
}

/// Shows the turn that serves an input, until its end.
pub(super) async fn served(
    context: &Context,
    client: Client,
    session: &Session,
    receipt: Receipt,
    keys: Option<Keys>,
) -> Outcome {
    let after = receipt.seq.0.saturating_sub(1);
    let mut look = Look::new(client.clone(), session.id.clone(), &session.cwd, after, keys);
    look.transcript.know_input(receipt.input_id.clone());
    look.goal = Goal::Input(receipt.input_id);
    look.ctrl_c_interrupts = true;
    look.json = context.json;
    let end = match watch(&mut look).await {
        Err(failure) if failure.is_closed_output() => {
            out::note(&format!("nobody reads the output; it goes on: tenure attach {}", session.id));
            return Err(Failure::new(Exit::OutputClosed, ""));
        }
        end => end?,
    };
    if let End::Cancelled(reason) = &end {
        return Err(not_served(&client, &session.id, "the input", reason).await);
    }
    if end == End::Held {
        return Err(held(&look.session));
    }
    Ok(exit_of(&end, look.transcript.denied))
}
