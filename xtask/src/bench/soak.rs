//! `cargo xtask bench soak`: many sessions that speak all the time, for minutes. Printed are the slopes of memory and
//! descriptors of daemon and shims (least squares), the length of the write-ahead log, and whether a number was lost.
//! A leak shows as a slope that does not come to rest; one run of ten minutes is the least to tell.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::crowd::Crowd;
use super::daemon::{Daemon, Durability, memory_mb};
use super::figures::{prompt, send};
use super::stats::{percentile, slope};
use crate::process::say;

/// How long followers may take to see the last event.
const PATIENCE: Duration = Duration::from_secs(120);

/// Arguments of `bench soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Sessions that live and speak.
    #[arg(long, default_value_t = 200)]
    sessions: usize,
    /// Events a second of each.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds between two samples.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// Measures target/dist/tenure as it is.
    #[arg(long)]
    no_build: bool,
    /// What is to survive.
    #[arg(long, value_enum, default_value_t = Durability::Power)]
    durability: Durability,
}

/// What is looked at again and again.
struct Sample {
    minute: f64,
    daemon_mb: f64,
    descriptors: f64,
    shim_mb: f64,
    shim_descriptors: f64,
    wal_mb: f64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.minutes > 0.0 && args.sessions > 0 && args.rate > 0, "nothing is to be done");
    if !args.no_build {
        super::build()?;
    }
    let daemon = Daemon::start(args.durability)?;
    let mut client = daemon.client()?;
    let ids: Vec<String> =
        (0..args.sessions).map(|_| daemon.session(&mut client)).collect::<Result<_, _>>()?;
    let mut crowd = Crowd::new()?;
    for id in &ids {
        crowd.join(daemon.endpoint(), &format!("/v1/sessions/{id}/events/stream?after=0"))?;
    }
    for id in &ids {
        // More than is needed: it is interrupted at the end.
        send(&mut client, id, &prompt(100_000_000, Some(args.rate)), "accepted")?;
    }
    let (begun, length) = (Instant::now(), Duration::from_secs_f64(args.minutes * 60.0));
    let mut samples = Vec::new();
    crowd.measure(args.sessions);
    let mut times = Vec::new();
    while begun.elapsed() < length {
        let left = length.saturating_sub(begun.elapsed());
        crowd.run_for(left.min(Duration::from_secs(args.every.max(1))))?;
        // Held no longer than a sample: half a million numbers a minute would be too many.
        let mut some = crowd.measured();
        times.push((percentile(&mut some, 0.5), percentile(&mut some, 0.99)));
        crowd.measure(args.sessions);
        let sample = look(&daemon, begun);
        say(&format!(
            "{:5.1} min  daemon {:6.1} MB {:4.0} fds   shim {:.3} MB {:2.0} fds   WAL {:5.1} MB   p99 {:6.2} ms",
            sample.minute,
            sample.daemon_mb,
            sample.descriptors,
            sample.shim_mb,
            sample.shim_descriptors,
            sample.wal_mb,
            times.last().map_or(0.0, |t| t.1)
        ))?;
        samples.push(sample);
    }
    let events = finish(&daemon, &ids, &mut crowd)?;
    tell(args, &samples, &times, events, crowd.wrong())
}

/// Ends the turns and reads what is left; tells how many events there were.
fn finish(daemon: &Daemon, ids: &[String], crowd: &mut Crowd) -> anyhow::Result<u64> {
    let mut client = daemon.client()?;
    for id in ids {
        let body = json!({"wait": "accepted"});
        client.call("POST", &format!("/v1/sessions/{id}/interrupt"), Some(&body))?;
        crowd.run_for(Duration::from_millis(1))?;
    }
    // What was on its way when the turns were cut is in the log soon.
    crowd.run_for(Duration::from_secs(5))?;
    let mut client = daemon.client()?;
    let mut events = 0;
    for (at, id) in ids.iter().enumerate() {
        let view = client.call("GET", &format!("/v1/sessions/{id}"), None)?;
        let last = view["last_seq"].as_u64().context("no last_seq")?;
        crowd.run_one_to(at, last, PATIENCE)?;
        events += last;
    }
    Ok(events)
}

fn look(daemon: &Daemon, begun: Instant) -> Sample {
    let shims: Vec<u32> = daemon.processes().iter().map(|(shim, _)| *shim).collect();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let wal = std::fs::metadata(daemon.home().join("tenure.db-wal")).map_or(0, |m| m.len());
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let wal_mb = wal as f64 / 1e6;
    Sample {
        minute: begun.elapsed().as_secs_f64() / 60.0,
        daemon_mb: memory_mb(daemon.pid()),
        descriptors: descriptors(daemon.pid()),
        shim_mb: mean(shims.iter().map(|pid| memory_mb(*pid)).collect()),
        shim_descriptors: mean(shims.iter().map(|pid| descriptors(*pid)).collect()),
        wal_mb,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn descriptors(pid: u32) -> f64 {
    std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")).map_or(0, Iterator::count) as f64
}

fn tell(
    args: &Args,
    samples: &[Sample],
    times: &[(f64, f64)],
    events: u64,
    wrong: u64,
) -> anyhow::Result<()> {
    // The first minute fills caches; it would be read as a leak.
    let settled: Vec<&Sample> = samples.iter().filter(|s| s.minute >= 1.0).collect();
    let settled = if settled.len() < 3 { samples.iter().collect() } else { settled };
    let line = |what: &str, unit: &str, value: fn(&Sample) -> f64| {
        let points: Vec<(f64, f64)> = settled.iter().map(|s| (s.minute, value(s))).collect();
        let (first, last) = (points.first().map_or(0.0, |p| p.1), points.last().map_or(0.0, |p| p.1));
        say(&format!("| {what} | {:+.3} {unit} a minute ({first:.3} → {last:.3}) |", slope(&points)))
    };
    let (minutes, sessions, each) = (args.minutes, args.sessions, args.rate);
    say(&format!("\n| {sessions} sessions, {each} events/s each, {minutes} minutes | |\n|---|---|"))?;
    line("daemon, memory", "MB", |s| s.daemon_mb)?;
    line("daemon, descriptors", "", |s| s.descriptors)?;
    line("a shim, memory", "MB", |s| s.shim_mb)?;
    line("a shim, descriptors", "", |s| s.shim_descriptors)?;
    let largest = samples.iter().map(|s| s.wal_mb).fold(0.0, f64::max);
    say(&format!("| write-ahead log, largest | {largest:.1} MB |"))?;
    let median = |of: fn(&(f64, f64)) -> f64| percentile(&mut times.iter().map(of).collect::<Vec<_>>(), 0.5);
    say(&format!(
        "| agent line → follower, p50 and p99 (median of the samples) | {:.2} ms, {:.2} ms |",
        median(|t| t.0),
        median(|t| t.1)
    ))?;
    say(&format!("| events, with those before and after | {events} |"))?;
    say(&format!("| numbers that a follower missed or saw twice | {wrong} |"))?;
    ensure!(wrong == 0, "{wrong} numbers were missed or came twice");
    Ok(())
}
