//! P5: a home with ten thousand stored sessions. How long a start takes, a page of their list, and a page of
//! the events of one of them.

use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use super::daemon::{Daemon, Durability};
use super::figures::{Figure, Size, figure};
use super::stats::{percentile, spread};
use crate::wire::Client;

/// Pages that are read after each start.
const PAGES: usize = 100;

pub(super) fn p5(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let sessions = 10_000 / size.divisor;
    let mut daemon = Daemon::start(durability)?;
    let mut client = daemon.client()?;
    let mut ids = Vec::new();
    for i in 0..sessions {
        let body = json!({"agent": "scripted", "cwd": daemon.home().join("work"), "start": false, "title": format!("session {i}")});
        let created = client.call("POST", "/v1/sessions", Some(&body))?;
        ids.push(created["id"].as_str().context("no session id")?.to_owned());
    }
    let mut ready = Vec::new();
    let (mut lists, mut events) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for run in 0..size.runs.max(5) {
        daemon = daemon.kill_and_restart()?;
        ready.push(daemon.ready_ms);
        let mut client = daemon.client()?;
        read_pages(&mut client, &mut lists, |_| "/v1/sessions?limit=50".to_owned())?;
        let some = |i: usize| &ids[(run * 7919 + i * 104_729) % ids.len()];
        read_pages(&mut client, &mut events, |i| format!("/v1/sessions/{}/events?limit=100", some(i)))?;
    }
    Ok(vec![
        figure(
            format!("ready after start, {sessions} sessions in the log"),
            spread(&ready, 0, " ms"),
            "≤ 50 ms",
        ),
        figure(format!("page of 50 of {sessions} sessions, p50"), spread(&lists[0], 2, " ms"), "–"),
        figure(format!("page of 50 of {sessions} sessions, p99"), spread(&lists[1], 2, " ms"), "≤ 5 ms"),
        figure("page of events of one of them, p50", spread(&events[0], 2, " ms"), "–"),
        figure("page of events of one of them, p99", spread(&events[1], 2, " ms"), "–"),
    ])
}

fn read_pages(
    client: &mut Client,
    [p50, p99]: &mut [Vec<f64>; 2],
    path: impl Fn(usize) -> String,
) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for i in 0..PAGES {
        let begun = Instant::now();
        client.call("GET", &path(i), None)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    p50.push(percentile(&mut times, 0.5));
    p99.push(percentile(&mut times, 0.99));
    Ok(())
}
