//! `tenure search`: words in everything that was said.

use tenure_api::SearchHit;
use tenure_client::SearchFilter;
use tenure_server::clock;

use super::common::{more, tilde};
use super::past::{Where, project_id, short_name, tell_of_index};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::{age, clean, one_line};

/// Find words in everything that was said to or by any agent on this machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Words: one two \"a phrase\" begin* -without; all positive ones in one message. A word with - goes behind --.\n\
                  Examples:\n  tenure search race condition --role assistant\n  tenure search --since 2026-11-01 -- pump -valve\n  tenure search --tool Edit --file src/main.rs\n\
                  Exit code 1: nothing was found."
)]
pub(crate) struct Args {
    /// What to find
    words: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// Only of this project: its id or a unique prefix of it, its directory or title
    #[arg(long)]
    project: Option<String>,
    /// Only said by: user, assistant, system, tool (what a tool gave)
    #[arg(long, value_name = "WORD,…")]
    role: Option<String>,
    /// Only calls of these tools
    #[arg(long, value_name = "NAME,…")]
    tool: Option<String>,
    /// Only calls that touched such a file
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
    /// The best first, not the newest
    #[arg(long)]
    rank: bool,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let project = project_id(&client, args.project.as_deref()).await?;
        let filter = SearchFilter {
            q: (!args.words.is_empty())
                .then(|| args.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
            role: args.role,
            tool: args.tool,
            file: args.file,
            project,
            cwd: args.place.cwd(),
            agent: args.place.agent,
            since: args.place.since,
            until: args.place.until,
            order: args.rank.then(|| "rank".into()),
            limit: Some(args.limit),
            ..SearchFilter::default()
        };
        let reply = client.search(&filter).await?;
        if context.json {
            out::json(&reply)?;
        } else {
            let hits: String = reply.items.iter().map(|hit| shown(context.style, hit)).collect();
            out::print(&hits)?;
            if reply.items.is_empty() {
                out::note("nothing was found");
            } else if reply.next.is_some() {
                out::note(&more("the first", reply.items.len(), args.limit));
            }
            tell_of_index(&reply.index);
        }
        Ok(if reply.items.is_empty() { Exit::Failed } else { Exit::Done })
    })
}

/// An argument with spaces in it was a phrase in the shell, and is one here.
fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) && !word.contains('"') {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

fn shown(style: Style, hit: &SearchHit) -> String {
    let of = &hit.conversation;
    let title = of.title.as_deref().unwrap_or("–");
    format!(
        "{} {} {}\n  {} {}\n",
        style.cyan(&short_name(&of.agent, &of.native_id)),
        style.bold(&one_line(title, 60)),
        style.dim(&format!(
            "{} · {}",
            one_line(&tilde(of.cwd.as_deref().unwrap_or("–")), 60),
            age(clock::now().millis_since(hit.ts))
        )),
        style.dim(&format!("{}:", hit.role)),
        marked(style, hit),
    )
}

/// The snippet with the found words in colour.
fn marked(style: Style, hit: &SearchHit) -> String {
    let characters: Vec<char> = hit.snippet.chars().collect();
    let part = |from: usize, to: usize| -> String {
        let to = to.min(characters.len());
        clean(&characters[from.min(to)..to].iter().collect::<String>())
    };
    let (mut text, mut at) = (String::new(), 0);
    for mark in &hit.marks {
        let end = mark.start.saturating_add(mark.length);
        text.push_str(&part(at, mark.start));
        text.push_str(&style.yellow(&part(mark.start, end)));
        at = end;
    }
    text.push_str(&part(at, characters.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_with_spaces_is_a_phrase() {
        assert_eq!(quoted("race condition"), "\"race condition\"");
        assert_eq!(quoted("race*"), "race*");
        assert_eq!(quoted("\"a b\" c"), "\"a b\" c");
    }
}
