//! `tenure usage`: tokens and what they cost.

use tenure_api::{UsageItem, UsageReply};
use tenure_client::UsageFilter;

use super::past::{Where, project_id, tell_of_index};
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::term;
use crate::text::{count, dollars, one_line};

/// Count the tokens of every agent on this machine, and what they cost
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A cost with ~ is estimated by a table of prices (its date is printed; [usage.prices] in config.toml \
                        overrides it).\nA price that nobody told is unknown, and so is every sum that it would be part of."
)]
pub(crate) struct Args {
    /// A row for each
    #[arg(long, default_value = "day", value_parser = ["day", "model", "project", "agent", "session"])]
    by: String,
    #[command(flatten)]
    place: Where,
    /// Only of this project: its id or a unique prefix of it, its directory or title
    #[arg(long)]
    project: Option<String>,
    /// Only of this model
    #[arg(long)]
    model: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let project = project_id(&client, args.project.as_deref()).await?;
        let filter = UsageFilter {
            by: Some(args.by.clone()),
            project,
            cwd: args.place.cwd(),
            agent: args.place.agent,
            model: args.model,
            since: args.place.since,
            until: args.place.until,
            utc_offset_minutes: None,
        };
        let reply = client.usage(&filter).await?;
        if context.json {
            out::json(&reply)?;
            return Ok(Exit::Done);
        }
        if reply.items.is_empty() {
            out::note("nothing was used");
        } else {
            out::print(&table(context.style, &args.by, &reply))?;
        }
        tell_of_index(&reply.index);
        Ok(Exit::Done)
    })
}

fn table(style: Style, by: &str, reply: &UsageReply) -> String {
    let head = match by {
        "model" => "MODEL",
        "project" => "PROJECT",
        "agent" => "AGENT",
        "session" => "CONVERSATION",
        _ => "DAY (UTC)",
    };
    let mut table = Table::new(&[head, "CALLS", "IN", "OUT", "CACHE READ", "CACHE WRITE", "COST"]);
    for item in &reply.items {
        let key = item.key.as_deref().map_or_else(|| "–".to_owned(), |key| one_line(key, 60));
        table.row(row(style, key, item));
    }
    table.row(row(style, "all".to_owned(), &reply.total));
    let mut text = table.render(style, term::columns(), &[0]);
    if !reply.total.unpriced_models.is_empty() {
        let models = one_line(&reply.total.unpriced_models.join(", "), 300);
        text.push_str(&style.dim(&format!("price not known: {models}\n")));
    }
    text.push_str(&style.dim(&format!("prices of {}\n", reply.prices_date)));
    text
}

fn row(style: Style, key: String, item: &UsageItem) -> [String; 7] {
    let usage = &item.usage;
    let estimated = usage.cost_basis == tenure_event::CostBasis::Estimated;
    let cost = match usage.cost_usd {
        Some(cost) => format!("{}{}", if estimated { "~" } else { "" }, dollars(cost)),
        None if item.known_cost_usd > 0.0 => style.dim(&format!("> {}", dollars(item.known_cost_usd))),
        None => style.dim("unknown"),
    };
    [
        key,
        item.calls.to_string(),
        count(usage.input_tokens),
        count(usage.output_tokens),
        count(usage.cache_read_tokens),
        count(usage.cache_write_tokens),
        cost,
    ]
}
