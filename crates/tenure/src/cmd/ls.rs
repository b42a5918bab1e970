//! `tenure ls`: sessions as a table.

use tenure_api::Session;
use tenure_client::{Client, SessionFilter};
use tenure_event::SessionId;
use tenure_server::clock;

use super::common::{more, state_word, tilde, unique_length};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::term;
use crate::text::{age, one_line};

/// Sessions that are asked for at once.
const PAGE: u32 = 1000;

/// List sessions, the newest activity first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Archived ones too
    #[arg(long)]
    all: bool,
    /// Only live ones
    #[arg(long, conflicts_with = "lifecycle")]
    live: bool,
    /// Only these lifecycles: creating, live, suspended, closed, destroyed, failed
    #[arg(long, value_name = "WORD,…")]
    lifecycle: Option<String>,
    /// Only of this agent
    #[arg(short, long)]
    agent: Option<String>,
    /// Only in this directory
    #[arg(short = 'C', long = "dir", value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
    /// Only with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only where title or id contains this
    #[arg(short, long, value_name = "TEXT")]
    query: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let narrowed = args.live
            || args.dir.is_some()
            || [&args.lifecycle, &args.agent, &args.tag, &args.query].into_iter().any(Option::is_some);
        let dir = args.dir.map(|dir| std::path::absolute(&dir).unwrap_or(dir));
        let filter = SessionFilter {
            lifecycle: if args.live { Some("live".into()) } else { args.lifecycle },
            agent: args.agent,
            cwd: dir.map(|dir| dir.to_string_lossy().into_owned()),
            tag: args.tag,
            archived: args.all.then(|| "any".into()),
            q: args.query,
            limit: Some(args.limit),
            ..SessionFilter::default()
        };
        let page = client.sessions(&filter).await?;
        if context.json {
            out::json(&page)?;
        } else if page.items.is_empty() && narrowed {
            out::note("no session matches; `tenure ls` lists them (archived ones with --all)");
        } else if page.items.is_empty() {
            out::note("no sessions; `tenure run \"PROMPT\"` starts one");
        } else {
            let length = id_length(&client).await?;
            out::print(&table(context.style, &page.items, length))?;
            if page.next.is_some() {
                out::note(&more("the newest", page.items.len(), args.limit));
            }
        }
        Ok(Exit::Done)
    })
}

/// As much of an id as names one session among all there are, also among those that are not shown.
async fn id_length(client: &Client) -> Result<usize, Failure> {
    let mut ids = Vec::new();
    let mut filter =
        SessionFilter { archived: Some("any".into()), limit: Some(PAGE), ..SessionFilter::default() };
    loop {
        let page = client.sessions(&filter).await?;
        ids.extend(page.items.into_iter().map(|session| session.id));
        if page.next.is_none() {
            return Ok(unique_length(ids.iter().map(SessionId::as_str), SessionId::PREFIX.len() + 8));
        }
        filter.cursor = page.next;
    }
}

fn table(style: Style, sessions: &[Session], length: usize) -> String {
    let now = clock::now();
    let mut table = Table::new(&["ID", "STATE", "AGENT", "TITLE", "DIRECTORY", "AGE", "ASKS"]);
    for session in sessions {
        let title = session.title.as_deref().or(session.first_input.as_deref()).or(session.draft.as_deref());
        let asks = session.pending_asks.len();
        table.row([
            session.id.as_str().chars().take(length).collect(),
            state_word(style, session),
            one_line(&session.agent, 20),
            one_line(title.unwrap_or("–"), 48),
            one_line(&tilde(&session.cwd), 60),
            age(now.millis_since(session.updated_at)),
            if asks == 0 { String::new() } else { style.ask(&asks.to_string()) },
        ]);
    }
    table.render(style, term::columns(), &[3, 4])
}
