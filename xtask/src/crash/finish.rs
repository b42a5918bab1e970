//! The end of a run: sessions are closed, followers catch up, pages are read, leftovers are looked for, the daemon is
//! stopped; and the figures are printed.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::check::Side;
use super::churn::{Book, Lives};
use super::daemon::{Daemon, Link, Place};
use super::follow::Seen;
use super::http::{self, Endpoint};
use super::report::{Fault, Report};
use super::round::Followers;
use super::store::Store;
use super::told::{Kills, Told};
use super::{leftovers, procs};
use crate::process::say;

const PATIENCE: Duration = Duration::from_secs(30);

/// All sides of a run, ready to be compared.
pub(super) struct Sides {
    pub(super) sessions: Vec<Side>,
    pub(super) node: Seen,
}

/// Closes every session and waits until followers have heard of it.
pub(super) fn close_all(place: &Place, link: &Link, followers: &Followers, kills: &mut Kills) {
    let agents = procs::marked(&place.mark()).into_iter().filter(procs::Process::is_agent);
    kills.alive = agents.map(|agent| agent.pid).collect();
    let Some(endpoint) = link.get(PATIENCE) else { return };
    let closed_by = Instant::now() + Duration::from_secs(5);
    for (id, _) in &followers.sessions {
        let path = format!("/v1/sessions/{id}/close");
        let close = || http::ask(&endpoint, "POST", &path, Some(&json!({})), PATIENCE);
        let mut reply = close();
        // A disk that fails on purpose may do so now.
        while reply.as_ref().is_ok_and(|reply| reply.status == 507) && Instant::now() < closed_by {
            thread::sleep(Duration::from_millis(50));
            reply = close();
        }
        match reply {
            Ok(reply) if matches!(reply.status, 200 | 404) => {}
            Ok(reply) => kills.ended.push(format!("close of {id} at the end: {}", reply.brief())),
            Err(e) => kills.ended.push(format!("close of {id} at the end: {e}")),
        }
    }
    let until = Instant::now() + Duration::from_secs(10);
    let mut newest = 0;
    for (id, follower) in &followers.sessions {
        let last = last_seq(&endpoint, id);
        while follower.hold().now.last < last && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        let seen = follower.hold();
        let gseq = seen.events.last().and_then(|(_, data)| serde_json::from_slice::<Value>(data).ok());
        newest = newest.max(gseq.and_then(|event| event["gseq"].as_u64()).unwrap_or(0));
    }
    while followers.node.hold().now.last < newest && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
}

fn last_seq(endpoint: &Endpoint, id: &str) -> u64 {
    let reply = http::ask(endpoint, "GET", &format!("/v1/sessions/{id}"), None, PATIENCE);
    reply.map_or(0, |reply| reply.json()["last_seq"].as_u64().unwrap_or(0))
}

/// Reads the pages, looks for orphans, and stops the daemon.
pub(super) fn finish(
    place: &Place,
    mut daemon: Daemon,
    told: Vec<(String, Told)>,
    followers: Followers,
    lives: &Book,
    kills: &mut Kills,
    report: &mut Report,
) -> anyhow::Result<Sides> {
    for orphan in orphans(place, daemon.pid()) {
        report.add(Fault::Orphan, orphan);
    }
    let (endpoint, _) = daemon.ready(place)?;
    leftovers::look(place, &endpoint, &lives.hold(), report);
    let mut sessions = Vec::new();
    for ((id, told), (_, follower)) in told.into_iter().zip(followers.sessions) {
        let pages = pages(&endpoint, &id)?;
        sessions.push(Side { id, told, seen: std::mem::take(&mut *follower.hold()), pages });
    }
    if !daemon.stop()? {
        kills.ended.push("it did not stop within 20 s of SIGTERM".to_owned());
    }
    for what in kills.ended.drain(..) {
        report.add(Fault::Ended, what);
    }
    for hit in kills.innocents_hit.drain(..) {
        report.add(Fault::Innocent, hit);
    }
    for two in kills.two_at_once.drain(..) {
        report.add(Fault::TwoProcesses, two);
    }
    let log = fs::read_to_string(place.daemon_log()).unwrap_or_default();
    for line in log.lines().filter(|line| line.contains("panicked at")) {
        report.add(Fault::Panic, line);
    }
    let node = std::mem::take(&mut *followers.node.hold());
    Ok(Sides { sessions, node })
}

/// What is left of the agents 5 s after the end.
fn orphans(place: &Place, daemon: u32) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let all = procs::marked(&place.mark()).into_iter();
        let left = all.filter(|process| process.pid != daemon && !process.is_tracer());
        let left: Vec<String> = left.map(|process| process.brief()).collect();
        if left.is_empty() || Instant::now() > until {
            return left;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Events as pages give them, byte for byte.
fn pages(endpoint: &Endpoint, id: &str) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    let mut after = "0".to_owned();
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let path = format!("/v1/sessions/{id}/events?after={after}&limit=1000");
        let reply = http::ask(endpoint, "GET", &path, None, PATIENCE)?;
        if reply.status == 404 {
            return Ok(all);
        }
        if reply.status == 507 && Instant::now() < until {
            // Its disk may fail on purpose, once for each thread.
            continue;
        }
        ensure!(reply.status == 200, "GET {path}: {}", reply.brief());
        let page: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&reply.body)?;
        let raw = |name: &str| page.get(name).map_or("null", |value| value.get());
        let items: Vec<Box<RawValue>> = serde_json::from_str(raw("items"))?;
        all.extend(items.iter().map(|item| item.get().to_owned()));
        let next: Value = serde_json::from_str(raw("next"))?;
        match next.as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(all),
        }
    }
}

/// What was done, over all rounds.
#[derive(Default)]
pub(super) struct Figures {
    kills: Kills,
    requests: u64,
    cut: u64,
    connections: u64,
    followers: usize,
    kinds: BTreeMap<String, u64>,
    lives: usize,
    destroyed: usize,
    deeds: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Adds a round.
    pub(super) fn add(&mut self, store: &Store, sides: &Sides, lives: &Lives, kills: Kills) {
        self.kills.add(kills);
        for side in &sides.sessions {
            self.requests += side.told.requests;
            self.cut += side.told.cut;
            self.connections += side.seen.connections;
        }
        self.followers = sides.sessions.len() + 1;
        for event in store.sessions.values().flatten() {
            *self.kinds.entry(event.kind.clone()).or_default() += 1;
        }
        self.lives += lives.all.iter().filter(|life| life.created).count();
        self.destroyed += lives.all.iter().filter(|life| life.created && life.destroyed).count();
    }

    /// Adds the verbs of more than one step that were done whole in a round.
    pub(super) fn add_deeds(&mut self, done: BTreeMap<&'static str, u64>) {
        for (name, n) in done {
            *self.deeds.entry(name).or_default() += n;
        }
    }

    /// Tells them.
    pub(super) fn print(&self, took: Duration) -> anyhow::Result<()> {
        let kills = &self.kills;
        say(&format!(
            "{:.0} s: {} kills of the daemon ({} while it started, {} with a session's whole tree), {} of agents, {} of shims",
            took.as_secs_f64(),
            kills.daemons,
            kills.during_start,
            kills.trees,
            kills.agents.len(),
            kills.shims.len(),
        ))?;
        say(&format!(
            "{} freezes (daemons stood still for {} s in the longest), left alone for a caller {} times, {} process numbers that came again and {} that a record was made to name",
            kills.freezes, kills.still_seconds, kills.spared, kills.numbers_again, kills.numbers_forged,
        ))?;
        let of = |kind: &str| self.kinds.get(kind).copied().unwrap_or(0);
        say(&format!(
            "{} requests ({} cut), {} events: {} inputs, {} turns, {} asks, {} tools, {} messages, {} processes",
            self.requests,
            self.cut,
            self.kinds.values().sum::<u64>(),
            of("input.admitted"),
            of("turn.started"),
            of("ask.opened"),
            of("tool.started"),
            of("message.completed"),
            of("process.started"),
        ))?;
        say(&format!(
            "{} connections of {} followers; {} short-lived sessions, {} of them destroyed",
            self.connections, self.followers, self.lives, self.destroyed
        ))?;
        let deeds: Vec<String> = self.deeds.iter().map(|(name, n)| format!("{n} {name}")).collect();
        say(&format!("verbs of more than one step, done whole: {}", deeds.join(", ")))?;
        let mut ready = kills.ready_ms.clone();
        ready.sort_by(f64::total_cmp);
        let at = |share: f64| {
            ready.get(((ready.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(0.0)
        };
        say(&format!("time to ready: p50 {:.0} ms, p99 {:.0} ms, most {:.0} ms", at(0.5), at(0.99), at(1.0)))
    }
}
