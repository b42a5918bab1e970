//! `cargo xtask crash`: kills the daemon again and again while sessions work, then compares the event log with the
//! agents' own record and prints what differs. All of it must be zero. Nothing of Tenure's code is used here: the log is
//! read as a file and over HTTP, the record as JSON lines, so that a fault cannot hide in what both sides share.
//!
//! A run is repeated by its seed as far as the machine allows: what is done is the same, when it happens is not.

mod chaos;
mod check;
mod daemon;
mod dice;
mod driver;
pub(crate) mod faults;
mod finish;
mod follow;
mod http;
mod nature;
mod procs;
mod record;
mod report;
mod script;
mod store;
mod tape;
mod told;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};

use self::chaos::Chaos;
use self::daemon::{Daemon, Link, Place};
use self::dice::Dice;
use self::driver::{Course, Driver};
use self::follow::Follower;
use self::procs::Sweeper;
use self::report::Report;
use self::told::{Kills, Told};
use crate::process::{cargo, root, run as run_command, say};

/// How long everything may take to come to its end after the last kill.
const DRAINS_WITHIN: Duration = Duration::from_secs(90);

/// Arguments of `crash`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Sessions that work at the same time
    #[arg(long, default_value_t = 8)]
    pub(crate) sessions: u64,
    /// How often the daemon is killed
    #[arg(long, default_value_t = 200)]
    pub(crate) kills: u64,
    /// Repeats what an earlier run did [default: a random one, which is printed]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Stops killing after so many seconds
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
    /// Kills this program instead of the one that is built for it
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Keeps the home and the records also when all is well
    #[arg(long)]
    pub(crate) keep: bool,
}

impl Args {
    /// As many kills as fit into so many seconds.
    pub(crate) fn for_seconds(seconds: u64) -> Self {
        Self { sessions: 8, kills: u64::MAX, seed: None, seconds: Some(seconds), program: None, keep: false }
    }
}

/// Runs the workload, the kills and the checks.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!((1..=99).contains(&args.sessions), "give 1 to 99 --sessions");
    let seed = args.seed.unwrap_or_else(dice::fresh_seed);
    let place = prepare(args)?;
    let bound = match args.seconds {
        Some(seconds) => format!("kills for {seconds} s"),
        None => format!("{} kills", args.kills),
    };
    say(&format!("seed {seed}: {} sessions, {bound}", args.sessions))?;
    let outcome = tried(args, seed, &place);
    let clean = matches!(outcome, Ok(true));
    if args.keep || !clean {
        say(&format!("kept: {} (repeat with --seed {seed})", place.scratch.display()))?;
    } else {
        fs::remove_dir_all(&place.scratch)?;
    }
    ensure!(outcome?, "something was lost, repeated or left over; see above");
    Ok(())
}

fn prepare(args: &Args) -> anyhow::Result<Place> {
    let built = match &args.program {
        Some(program) => program.clone(),
        None => {
            run_command(cargo().args(["build", "--quiet", "--locked", "--package", "tenure"]))?;
            target()?.join("debug/tenure")
        }
    };
    let scratch = std::env::temp_dir().join(format!("tenure-crash-{}", std::process::id()));
    let binary = scratch.join("tenure");
    let place = Place { scratch, binary };
    fs::create_dir_all(place.home())?;
    // A copy: whoever builds meanwhile must not change what is killed.
    fs::copy(&built, &place.binary).with_context(|| format!("cannot copy {}", built.display()))?;
    for n in 0..args.sessions {
        fs::create_dir_all(place.workspace(&session(n)))?;
    }
    Ok(place)
}

fn target() -> anyhow::Result<PathBuf> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version=1"]).output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| root().join("target"), PathBuf::from))
}

fn session(n: u64) -> String {
    format!("s{n}")
}

/// Whether all was zero.
fn tried(args: &Args, seed: u64, place: &Place) -> anyhow::Result<bool> {
    let sweeper = Sweeper(place.mark());
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let begun = Instant::now();
    let mut dice = Dice::of(seed);
    fs::write(place.home().join("config.toml"), nature::configuration(&mut dice))?;
    let chaos_dice = dice.child();
    let link = Link::default();
    let mut world = World::new(args, &mut dice, &link);
    let mut report = Report::default();
    let mut kills = Kills::default();
    let until = args.seconds.map(|seconds| begun + Duration::from_secs(seconds));
    let mut chaos = Chaos {
        place,
        link: &link,
        dice: chaos_dice,
        most_kills: args.kills,
        until,
        interrupted: &interrupted,
        frozen: Vec::new(),
    };
    let told = world.run(place, &mut chaos, &mut kills);
    fs::write(place.scratch.join("journal"), kills.journal.join("\n"))?;
    let told = told?;
    if interrupted.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    let (daemon, told, followers) = told;
    let sides = finish::finish(place, daemon, told, followers, &mut kills, &mut report)?;
    let store = store::read(&place.home())?;
    check::all(place, &store, &sides.sessions, &sides.node, &kills, &mut report);
    finish::print(&store, &sides, &kills, &report, begun.elapsed())?;
    drop(sweeper);
    Ok(report.is_clean())
}

/// Followers by session, and the one of all.
struct Followers {
    sessions: Vec<(String, Follower)>,
    node: Follower,
}

/// What is left when all work has ended: the daemon, what each session's driver was told, and the followers.
type Worked = (Daemon, Vec<(String, Told)>, Followers);

/// Who works at the same time.
struct World<'a> {
    link: &'a Link,
    course: Course,
    /// Followers go on until every session is closed.
    followed: AtomicBool,
    dice: Vec<(String, Dice)>,
}

/// However the work ends, everybody is told.
struct LastOrders<'a>(&'a Course, &'a AtomicBool);

impl Drop for LastOrders<'_> {
    fn drop(&mut self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.over.store(true, Ordering::Relaxed);
        self.1.store(false, Ordering::Relaxed);
    }
}

impl<'a> World<'a> {
    fn new(args: &Args, dice: &mut Dice, link: &'a Link) -> Self {
        let dice = (0..args.sessions).map(|n| (session(n), dice.child())).collect();
        Self { link, course: Course::default(), followed: AtomicBool::new(true), dice }
    }

    /// Lets everybody work while the daemon is killed, and then come to an end. The daemon that is given back has
    /// closed every session, and all followers have what it has stored.
    fn run(&mut self, place: &Place, chaos: &mut Chaos<'_>, kills: &mut Kills) -> anyhow::Result<Worked> {
        let followers = Followers {
            sessions: self.dice.iter().map(|(id, _)| (id.clone(), Follower::default())).collect(),
            node: Follower::default(),
        };
        let (link, course, followed) = (self.link, &self.course, &self.followed);
        let stop = move || !followed.load(Ordering::Relaxed);
        let dice = std::mem::take(&mut self.dice);
        thread::scope(|scope| {
            let _last = LastOrders(course, followed);
            scope.spawn(|| followers.node.run(link, "/v1/events/stream", &stop));
            let mut drivers = Vec::new();
            for ((id, follower), (_, dice)) in followers.sessions.iter().zip(dice) {
                let path = format!("/v1/sessions/{id}/events/stream?deltas=true");
                scope.spawn(move || follower.run(link, &path, &stop));
                let driver = Driver::new(id, link, course, follower.clone(), dice);
                drivers.push((id.clone(), scope.spawn(move || driver.run(place))));
            }
            let outcome = chaos.run(kills);
            course.draining.store(true, Ordering::Relaxed);
            let until = Instant::now() + DRAINS_WITHIN;
            let idle = || drivers.iter().all(|(_, driver)| driver.is_finished());
            while outcome.is_ok()
                && !idle()
                && Instant::now() < until
                && !chaos.interrupted.load(Ordering::Relaxed)
            {
                thread::sleep(Duration::from_millis(20));
            }
            course.over.store(true, Ordering::Relaxed);
            let told: anyhow::Result<Vec<_>> = drivers
                .into_iter()
                .map(|(id, driver)| Ok((id, driver.join().map_err(|_| anyhow!("a driver panicked"))?)))
                .collect();
            if outcome.is_ok() {
                finish::close_all(place, link, &followers, kills);
            }
            outcome.and_then(|daemon| Ok((daemon, told?)))
        })
        .map(|(daemon, told)| (daemon, told, followers))
    }
}
