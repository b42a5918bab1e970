//! P8: a thousand followers of one session, some of which do not read. Calm and stalled stretches take turns in one
//! run, and the same followers are measured in both: what differs is only what the others do.

use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use super::crowd::{Crowd, Pace};
use super::daemon::{Daemon, Durability, memory_mb};
use super::figures::{Figure, Size, figure, prompt, send};
use super::stats::{percentile, spread};

/// Events a second of the session.
const RATE: u32 = 50;
/// Who reads next to nothing, in bytes a second.
const TRICKLE: usize = 1000;
/// How long followers may take to catch up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is who.
struct Parts {
    all: usize,
    healthy: usize,
    silent: Range<usize>,
    slow: Range<usize>,
}

/// What one run gave.
#[derive(Default)]
struct Seen {
    calm: [Vec<f64>; 2],
    stalled: [Vec<f64>; 2],
    behind: Vec<f64>,
    kb: Vec<f64>,
    kb_stalled: Vec<f64>,
    wrong: u64,
    events: u64,
}

pub(super) fn p8(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let all = 1000 / size.divisor;
    let stalled = all / 10;
    let healthy = all - 2 * stalled;
    let parts = Parts { all, healthy, silent: healthy..healthy + stalled, slow: healthy + stalled..all };
    let mut seen = Seen::default();
    for _ in 0..size.runs {
        once(durability, size, &parts, &mut seen)?;
    }
    Ok(told(&parts, &seen))
}

fn once(durability: Durability, size: &Size, parts: &Parts, seen: &mut Seen) -> anyhow::Result<()> {
    let daemon = Daemon::start(durability)?;
    let mut client = daemon.client()?;
    let session = daemon.session(&mut client)?;
    // More than is needed: it is interrupted when all was seen.
    send(&mut client, &session, &prompt(1_000_000, Some(RATE)), "started")?;
    let before = memory_mb(daemon.pid());
    let mut crowd = Crowd::new()?;
    for _ in 0..parts.all {
        crowd.join(daemon.endpoint(), &format!("/v1/sessions/{session}/events/stream?after=0"))?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = move |mb: f64| (mb - before) * 1e3 / parts.all as f64;
    let stretch = Duration::from_secs(20) / u32::try_from(size.divisor).unwrap_or(1);
    crowd.run_for(stretch / 4)?;
    for _ in 0..2 {
        measure(&mut crowd, parts, stretch / 2, &mut seen.calm)?;
        seen.kb.push(each(memory_mb(daemon.pid())));
        set_pace(&mut crowd, parts, Pace::Never, Pace::Slow(TRICKLE))?;
        // They are full before anything is measured.
        crowd.run_for(stretch / 2)?;
        measure(&mut crowd, parts, stretch / 2, &mut seen.stalled)?;
        seen.kb_stalled.push(each(memory_mb(daemon.pid())));
        let head = crowd.last(0..1).next().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        seen.behind.extend(crowd.last(parts.silent.clone()).map(|last| head.saturating_sub(last) as f64));
        set_pace(&mut crowd, parts, Pace::Fast, Pace::Fast)?;
        crowd.run_to(head, PATIENCE)?;
    }
    // A connection that asked nothing for half a minute was ended.
    let mut client = daemon.client()?;
    client.call("POST", &format!("/v1/sessions/{session}/interrupt"), Some(&json!({})))?;
    let view = client.call("GET", &format!("/v1/sessions/{session}"), None)?;
    let last = view["last_seq"].as_u64().context("no last_seq")?;
    crowd.run_to(last, PATIENCE)?;
    seen.wrong += crowd.wrong();
    seen.events += last * parts.all as u64;
    Ok(())
}

fn set_pace(crowd: &mut Crowd, parts: &Parts, silent: Pace, slow: Pace) -> anyhow::Result<()> {
    for (range, pace) in [(parts.silent.clone(), silent), (parts.slow.clone(), slow)] {
        for member in range {
            crowd.pace(member, pace)?;
        }
    }
    Ok(())
}

fn measure(
    crowd: &mut Crowd,
    parts: &Parts,
    time: Duration,
    [p50, p99]: &mut [Vec<f64>; 2],
) -> anyhow::Result<()> {
    crowd.measure(parts.healthy);
    crowd.run_for(time)?;
    let mut times = crowd.measured();
    p50.push(percentile(&mut times, 0.5));
    p99.push(percentile(&mut times, 0.99));
    Ok(())
}

fn told(parts: &Parts, seen: &Seen) -> Vec<Figure> {
    let (all, stalled) = (parts.all, parts.silent.len());
    let who = format!("{all} followers of a session with {RATE} events/s");
    let some = format!("{stalled} of them silent and {stalled} at 1 KB/s");
    let median = |values: &[f64]| percentile(&mut values.to_vec(), 0.5);
    let (calm, bad) = (median(&seen.calm[1]), median(&seen.stalled[1]));
    let more = if calm > 0.0 { (bad / calm - 1.0) * 100.0 } else { 0.0 };
    vec![
        figure(format!("{who}, p50"), spread(&seen.calm[0], 2, " ms"), "–"),
        figure(format!("{who}, p99"), spread(&seen.calm[1], 2, " ms"), "–"),
        figure(format!("the others while {some}, p50"), spread(&seen.stalled[0], 2, " ms"), "–"),
        figure(format!("the others while {some}, p99"), spread(&seen.stalled[1], 2, " ms"), "–"),
        figure("their p99 against that of none stalled", format!("{more:+.0} %"), "≤ +20 %"),
        figure("daemon, per follower", spread(&seen.kb, 1, " KB"), "≤ 32 KB"),
        figure("the same while some are stalled", spread(&seen.kb_stalled, 1, " KB"), "≤ 32 KB"),
        figure("events that silent ones were behind when they read on", spread(&seen.behind, 0, ""), "–"),
        figure(
            format!("numbers skipped or repeated by any of them, of {}", seen.events),
            seen.wrong.to_string(),
            "0",
        ),
    ]
}
