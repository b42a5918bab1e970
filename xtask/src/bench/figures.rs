//! One function per figure. Each says what it does in words, and how its value is to be read.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::daemon::{Daemon, Durability, memory_mb};
use super::marks::{Mark, seq_of};
use super::stats::{percentile, spread};
use super::{many, past, size, stored};
use crate::wire::{Client, DataLines};

/// One value with what it is and what it should be.
pub(super) struct Figure {
    pub what: String,
    pub value: String,
    pub target: &'static str,
}

/// How much is measured.
pub(super) struct Size {
    pub divisor: usize,
    pub runs: usize,
}

type Measure = fn(Durability, &Size) -> anyhow::Result<Vec<Figure>>;

const BOTH: &[Durability] = &[Durability::Process, Durability::Power];

/// Every figure by its number in the requirements, and with which durabilities it is measured.
pub(super) const ALL: &[(&str, &[Durability], Measure)] = &[
    ("P1", BOTH, p1),
    ("P2", BOTH, p2),
    ("P3", BOTH, p3),
    ("P4", BOTH, p4),
    ("P5", BOTH, stored::p5),
    ("P6", BOTH, p6),
    ("P7", BOTH, p7),
    ("P8", &[Durability::Power], many::p8),
    ("P9", &[Durability::Power], past::p9),
    ("P10", &[Durability::Power], size::p10),
];

pub(super) fn figure(what: impl Into<String>, value: String, target: &'static str) -> Figure {
    Figure { what: what.into(), value, target }
}

/// What makes the built-in agent send so many updates of 350 bytes.
pub(super) fn prompt(events: usize, rate: Option<u32>) -> String {
    let mut step = json!({"events": events, "bytes": 350, "kind": "tool"});
    if let Some(rate) = rate {
        step["rate_per_second"] = json!(rate);
    }
    format!("@@{}@@", json!([{"bench": step}]))
}

pub(super) fn send(client: &mut Client, session: &str, text: &str, wait: &str) -> anyhow::Result<Value> {
    let body = json!({"input": text, "wait": wait});
    client.call("POST", &format!("/v1/sessions/{session}/inputs"), Some(&body))
}

/// An agent's line to a follower, at 1,000 events/s, beside 5 inputs/s to another session.
fn p1(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let events = 10_000 / size.divisor;
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..size.runs {
        let daemon = Daemon::start(durability)?;
        let mut client = daemon.client()?;
        let (session, other) = (daemon.session(&mut client)?, daemon.session(&mut client)?);
        let follower = daemon.client()?;
        let path = format!("/v1/sessions/{session}/events/stream?after=0&types=tool.*");
        let reader = std::thread::spawn(move || -> anyhow::Result<Vec<f64>> {
            let (mut lines, mut times) = (DataLines::default(), Vec::new());
            follower.stream(&path, |bytes| {
                lines.push(bytes, |data| {
                    times.extend(Mark::find(data).map(Mark::travelled_ms));
                    times.len() < events
                })
            })?;
            Ok(times)
        });
        send(&mut client, &session, &prompt(events, Some(1000)), "accepted")?;
        let done = Arc::new(AtomicU64::new(0));
        while !reader.is_finished() {
            send(&mut client, &other, "hello", "accepted")?;
            done.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
        }
        let mut times = reader.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
        p50.push(percentile(&mut times, 0.5));
        p99.push(percentile(&mut times, 0.99));
    }
    let (a, b) = match durability {
        Durability::Process => ("≤ 1 ms", "≤ 10 ms"),
        Durability::Power => ("–", "–"),
    };
    Ok(vec![
        figure("agent line → follower, 1k events/s, p50", spread(&p50, 2, " ms"), a),
        figure("agent line → follower, 1k events/s, p99", spread(&p99, 2, " ms"), b),
    ])
}

/// 100 sessions at full speed, one follower each; every follower must see every number once.
fn p2(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let (sessions, events) = (100, 4_000 / size.divisor);
    let (mut rates, mut lost) = (Vec::new(), 0_u64);
    for _ in 0..size.runs {
        let daemon = Daemon::start(durability)?;
        let mut client = daemon.client()?;
        let ids: Vec<String> =
            (0..sessions).map(|_| daemon.session(&mut client)).collect::<Result<_, _>>()?;
        let gate = Arc::new(Barrier::new(sessions + 1));
        let readers: Vec<_> = ids
            .iter()
            .map(|id| {
                let (follower, gate) = (daemon.client()?, Arc::clone(&gate));
                let path = format!("/v1/sessions/{id}/events/stream?after=0");
                Ok(std::thread::spawn(move || {
                    gate.wait();
                    follow_whole(follower, &path, events)
                }))
            })
            .collect::<anyhow::Result<_>>()?;
        gate.wait();
        let begun = Instant::now();
        for id in &ids {
            send(&mut client, id, &prompt(events, None), "accepted")?;
        }
        for reader in readers {
            lost += reader.join().map_err(|_| anyhow::anyhow!("a reader failed"))??;
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        rates.push((sessions * events) as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(vec![
        figure(
            "durable ingest, 350-byte events, 100 sessions with a follower each",
            spread(&rates, 0, " events/s"),
            "≥ 25,000",
        ),
        figure("events that a follower lost or saw twice", lost.to_string(), "0"),
    ])
}

/// Follows until so many tool events have come; counts numbers that were skipped or repeated.
fn follow_whole(follower: Client, path: &str, events: usize) -> anyhow::Result<u64> {
    let (mut lines, mut tools, mut last, mut wrong) = (DataLines::default(), 0, 0_u64, 0_u64);
    follower.stream(path, |bytes| {
        lines.push(bytes, |data| {
            let seq = seq_of(data);
            wrong += u64::from(seq != last + 1);
            last = seq;
            tools += usize::from(contains(data, b"\"type\":\"tool."));
            tools < events
        })
    })?;
    Ok(wrong)
}

fn contains(data: &[u8], word: &[u8]) -> bool {
    data[..data.len().min(400)].windows(word.len()).any(|w| w == word)
}

/// An input accepted on an idle session, and a trivial turn.
fn p3(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let inputs = 400 / size.divisor;
    let (mut accepted, mut turns, mut disk) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.runs {
        let daemon = Daemon::start(durability)?;
        let mut client = daemon.client()?;
        let session = daemon.session(&mut client)?;
        let (mut a, mut t) = (Vec::new(), Vec::new());
        for _ in 0..inputs {
            let begun = Instant::now();
            let receipt = send(&mut client, &session, "hello", "accepted")?;
            a.push(begun.elapsed().as_secs_f64() * 1e3);
            let id = receipt["input_id"].as_str().context("no receipt")?.to_owned();
            client
                .call(
                    "POST",
                    &format!("/v1/sessions/{session}/inputs"),
                    Some(&json!({"input": "hello", "id": id, "wait": "finished"})),
                )
                .ok();
            let begun = Instant::now();
            send(&mut client, &session, "hello", "finished")?;
            t.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        accepted.push(percentile(&mut a, 0.5));
        turns.push(percentile(&mut t, 0.5));
        disk.push(flush_ms(&daemon)?);
    }
    Ok(vec![
        figure(
            "input accepted, p50",
            spread(&accepted, 2, " ms"),
            if durability == Durability::Power { "one flush + 1 ms" } else { "–" },
        ),
        figure(
            "trivial turn, p50",
            spread(&turns, 2, " ms"),
            if durability == Durability::Process { "≤ 0.5 ms" } else { "–" },
        ),
        figure("one flush of this disk (fdatasync of 4 KB), p50", spread(&disk, 2, " ms"), "–"),
    ])
}

fn flush_ms(daemon: &Daemon) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(daemon.home().join("flush"))?;
    let mut times = Vec::new();
    for _ in 0..100 {
        file.write_all(&[0; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(percentile(&mut times, 0.5))
}

/// Replay of a long session to one client.
fn p4(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let events = 300_000 / size.divisor;
    let daemon = Daemon::start(durability)?;
    let mut client = daemon.client()?;
    let session = daemon.session(&mut client)?;
    send(&mut client, &session, &prompt(events, None), "finished")?;
    let mut rates = Vec::new();
    for _ in 0..size.runs.max(3) {
        let begun = Instant::now();
        let mut frames = 0_usize;
        let mut before = 0_u8;
        let path = format!("/v1/sessions/{session}/events/stream?after=0");
        daemon.client()?.stream(&path, |bytes| {
            for b in bytes {
                frames += usize::from(*b == b'\n' && before == b'\n');
                before = *b;
            }
            frames < events
        })?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        rates.push(frames as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(vec![figure(
        "replay over SSE to one client, 350-byte events",
        spread(&rates, 0, " events/s"),
        "≥ 300,000",
    )])
}

/// SIGKILL of the daemon while 100 sessions stream.
fn p6(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let (sessions, events) = (100, 3_000 / size.divisor);
    let (mut ready, mut wrong) = (Vec::new(), 0_u64);
    for _ in 0..size.runs {
        let mut daemon = Daemon::start(durability)?;
        let mut client = daemon.client()?;
        let ids: Vec<String> =
            (0..sessions).map(|_| daemon.session(&mut client)).collect::<Result<_, _>>()?;
        for id in &ids {
            send(&mut client, id, &prompt(events, Some(100)), "accepted")?;
        }
        std::thread::sleep(Duration::from_secs(1));
        daemon = daemon.kill_and_restart()?;
        ready.push(daemon.ready_ms);
        for id in &ids {
            wrong +=
                follow_whole(daemon.client()?, &format!("/v1/sessions/{id}/events/stream?after=0"), events)?;
        }
        if daemon.processes().len() != sessions {
            bail!("{} processes for {sessions} sessions", daemon.processes().len());
        }
    }
    Ok(vec![
        figure("ready after SIGKILL with 100 live sessions", spread(&ready, 0, " ms"), "≤ 1,000 ms"),
        figure("events lost or repeated over it", wrong.to_string(), "0"),
    ])
}

/// Memory of daemon, sessions and shims.
fn p7(durability: Durability, _: &Size) -> anyhow::Result<Vec<Figure>> {
    let sessions = 100;
    let daemon = Daemon::start(durability)?;
    let mut client = daemon.client()?;
    client.call("GET", "/v1/info", None)?;
    let idle = memory_mb(daemon.pid());
    for _ in 0..sessions {
        let id = daemon.session(&mut client)?;
        send(&mut client, &id, "hello", "finished")?;
    }
    let live = memory_mb(daemon.pid());
    let shims: Vec<f64> = daemon.processes().iter().map(|(shim, _)| memory_mb(*shim)).collect();
    Ok(vec![
        figure("daemon, idle", format!("{idle:.1} MB"), "≤ 20 MB"),
        figure(
            "daemon, per live session (of 100)",
            format!("{:.0} KB", (live - idle) * 1e3 / f64::from(sessions)),
            "≤ 256 KB",
        ),
        figure("shim, proportional", spread(&shims, 2, " MB"), "≤ 0.7 MB"),
    ])
}
