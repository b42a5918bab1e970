//! `tenure agents`: which agents there are, and how to get the others.

use tenure_api::AgentEntry;

use super::common::tilde;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::text::one_line;

/// List agents: installed ones, and where the others were looked for and how to get them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let page = client.agents().await?;
        if context.json {
            out::json(&page)?;
            return Ok(Exit::Done);
        }
        let (installed, missing): (Vec<_>, Vec<_>) = page.items.iter().partition(|a| a.installed);
        out::print(&here(context.style, &installed))?;
        if !missing.is_empty() {
            out::print(&format!("\n{}\n", context.style.bold("Not installed")))?;
        }
        for agent in missing {
            out::print(&elsewhere(context.style, agent))?;
        }
        Ok(Exit::Done)
    })
}

fn here(style: Style, agents: &[&AgentEntry]) -> String {
    let mut table = Table::new(&["AGENT", "PROTOCOL", "VERSION", "LOGGED IN", "PROGRAM"]);
    for agent in agents {
        let auth = agent.auth.as_ref();
        let login = match auth.map(|a| a.logged_in.as_str()) {
            Some("yes") => style.green("yes"),
            Some("no") => style.red("no"),
            _ => style.dim("unknown"),
        };
        let source =
            auth.and_then(|a| a.source.as_deref()).map(|s| style.dim(&format!(" ({})", one_line(s, 40))));
        let version = agent.version.as_deref().map_or_else(|| "?".to_owned(), |v| one_line(v, 24));
        let path = agent.path.as_deref().map_or_else(|| "built in".to_owned(), |p| one_line(&tilde(p), 100));
        table.row([
            one_line(&agent.name, 30),
            agent.protocol.clone(),
            version,
            format!("{login}{}", source.unwrap_or_default()),
            path,
        ]);
    }
    let mut text = table.render(style, crate::term::columns(), &[4]);
    for agent in agents {
        let how = agent.auth.as_ref().filter(|a| a.logged_in == "no").and_then(|a| a.how.as_deref());
        if let Some(how) = how {
            text.push_str(&format!("{}: {}\n", agent.name, one_line(how, 300)));
        }
    }
    text
}

fn elsewhere(style: Style, agent: &AgentEntry) -> String {
    let mut text = format!("{}\n", one_line(&agent.name, 30));
    if let Some(how) = &agent.how_to_install {
        text.push_str(&format!("  get it: {}\n", one_line(how, 300)));
    }
    if !agent.looked_in.is_empty() {
        let places: Vec<String> = agent.looked_in.iter().map(|p| one_line(&tilde(p), 100)).collect();
        text.push_str(&format!("  {}\n", style.dim(&format!("looked in: {}", places.join(", ")))));
    }
    text
}
