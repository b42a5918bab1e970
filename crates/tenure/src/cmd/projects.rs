//! `tenure projects`: where work was done.

use tenure_event::ProjectId;
use tenure_server::clock;

use super::common::{tilde, unique_length};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::table::Table;
use crate::term;
use crate::text::{age, one_line};

/// List projects: directories in which any agent has worked, the latest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let mut page = client.projects().await?;
        if context.json {
            out::json(&page)?;
            return Ok(Exit::Done);
        }
        if page.items.is_empty() {
            out::note("no projects yet; a session or a conversation in a directory makes one");
            return Ok(Exit::Done);
        }
        page.items.sort_by_key(|project| std::cmp::Reverse(project.last_activity));
        let now = clock::now();
        let ids = page.items.iter().map(|project| project.id.as_str());
        let length = unique_length(ids, ProjectId::PREFIX.len() + 8);
        let mut table = Table::new(&["PROJECT", "DIRECTORY", "TITLE", "CONVERSATIONS", "AGENTS", "AGE"]);
        for project in &page.items {
            table.row([
                project.id.as_str().chars().take(length).collect(),
                one_line(&tilde(&project.path), 80),
                one_line(project.title.as_deref().unwrap_or(""), 40),
                project.conversations.to_string(),
                one_line(&project.agents.join(", "), 40),
                project.last_activity.map(|last| age(now.millis_since(last))).unwrap_or_default(),
            ]);
        }
        out::print(&table.render(context.style, term::columns(), &[1, 2, 4]))?;
        Ok(Exit::Done)
    })
}
