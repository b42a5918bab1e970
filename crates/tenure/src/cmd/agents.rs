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
            out::print(&elsewhere(context.style, &missing))?;
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

/// How to get the others. Where they were looked for is mostly the same for all: said once then.
fn elsewhere(style: Style, agents: &[&AgentEntry]) -> String {
    let mut text = format!("\n{}\n", style.bold("Not installed"));
    let mut table = Table::new(&["AGENT", "GET IT WITH"]);
    for agent in agents {
        let how = agent.how_to_install.as_deref().unwrap_or("–");
        table.row([one_line(&agent.name, 30), one_line(how, 200)]);
    }
    text.push_str(&table.render(style, None, &[]));
    let mut told = Vec::new();
    for agent in agents {
        let places = places(&agent.looked_in);
        if !places.is_empty() && !told.contains(&places) {
            let whom =
                if told.is_empty() { String::new() } else { format!(" for {}", one_line(&agent.name, 30)) };
            let line = format!("looked{whom} in {}", places.join(", "));
            text.push_str(&format!("{}\n", style.dim(&line)));
            told.push(places);
        }
    }
    text
}

/// The directories of paths, each once.
fn places(paths: &[String]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for path in paths {
        let dir = path.rsplit_once('/').map_or(path.as_str(), |(dir, _)| dir);
        let dir = one_line(&tilde(dir), 100);
        if !places.contains(&dir) {
            places.push(dir);
        }
    }
    places
}
