//! One trial: a daemon whose disk fails in one way, a short life, and the verdict of the oracle.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::ensure;

use super::super::churn::Book;
use super::super::daemon::{Daemon, Link, Place};
use super::super::follow::Follower;
use super::super::procs::Sweeper;
use super::super::report::{Fault, Report};
use super::super::round::Followers;
use super::super::told::{Kills, Told};
use super::super::{check, finish, store};
use super::injector::{Hit, Injector};
use super::life::{Fault as Disk, Life, Refusals};
use super::plan::{Case, Class};

/// What became of a trial.
pub(super) struct Trial {
    pub(super) hits: Vec<Hit>,
    /// The daemon did not start, and said so.
    pub(super) refused_start: Option<String>,
    pub(super) refusals: Refusals,
    /// Turns that ended `failed` or `crashed`.
    pub(super) failed_turns: usize,
    pub(super) report: Report,
}

/// How many calls of a class the busiest thread of an unhurt life makes.
pub(super) fn count(place: &Place, class: &Class) -> anyhow::Result<u32> {
    let mut most = 0;
    let trial = tried(place, class, None, &mut most)?;
    ensure!(trial.report.is_clean(), "even an unhurt life has faults:\n{}", trial.report.details());
    Ok(most)
}

/// Runs a case in a place of its own.
pub(super) fn run(place: &Place, case: &Case) -> anyhow::Result<Trial> {
    tried(place, case.class, Some(case), &mut 0)
}

fn tried(place: &Place, class: &Class, case: Option<&Case>, most: &mut u32) -> anyhow::Result<Trial> {
    let _sweeper = Sweeper(place.mark());
    fs::create_dir_all(place.home())?;
    for session in ["s0", "s1"] {
        fs::create_dir_all(place.workspace(session))?;
    }
    let link = Link::default();
    let (mut daemon, mut injector) = Injector::start(place, class, case)?;
    let mut refused_start = None;
    let endpoint = match daemon.ready(place) {
        Ok((endpoint, _)) => endpoint,
        Err(error) => {
            ensure!(daemon.has_ended(), "{error:#}");
            refused_start = Some(last_words(place));
            daemon = Daemon::start(place)?;
            daemon.ready(place)?.0
        }
    };
    link.set(Some(endpoint));
    injector.found(daemon.pid());
    let lasting = case.is_some_and(|case| case.lasting) && refused_start.is_none();
    let fault = Disk::new(injector, lasting);
    let followers = Followers {
        sessions: ["s0", "s1"].map(|id| (id.to_owned(), Follower::default())).into(),
        node: Follower::default(),
    };
    let seen = [0, 1].map(|n: usize| followers.sessions[n].1.clone());
    let mut life = Life {
        place,
        link: &link,
        daemon,
        fault: &fault,
        kills: Kills::default(),
        refusals: Refusals::default(),
        told: [Told::default(), Told::default()],
        seen,
        looked: Instant::now(),
        until: Instant::now(),
        was_lifted: false,
    };
    lived(&mut life, &followers);
    let Life { daemon, mut kills, refusals, told, .. } = life;
    kills.shims.extend(fault.injector().nameless());
    let (mut report, failed_turns) = judged(place, daemon, kills, told, followers)?;
    let hits = fault.injector().hits();
    *most = fault.injector().most_calls()?;
    if let Some(words) = refused_start.as_deref().filter(|words| !is_clear(words)) {
        report.add(Fault::Answer, format!("a start was refused without clear words: {words}"));
    }
    Ok(Trial { hits, refused_start, refusals, failed_turns, report })
}

/// The life, followed by three followers; at its end every session is closed.
fn lived(life: &mut Life<'_>, followers: &Followers) {
    let followed = AtomicBool::new(true);
    let (link, place) = (life.link, life.place);
    let stop = || !followed.load(Ordering::Relaxed);
    let stop = &stop;
    let fault = life.fault;
    thread::scope(|scope| {
        scope.spawn(|| fault.run(stop));
        for (id, follower) in &followers.sessions {
            let path = format!("/v1/sessions/{id}/events/stream?deltas=true");
            scope.spawn(move || follower.run(link, &path, stop));
        }
        scope.spawn(|| followers.node.run(link, "/v1/events/stream", stop));
        // Why a life ends early is among what it was told.
        let _ = life.live();
        life.fault.lift();
        finish::close_all(place, link, followers, &mut life.kills);
        followed.store(false, Ordering::Relaxed);
    });
}

fn judged(
    place: &Place,
    daemon: Daemon,
    mut kills: Kills,
    told: [Told; 2],
    followers: Followers,
) -> anyhow::Result<(Report, usize)> {
    let mut report = Report::default();
    let told = ["s0", "s1"].map(str::to_owned).into_iter().zip(told).collect();
    let sides = finish::finish(place, daemon, told, followers, &Book::default(), &mut kills, &mut report)?;
    let store = store::read(&place.home())?;
    check::all(place, &store, &sides.sessions, &sides.node, &kills, &mut report);
    let turns = store.sessions.values().flatten().filter(|event| event.kind == "turn.completed");
    let failed = turns.filter(|turn| matches!(turn.text("outcome"), "failed" | "crashed")).count();
    Ok((report, failed))
}

fn last_words(place: &Place) -> String {
    let log = fs::read_to_string(place.daemon_log()).unwrap_or_default();
    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// What is wrong, in the system's words, and what to do.
fn is_clear(words: &str) -> bool {
    let has = |texts: &[&str]| texts.iter().any(|text| words.contains(text));
    has(&[
        "No space left",
        "Input/output error",
        "Read-only file system",
        "disk I/O error",
        "disk is full",
        "unable to open",
        "malformed",
        "readonly database",
    ]) && has(&["; ", "free space"])
}
