//! `tenure logs`: a session's events, or the lines that its agent wrote.

use tenure_api::ErrorCode;
use tenure_client::{Client, FollowOptions, Followed};
use tenure_event::{Kind, Message, SessionId};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::view::{event_line, message_line};

use super::past::find_past;

const PAGE: u32 = 500;
/// Messages that are shown around one.
const AROUND: u32 = 20;

/// Print a session's events, one per line; of a conversation of another tool its messages
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A session, or AGENT/ID as `tenure history` shows it
    session: String,
    /// Go on with what comes; Ctrl-C leaves
    #[arg(short, long)]
    follow: bool,
    /// Begin after this event
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Only these, for example turn.*,ask.opened
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    types: Vec<String>,
    /// With --follow and --json: ephemeral events (text as it is written) too
    #[arg(long, requires = "follow")]
    deltas: bool,
    /// The lines that the agent wrote itself, the last 16 MB; --after is then an offset
    #[arg(long, conflicts_with_all = ["follow", "types"])]
    raw: bool,
    /// Of a conversation: what was said around this message, which `tenure search --json` names
    #[arg(long, value_name = "MESSAGE", conflicts_with_all = ["follow", "types", "raw"])]
    around: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        known_types(&args.types, &client.daemon_version())?;
        if let Some(message) = &args.around {
            return around(&context, &client, &args.session, message).await;
        }
        let id = match context.session(&client, &args.session).await {
            Err(failure) if failure.exit == Exit::NotFound => return past(&context, &client, &args).await,
            session => session?.id,
        };
        if args.raw {
            raw(&context, &client, &id, args.after).await
        } else if args.follow {
            follow(&context, &client, &id, args).await
        } else {
            pages(&context, &client, &id, &args).await
        }
    })
}

/// Refuses kinds of events that there are not; a daemon of another version may know more of them.
fn known_types(types: &[String], daemon: &str) -> Result<(), Failure> {
    let known = |wanted: &str| match wanted.strip_suffix('*') {
        Some(begin) if begin.ends_with('.') => kinds().any(|kind| kind.starts_with(begin)),
        _ => kinds().any(|kind| kind == wanted),
    };
    let Some(unknown) = types.iter().find(|wanted| !known(wanted)) else { return Ok(()) };
    let group = unknown.split_once('.').map_or(unknown.as_str(), |(group, _)| group);
    let near: Vec<&str> = kinds().filter(|kind| kind.split('.').next() == Some(group)).collect();
    let hint = if near.is_empty() {
        "kinds are called as turn.started, and turn.* is all that begin so".to_owned()
    } else {
        format!("there are {}", near.join(", "))
    };
    let what = format!("no kind of event is called `{unknown}`; {hint}");
    if daemon == env!("CARGO_PKG_VERSION") {
        return Err(Failure::usage(what));
    }
    out::note(&format!("note: {what}, as far as this version knows"));
    Ok(())
}

/// Every kind that can be asked for, also of events without a number.
fn kinds() -> impl Iterator<Item = &'static str> {
    Kind::NAMES.iter().copied().chain(["message.delta", "tool.progressed", "task.progressed"])
}

async fn pages(context: &Context, client: &Client, id: &SessionId, args: &Args) -> Outcome {
    let mut after = args.after;
    loop {
        let (events, next) = client.events(id, after, PAGE, &args.types).await?;
        let text: String = events.iter().map(|e| line(context, &e.event, &e.json)).collect();
        out::print(&text)?;
        match next {
            Some(next) if next > after => after = next,
            _ => return Ok(Exit::Done),
        }
    }
}

/// What was said around a message, of a session or a conversation.
async fn around(context: &Context, client: &Client, name: &str, message: &str) -> Outcome {
    let past = find_past(client, name).await?;
    let (agent, id) = (&past.agent, &past.native_id);
    let said = client.past_messages_around(agent, id, message, None, Some(AROUND)).await;
    let page = match said {
        // It may have been taken back, or be before a compaction.
        Err(error) if error.code() == Some(ErrorCode::NotFound) => {
            client.past_messages_around(agent, id, message, Some("all"), Some(AROUND)).await?
        }
        said => said?,
    };
    page.items.iter().try_for_each(|message| print(context, message))?;
    Ok(Exit::Done)
}

fn print(context: &Context, message: &Message) -> Result<(), Failure> {
    if context.json {
        out::json(message)?
    } else {
        out::print(&message_line(context.style, message))?
    }
    Ok(())
}

/// Messages of a conversation that is no session here.
async fn past(context: &Context, client: &Client, args: &Args) -> Outcome {
    let past = find_past(client, &args.session).await?;
    if args.follow || args.raw || args.after > 0 || !args.types.is_empty() {
        let what = "a conversation of another tool has messages and no events: no --follow, --raw, --after and --types; \
                    `tenure adopt` makes a session of it";
        return Err(Failure::usage(what));
    }
    let mut cursor = None;
    loop {
        let page = client
            .past_messages(&past.agent, &past.native_id, None, None, cursor.as_deref(), Some(PAGE))
            .await?;
        page.items.iter().try_for_each(|message| print(context, message))?;
        match page.next {
            Some(next) if !page.items.is_empty() => cursor = Some(next),
            _ => return Ok(Exit::Done),
        }
    }
}

fn line(context: &Context, event: &tenure_event::Event, json: &str) -> String {
    if context.json { out::json_line(json) } else { event_line(context.style, event) }
}

async fn follow(context: &Context, client: &Client, id: &SessionId, args: Args) -> Outcome {
    let deltas = args.deltas && context.json;
    let options = FollowOptions { after: args.after, types: args.types, deltas, ..FollowOptions::default() };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut follow = client.follow(id, options);
    loop {
        let item = tokio::select! {
            item = follow.next() => item,
            _ = interrupt.recv() => return Ok(Exit::Done),
        };
        match item {
            None => return Ok(Exit::Done),
            Some(Err(error)) => return Err(Failure::from(error)),
            Some(Ok(Followed::Event(e))) => out::print(&line(context, &e.event, &e.json))?,
            Some(Ok(Followed::Ephemeral(e))) => out::json(&e)?,
            Some(Ok(Followed::Gap { from, to })) => {
                out::note(&format!("events {from} to {to} were removed by retention"));
            }
            Some(Ok(Followed::Lost { .. })) => out::note("the daemon is gone; looking for it"),
            Some(Ok(Followed::Back)) => out::note("the daemon is back; nothing was lost"),
        }
    }
}

async fn raw(context: &Context, client: &Client, id: &SessionId, mut after: u64) -> Outcome {
    let (mut first, mut generation) = (true, None);
    loop {
        let from = if first { Some(after).filter(|a| *a > 0) } else { Some(after) };
        let page = client.raw(id, from, generation).await?;
        generation = Some(page.generation);
        for item in &page.items {
            if context.json {
                out::json(item)?;
            } else {
                let text = item.line.clone().or_else(|| item.base64.as_ref().map(|b| format!("base64:{b}")));
                out::print(&format!("{}\n", crate::text::clean(&text.unwrap_or_default())))?;
            }
        }
        match page.items.last() {
            Some(last) if first || last.offset > after => after = last.offset,
            _ => return Ok(Exit::Done),
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_name_and_a_newer_daemon_may_know_more() {
        let ours = env!("CARGO_PKG_VERSION");
        let told = |wanted: &str, daemon| known_types(&[wanted.to_owned()], daemon).map_err(|f| f.message);
        for known in ["turn.completed", "turn.*", "session.*", "message.delta"] {
            assert_eq!(told(known, ours), Ok(()), "{known}");
        }
        let typo = told("turn.completd", ours).unwrap_err();
        assert!(typo.contains("`turn.completd`") && typo.contains("turn.completed"), "{typo}");
        assert!(told("trun.*", ours).is_err_and(|why| why.contains("turn.*")));
        assert_eq!(told("turn.completd", "99.0.0"), Ok(()));
    }
}
