//! `tenure adopt`: a session that goes on in a conversation of another program.

use tenure_api::{AdoptConversation, InputContent};

use super::common::{read_prompt, whole_path};
use super::fork::{go_on, until};
use super::past::find_past;
use crate::cli::{Context, block_on};
use crate::exit::Outcome;

/// Go on in a conversation that another program began
///
/// With a prompt it is sent, and its turn followed. Refused while another program is at work in the conversation.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tenure adopt claude/6f6c7379 \"Where were we?\"\n\n\
                  What was said before stands in `tenure show SESSION --transcript`.")]
pub(crate) struct Args {
    /// AGENT/ID as `tenure history` shows it
    conversation: String,
    /// What to say first; `-` reads standard input
    #[arg(value_name = "PROMPT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The agent that goes on in it [default: the one of the same name]
    #[arg(short, long)]
    agent: Option<String>,
    /// Work in this directory [default: where the conversation worked]
    #[arg(short = 'C', long = "dir", value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// The model
    #[arg(long)]
    model: Option<String>,
    /// Return at once
    #[arg(short, long)]
    detach: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    let prompt = args.prompt.map(|text| read_prompt(Some(text), "adopt CONVERSATION")).transpose()?;
    let cwd = args.dir.as_deref().map(whole_path).transpose()?;
    block_on(async {
        let client = context.client().await?;
        let past = find_past(&client, &args.conversation).await?;
        let wait = until(prompt.is_some(), args.detach);
        let from_stdin = prompt.as_ref().is_some_and(|prompt| prompt.from_stdin);
        let request = AdoptConversation {
            agent: args.agent,
            cwd,
            title: args.title,
            input: prompt.map(|prompt| InputContent::Plain(prompt.text)),
            model: args.model,
            wait,
            ..AdoptConversation::default()
        };
        let created = client.adopt(&past.agent, &past.native_id, request).await?;
        go_on(&context, client, created, args.detach, "adopted", from_stdin).await
    })
}
