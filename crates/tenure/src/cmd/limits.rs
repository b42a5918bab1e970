//! The options for limits and restarts that `run` and `config` share, and how limits are shown.

use tenure_api::{CrashPolicy, Limits, LimitsPatch, LimitsView, RestartPolicy};

use crate::style::Style;

/// Limits of a session. 0 takes one away.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Limits (0 is none; what reaches one pauses and keeps its queue)")]
pub(crate) struct LimitArgs {
    /// Turns that the session may have
    #[arg(long, value_name = "TURNS")]
    max_turns: Option<u64>,
    /// What it may cost
    #[arg(long, value_name = "USD", value_parser = dollars)]
    max_cost: Option<f64>,
    /// How long one turn may take
    #[arg(long, value_name = "SECONDS")]
    max_time: Option<u64>,
    /// How much memory all its processes may use together
    #[arg(long, value_name = "MB")]
    max_memory: Option<u64>,
    /// Suspend it when it has been idle for so long [default: 1800]
    #[arg(long, value_name = "SECONDS")]
    idle: Option<u64>,
    /// Start an agent that ends by itself again: never, on-crash, or on-crash:TIMES/SECONDS
    #[arg(long, value_name = "POLICY", value_parser = restart)]
    pub(super) restart: Option<RestartPolicy>,
}

fn dollars(text: &str) -> Result<f64, String> {
    let usd = text
        .strip_prefix('$')
        .unwrap_or(text)
        .parse::<f64>()
        .ok()
        .filter(|usd| usd.is_finite() && *usd >= 0.0);
    usd.ok_or_else(|| "give US dollars, for example 2.50".to_owned())
}

fn restart(text: &str) -> Result<RestartPolicy, String> {
    let wrong = || "give never, on-crash or on-crash:TIMES/SECONDS, for example on-crash:5/3600".to_owned();
    match text.replace('_', "-").split_once(':') {
        None if text == "never" => Ok(RestartPolicy::Never),
        None if text.replace('_', "-") == "on-crash" => Ok(RestartPolicy::on_crash()),
        Some(("on-crash", often)) => {
            let (max, seconds) = often.split_once('/').ok_or_else(wrong)?;
            let max = max.parse().map_err(|_| wrong())?;
            let seconds = seconds.parse().map_err(|_| wrong())?;
            Ok(RestartPolicy::OnCrash(CrashPolicy { max, seconds }))
        }
        _ => Err(wrong()),
    }
}

impl LimitArgs {
    pub(super) fn patch(&self) -> LimitsPatch {
        LimitsPatch {
            turns: self.max_turns,
            cost_usd: self.max_cost,
            turn_seconds: self.max_time,
            memory_mb: self.max_memory,
            idle_seconds: self.idle,
        }
    }

    pub(super) fn at_create(&self) -> Limits {
        let LimitsPatch { turns, cost_usd, turn_seconds, memory_mb, idle_seconds } = self.patch();
        Limits { turns, cost_usd, turn_seconds, memory_mb, idle_seconds }
    }
}

/// One line per limit that is set; those that nobody set are not shown.
pub(super) fn shown(style: Style, limits: &LimitsView) -> String {
    let mut lines = Vec::new();
    if let Some(turns) = limits.turns {
        lines.push(("turns", format!("{} of {turns} turns", limits.turns_used.min(turns))));
    }
    if let Some(usd) = limits.cost_usd {
        let more = if limits.cost_incomplete { " and more that was not told" } else { "" };
        lines.push(("budget", format!("${:.4} of ${usd}{more}", limits.cost_used_usd)));
    }
    if let Some(seconds) = limits.turn_seconds {
        lines.push(("time", format!("{seconds} s a turn")));
    }
    if let Some(mb) = limits.memory_mb {
        lines.push(("memory", format!("{mb} MB")));
    }
    let idle = limits.idle_seconds.map_or("never suspended".to_owned(), |s| format!("suspended after {s} s"));
    lines.push(("idle", idle));
    let reached = |kind: &str| limits.reached.as_deref() == Some(kind);
    let line = |(kind, text): (&str, String)| {
        let mark = if reached(kind) { format!(" {}", style.yellow("reached")) } else { String::new() };
        let name = if kind == "idle" { "idle    " } else { "limit   " };
        format!("{name}{text}{mark}\n")
    };
    lines.into_iter().map(line).collect()
}

/// A restart policy in a few words.
pub(super) fn restart_shown(restart: RestartPolicy) -> String {
    match restart {
        RestartPolicy::Never => "never".to_owned(),
        RestartPolicy::OnCrash(policy) => {
            format!("on a crash, at most {} times in {} s", policy.max, policy.seconds)
        }
    }
}
