//! `tenure commands`: what the agent itself offers as commands, and running one of them.

use serde_json::Value;
use tenure_api::RunCommand;

use super::send::served;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::table::Table;
use crate::term::Keys;
use crate::text::one_line;

const EXAMPLES: &str = "Examples:
  tenure commands fix-tests                          what the agent offers
  tenure commands fix-tests review \"the last commit\"  run one, and show its turn
  tenure commands fix-tests deploy '{\"to\": \"test\"}'   arguments by name, where it declares them

A command is an input: it waits its turn, and `tenure attach` shows it.";

/// List the commands of a session's agent, or run one of them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which session
    session: String,
    /// The command to run; without one they are listed
    name: Option<String>,
    /// Its arguments: a text, or a JSON object of those that it declares
    #[arg(value_name = "ARGS", allow_hyphen_values = true)]
    args: Option<String>,
    /// Set this model first, and keep it
    #[arg(long, requires = "name")]
    model: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let session = context.session(&client, &args.session).await?;
        let Some(name) = args.name else {
            let known = client.capabilities(&session.id).await?;
            let known = known.ok_or_else(|| {
                Failure::failed("the agent has not told its commands yet: `tenure resume` starts it")
            })?;
            if context.json {
                out::json(&known.commands)?;
            } else if known.commands.is_empty() {
                out::note("the agent offers no commands");
            } else {
                let mut table = Table::new(&["COMMAND", "ARGUMENTS", "WHAT"]);
                for command in &known.commands {
                    let hint = command.argument_hint.as_deref().unwrap_or_default();
                    table.row([
                        one_line(&command.name, 60),
                        one_line(hint, 60),
                        one_line(&command.description, 400),
                    ]);
                }
                out::print(&table.render(context.style, crate::term::columns(), &[2]))?;
            }
            return Ok(Exit::Done);
        };
        let words = args.args.map(|text| by_name(&text).unwrap_or(Value::String(text)));
        let how =
            RunCommand { args: words, id: None, wait: tenure_api::SendWait::Accepted, model: args.model };
        let receipt = client.start_command(&session.id, &name, how).await?;
        let keys = if context.json { None } else { Keys::open(false) };
        served(&context, client, &session, receipt, keys).await
    })
}

/// An object, if that is what the text is.
fn by_name(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}
