//! `tenure history`: every conversation on this machine.

use tenure_api::{History, IndexState};
use tenure_client::HistoryFilter;
use tenure_server::clock;

use super::common::tilde;
use super::past::{Where, newest, project_id, short_name, tell_of_index};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::term;
use crate::text::{age, one_line};

/// List conversations of every agent on this machine, Tenure's own and others, the newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tenure history -C . --since 2026-11-01\n  tenure show claude/6f6c7379\n\
                        Nothing of it is changed, and no agent runs for it."
)]
pub(crate) struct Args {
    /// Only of this project: its id or a unique prefix of it, its directory or title
    project: Option<String>,
    #[command(flatten)]
    place: Where,
    /// With --dir: not in other worktrees of its repository
    #[arg(long, requires = "dir")]
    no_worktrees: bool,
    /// Only last on this branch
    #[arg(long)]
    branch: Option<String>,
    /// Only where a title or the first input contains this
    #[arg(short, long, value_name = "TEXT")]
    query: Option<String>,
    /// Those that were put away, too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Show how far the index is, and what could not be read
    #[arg(long, conflicts_with_all = ["project", "rebuild"])]
    index: bool,
    /// Read everything again
    #[arg(long, conflicts_with = "project")]
    rebuild: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        if args.index || args.rebuild {
            let state = if args.rebuild { client.index_rebuild().await? } else { client.index().await? };
            if context.json {
                out::json(&state)?;
            } else {
                out::print(&index(context.style, &state))?;
            }
            return Ok(Exit::Done);
        }
        let project = project_id(&client, args.project.as_deref()).await?;
        let filter = HistoryFilter {
            project,
            cwd: args.place.cwd(),
            include_worktrees: args.no_worktrees.then_some(false),
            agent: args.place.agent,
            branch: args.branch,
            q: args.query,
            since: args.place.since,
            until: args.place.until,
            archived: args.all.then(|| "any".into()),
            limit: Some(args.limit),
            ..HistoryFilter::default()
        };
        let page = newest(&client, filter).await?;
        if context.json {
            out::json(&page)?;
            return Ok(Exit::Done);
        }
        if page.items.is_empty() {
            out::note("no conversations");
        } else {
            out::print(&table(context.style, &page.items))?;
        }
        if page.next.is_some() {
            out::note(&format!("the newest {}; -n N shows more", page.items.len()));
        }
        tell_of_index(&client.index().await?);
        Ok(Exit::Done)
    })
}

fn table(style: Style, entries: &[History]) -> String {
    let now = clock::now();
    let mut table = Table::new(&["CONVERSATION", "TITLE", "DIRECTORY", "BRANCH", "AGE"]);
    for entry in entries {
        table.row([
            short_name(&entry.agent, &entry.native_id),
            one_line(entry.title.as_deref().unwrap_or("–"), 60),
            one_line(&tilde(entry.cwd.as_deref().unwrap_or("–")), 60),
            one_line(entry.git_branch.as_deref().unwrap_or(""), 24),
            age(now.millis_since(entry.updated_at)),
        ]);
    }
    table.render(style, term::columns(), &[1, 2, 3])
}

fn index(style: Style, state: &IndexState) -> String {
    let word = match state {
        IndexState { enabled: false, .. } => "off",
        IndexState { busy: true, .. } => "reading",
        IndexState { pending: true, .. } => "pending (something changed that is not read yet)",
        _ => "up to date",
    };
    let mut text = format!("{word}: {} of {} conversations are read\n", state.read, state.conversations);
    for warning in &state.warnings {
        let place = warning.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
        let line = format!("{}{place}: {}", tilde(&warning.path), warning.detail);
        text.push_str(&format!("{} {}\n", style.yellow(&warning.kind), one_line(&line, 400)));
    }
    text
}
