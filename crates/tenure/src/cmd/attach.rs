//! `tenure attach`: looks on while a session works, and takes part in it.

use tenure_api::Session;
use tenure_client::Client;

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::term::{self, Keys, LineEdit};
use crate::view::{Transcript, ask_block};
use crate::watch::{End, Look, watch};

/// Events that are looked through for the last screenful.
const LOOK_BACK: u64 = 400;
const PAGE: u32 = 1000;
const LINES_WITHOUT_TERMINAL: usize = 40;

/// Follow a session in the terminal: see it work, answer its asks, write to it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Show everything from this event on, instead of the last screenful
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// With --json: ephemeral events (text as it is written) too
    #[arg(long, requires = "json")]
    deltas: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let session = context.session(&client, &args.session).await?;
        let keys = if context.json { None } else { Keys::open(false) };
        let person = keys.is_some();
        let mut look = Look::new(client.clone(), session.id.clone(), &session.cwd, 0, keys);
        look.json = context.json;
        look.deltas = args.deltas;
        look.line = person.then(LineEdit::default);
        match (args.from, context.json) {
            (Some(from), _) => look.after = from.saturating_sub(1),
            (None, true) => look.after = session.last_seq.0.saturating_sub(LOOK_BACK),
            (None, false) => {
                look.transcript.set_columns(term::columns());
                let (text, after) = last_screenful(&client, &session, &mut look.transcript).await?;
                look.after = after;
                look.screen.print(&text)?;
                join(&mut look, &session, &text)?;
            }
        }
        let end = watch(&mut look).await?;
        if end == End::Left && person {
            let line = format!("left; it goes on: tenure attach {}", session.id);
            crate::out::print(&format!("{}\n", look.style.dim(&line)))?;
        }
        Ok(Exit::Done)
    })
}

/// The end of the conversation as it was seen, and its last event.
async fn last_screenful(
    client: &Client,
    session: &Session,
    transcript: &mut Transcript,
) -> Result<(String, u64), Failure> {
    let mut after = session.last_seq.0.saturating_sub(LOOK_BACK);
    let mut text = String::new();
    loop {
        let (events, next) = client.events(&session.id, after, PAGE, &[]).await?;
        for followed in &events {
            text.push_str(&transcript.event(&followed.event));
            after = followed.event.seq.0;
        }
        match next {
            Some(next) if next > after => after = next,
            Some(_) if !events.is_empty() => {}
            _ => break,
        }
    }
    let rows = term::size().map_or(LINES_WITHOUT_TERMINAL, |(_, rows)| rows.saturating_sub(5).max(5));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let tail = lines[lines.len().saturating_sub(rows)..].concat();
    Ok((tail.trim_start_matches('\n').to_owned(), after))
}

/// What the session does now, and what it asks, if that scrolled away.
fn join(look: &mut Look, session: &Session, shown: &str) -> Result<(), Failure> {
    look.transcript.join(&session.axes, session.queue.len());
    for ask in &session.pending_asks {
        let block = ask_block(look.style, ask, &session.cwd);
        if !shown.contains(block.trim_end()) {
            look.screen.print(&block)?;
        }
        look.desk.opened(ask.clone());
    }
    Ok(())
}
