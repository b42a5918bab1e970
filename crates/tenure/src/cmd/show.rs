//! `tenure show`: one session, or its transcript.

use std::fmt::Write as _;

use tenure_api::{History, Session};
use tenure_client::Client;
use tenure_event::Timestamp;
use tenure_server::clock;

use super::common::{state_word, tilde};
use super::past::find_past;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::{ago, bytes, count, dollars, duration, one_line};
use crate::view::{ask_block, how_to_answer, word};

/// Show a session or a conversation of the past, or its whole transcript
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A session, or AGENT/ID as `tenure history` shows it
    session: String,
    /// Print the conversation: markdown (the default), jsonl, acp or html
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "markdown",
          value_parser = ["markdown", "jsonl", "acp", "html"])]
    transcript: Option<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let session = match context.session(&client, &args.session).await {
            Err(failure) if failure.exit == Exit::NotFound => return past(&args, &context, &client).await,
            session => session?,
        };
        if let Some(format) = args.transcript {
            let format = if context.json && format == "markdown" { "jsonl" } else { format.as_str() };
            let mut text = client.transcript(&session.id, format).await?;
            if format == "markdown" {
                text = crate::text::clean(&String::from_utf8_lossy(&text)).into_bytes();
            }
            out::transcript(&text, format)?;
        } else if context.json {
            out::json(&session)?;
        } else {
            out::print(&card(context.style, &session))?;
        }
        Ok(Exit::Done)
    })
}

/// A conversation that is no session here.
async fn past(args: &Args, context: &Context, client: &Client) -> Outcome {
    let past = find_past(client, &args.session).await?;
    if let Some(format) = &args.transcript {
        let format = if context.json && format == "markdown" { "jsonl" } else { format.as_str() };
        let mut text = client.past_transcript(&past.agent, &past.native_id, format).await?;
        if format == "markdown" {
            text = crate::text::clean(&String::from_utf8_lossy(&text)).into_bytes();
        }
        out::transcript(&text, format)?;
    } else if context.json {
        out::json(&past)?;
    } else {
        out::print(&past_card(context.style, &past))?;
    }
    Ok(Exit::Done)
}

/// A time, and how long ago that is.
fn at(ts: Timestamp) -> String {
    format!("{ts} ({})", ago(clock::now().millis_since(ts)))
}

fn past_card(style: Style, past: &History) -> String {
    let text = |value: &Option<String>| value.as_deref().map(|v| one_line(v, 200)).unwrap_or_default();
    let lines = [
        ("conversation", format!("{}/{}", past.agent, past.native_id)),
        ("session", past.session_id.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("title", text(&past.title)),
        ("directory", one_line(&tilde(past.cwd.as_deref().unwrap_or_default()), 200)),
        ("branch", text(&past.git_branch)),
        ("model", text(&past.model)),
        ("tags", one_line(&past.tags.join(", "), 200)),
        ("forked from", text(&past.forked_from)),
        ("created", past.created_at.map(at).unwrap_or_default()),
        ("updated", at(past.updated_at)),
        ("size", bytes(past.size_bytes)),
        ("first input", text(&past.first_input)),
    ];
    let shown = lines.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("{}{value}\n", style.dim(&format!("{name:<13}")))).collect()
}

fn card(style: Style, session: &Session) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "{}{value}", style.dim(&format!("{name:<12}")));
        }
    };
    let text = |value: &Option<String>| value.as_deref().map(|v| one_line(v, 200)).unwrap_or_default();
    line("id", session.id.to_string());
    line("title", text(&session.title));
    line("state", state(style, session));
    line("agent", agent(session));
    line("model", model(session));
    line("mode", text(&session.mode));
    line("effort", text(&session.effort));
    line("directory", one_line(&tilde(&session.cwd), 200));
    line("native id", text(&session.native_id));
    line("tags", one_line(&session.tags.join(", "), 200));
    line("created", at(session.created_at));
    line("updated", at(session.updated_at));
    line("events", session.last_seq.to_string());
    line("usage", usage(session));
    if let Some(p) = &session.process {
        let memory = p.memory_mb.map(|mb| format!(", {}", bytes((mb * 1e6) as u64))).unwrap_or_default();
        line("process", format!("pid {}{memory}, for {}", p.pid, duration(p.runtime_seconds * 1000)));
    }
    line("first input", text(&session.first_input));
    line("draft", text(&session.draft));
    for input in &session.queue {
        line("queued", format!("{}  {}", input.input_id, one_line(&input.text, 120)));
    }
    for ask in &session.pending_asks {
        let _ = write!(out, "\n{}", ask_block(style, ask, &session.cwd));
        let _ = writeln!(out, "  {}", style.dim(&how_to_answer(ask)));
    }
    out
}

fn state(style: Style, session: &Session) -> String {
    let axes = &session.axes;
    let mut words = vec![state_word(style, session)];
    if let Some(limit) = &session.limit_reached {
        words.push(format!("its limit of {limit} is reached (`tenure config` raises it)"));
    }
    if let Some(outcome) = axes.last_outcome {
        words.push(format!("last turn {}", outcome.as_str()));
    }
    if axes.archived {
        words.push("archived".into());
    }
    if axes.health.state != tenure_event::HealthState::Healthy {
        let why = axes.health.why.map(|why| format!(" ({})", word(&why))).unwrap_or_default();
        words.push(format!("{}{why}", word(&axes.health.state)));
    }
    if axes.tasks_running > 0 {
        words.push(crate::text::plural(axes.tasks_running as usize, "task"));
    }
    words.join(", ")
}

fn agent(session: &Session) -> String {
    let info = session.agent_info.as_ref().map(|info| {
        let version = info.version.as_deref().map(|v| format!(" {v}")).unwrap_or_default();
        let protocol = info.protocol.as_deref().map(|p| format!(", {p}")).unwrap_or_default();
        format!(" ({}{version}{protocol})", info.name)
    });
    one_line(&format!("{}{}", session.agent, info.unwrap_or_default()), 200)
}

fn model(session: &Session) -> String {
    let text = match (&session.model, &session.model_effective) {
        (Some(asked), Some(got)) if asked != got => format!("{asked} (really {got})"),
        (asked, got) => asked.clone().or_else(|| got.clone()).unwrap_or_default(),
    };
    one_line(&text, 100)
}

fn usage(session: &Session) -> String {
    let u = &session.usage;
    let input = u.input_tokens + u.cache_read_tokens + u.cache_write_tokens;
    if input + u.output_tokens == 0 {
        return String::new();
    }
    let cost = u.cost_usd.map(|c| format!(", {}", dollars(c))).unwrap_or_default();
    format!("{} tokens in, {} out{cost}", count(input), count(u.output_tokens))
}
