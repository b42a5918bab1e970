//! `cargo xtask bench compare`: this project's daemon and another server, run for run in turn, with the same agent,
//! the same script and the same client.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::adapter::{Generic, Server, Tenure};
use super::daemon::{Durability, monotonic_ns};
use super::marks::Mark;
use super::stats::{percentile, spread};
use crate::process::say;
use crate::wire::{Client, DataLines};

/// How long a mark may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `bench compare`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Describes the other server; docs/benchmarks.md tells how.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// Runs of each; the median run is printed with its spread.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Sessions that write at once.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Events of each of them.
    #[arg(long, default_value_t = 2000)]
    events: u64,
    /// What acknowledged changes are to survive here.
    #[arg(long, value_enum, default_value_t = Durability::Power)]
    durability: Durability,
    /// Measures target/dist/tenure as it is.
    #[arg(long)]
    no_build: bool,
}

/// What is measured, in order.
const WHAT: [(&str, usize, &str); 8] = [
    ("session created", 2, " ms"),
    ("input taken, p50", 2, " ms"),
    ("input → the agent's first event at a follower, p50", 2, " ms"),
    ("agent line → follower at 1,000 events/s, p50", 2, " ms"),
    ("agent line → follower at 1,000 events/s, p99", 2, " ms"),
    ("events of all sessions at full speed, a second", 0, ""),
    ("events that no follower saw", 0, ""),
    ("events that one saw again", 0, ""),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !args.no_build {
        super::build()?;
    }
    let mut names = [String::new(), String::new()];
    let mut values: [[Vec<f64>; WHAT.len()]; 2] = Default::default();
    for run in 1..=args.runs.max(1) {
        for which in [0, 1] {
            let mut server: Box<dyn Server> = if which == 0 {
                Box::new(Tenure::start(args.durability)?)
            } else {
                Box::new(Generic::start(&args.server)?)
            };
            say(&format!("run {run}: {} …", server.name()))?;
            names[which] = server.name().to_owned();
            let seen = once(args, server.as_mut())
                .with_context(|| format!("{} could not be measured", server.name()))?;
            values[which].iter_mut().zip(seen).for_each(|(all, one)| all.push(one));
        }
    }
    say(&format!("| what | {} | {} |\n|---|---|---|", names[0], names[1]))?;
    for (at, (what, decimals, unit)) in WHAT.iter().enumerate() {
        let [ours, other] = [0, 1].map(|which| spread(&values[which][at], *decimals, unit));
        say(&format!("| {what} | {ours} | {other} |"))?;
    }
    Ok(())
}

fn prompt(events: u64, rate: Option<u32>) -> String {
    let mut step = json!({"events": events, "bytes": 350, "kind": "tool"});
    if let Some(rate) = rate {
        step["rate_per_second"] = json!(rate);
    }
    format!("@@{}@@", json!([{"bench": step}]))
}

/// A follower in a thread of its own: hands over each mark with how long it travelled, in milliseconds.
fn follow(server: &dyn Server, session: &str) -> anyhow::Result<Receiver<(Mark, f64)>> {
    let (endpoint, path) = server.follow(session)?;
    let client = Client::connect(&endpoint)?;
    let (marks, seen) = sync_channel(1 << 16);
    std::thread::spawn(move || {
        let mut lines = DataLines::default();
        // It ends when nobody wants to hear more, or with its server; who waits for a mark tells of it.
        let _ = client.stream(&path, |bytes| {
            lines.push(bytes, |data| match Mark::find(data) {
                Some(mark) => marks.send((mark, mark.travelled_ms())).is_ok(),
                None => true,
            })
        });
    });
    Ok(seen)
}

fn once(args: &Args, server: &mut dyn Server) -> anyhow::Result<[f64; WHAT.len()]> {
    let begun = Instant::now();
    let session = server.create()?;
    let created = begun.elapsed().as_secs_f64() * 1e3;
    let marks = follow(server, &session)?;
    let (mut taken, mut first) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let (begun, since) = (Instant::now(), monotonic_ns());
        server.send(&session, &prompt(1, None))?;
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
        gather(&marks, 1, since)?;
        first.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let since = monotonic_ns();
    server.send(&session, &prompt(5_000, Some(1000)))?;
    let mut paced = gather(&marks, 5_000, since)?;
    let ids: Vec<String> = (0..args.sessions).map(|_| server.create()).collect::<Result<_, _>>()?;
    let followers: Vec<_> = ids.iter().map(|id| follow(server, id)).collect::<Result<_, _>>()?;
    let (begun, since) = (Instant::now(), monotonic_ns());
    for id in &ids {
        server.send(id, &prompt(args.events, None))?;
    }
    let (mut missed, mut again) = (paced.missed, paced.again);
    for follower in &followers {
        let seen = gather(follower, args.events, since)?;
        (missed, again) = (missed + seen.missed, again + seen.again);
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = (args.events * args.sessions as u64) as f64 / begun.elapsed().as_secs_f64();
    let (p50, p99) = (percentile(&mut paced.times, 0.5), percentile(&mut paced.times, 0.99));
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let [missed, again] = [missed as f64, again as f64];
    Ok([created, percentile(&mut taken, 0.5), percentile(&mut first, 0.5), p50, p99, rate, missed, again])
}

/// What a follower saw of so many marks.
struct Seen {
    times: Vec<f64>,
    missed: u64,
    again: u64,
}

/// Reads until the last mark of a prompt that was sent then; by then every other one must have come. Marks of prompts
/// before may be told again when their tool call ends.
fn gather(marks: &Receiver<(Mark, f64)>, events: u64, since_ns: u64) -> anyhow::Result<Seen> {
    ensure!(events > 0, "no events are to be sent");
    let mut seen = vec![false; usize::try_from(events)?];
    let (mut times, mut again) = (Vec::new(), 0);
    loop {
        let (mark, travelled) = marks.recv_timeout(PATIENCE).context("the last event did not come")?;
        if mark.sent_ns < since_ns {
            continue;
        }
        let Some(known) = usize::try_from(mark.index).ok().and_then(|at| seen.get_mut(at)) else { continue };
        again += u64::from(std::mem::replace(known, true));
        times.push(travelled);
        if mark.index + 1 == events {
            let missed = seen.iter().filter(|seen| !**seen).count() as u64;
            return Ok(Seen { times, missed, again });
        }
    }
}
