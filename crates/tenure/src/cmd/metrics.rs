//! `tenure metrics`: what a session has done so far, in numbers.

use tenure_api::Metrics;
use tenure_event::CostBasis;

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::one_line;
use crate::view::word;

/// Show a session's counts: messages, turns, tools, tokens, cost, context
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tenure metrics fix-tests\n  tenure metrics fix-tests --json | jq .usage.cost_usd\n\n\
                  A cost that the agent does not tell is unknown, not 0. `tenure usage` counts all sessions, by day, model or project."
)]
pub(crate) struct Args {
    /// Which session
    session: String,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let metrics = client.metrics(&id).await?;
        if context.json {
            out::json(&metrics)?;
        } else {
            out::print(&shown(context.style, &metrics))?;
        }
        Ok(Exit::Done)
    })
}

fn shown(style: Style, m: &Metrics) -> String {
    let u = &m.usage;
    let mut by_tool: Vec<(&String, &u64)> = m.tool_usage.iter().collect();
    by_tool.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let tools: Vec<String> =
        by_tool.iter().take(12).map(|(name, n)| format!("{} {n}", one_line(name, 60))).collect();
    let tools =
        if tools.is_empty() { String::new() } else { style.dim(&format!("  ({})", tools.join(", "))) };
    let cost = match (u.cost_usd, u.cost_basis) {
        (Some(cost), basis) if basis != CostBasis::Unknown => {
            format!("${cost:.4} {}", style.dim(&word(&basis)))
        }
        _ => style.dim("not known"),
    };
    let context = match m.context {
        Some(context) => match context.max {
            Some(max) if max > 0 => {
                format!("{} of {max} tokens ({}%)", context.used, context.used * 100 / max)
            }
            _ => format!("{} tokens", context.used),
        },
        None => style.dim("not told"),
    };
    format!(
        "turns     {}\nmessages  {} {}\ntools     {}{tools}\ntokens    {} in, {} out, {} cache read, {} cache written\n\
         cost      {cost}\ncontext   {context}\n",
        m.turns,
        m.messages,
        style.dim(&format!("({} by the agent)", m.steps)),
        m.tool_calls,
        u.input_tokens,
        u.output_tokens,
        u.cache_read_tokens,
        u.cache_write_tokens,
    )
}
