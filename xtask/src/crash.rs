//! `cargo xtask crash`: kills the daemon again and again while sessions work, then compares the event log with the
//! agents' own record and prints what differs. All of it must be zero. Nothing of Tenure's code is used here: the log is
//! read as a file and over HTTP, the record as JSON lines, so that a fault cannot hide in what both sides share.
//!
//! It kills at random, or with `--labels` at every labelled point of the code once per seed.
//!
//! A run is repeated by its seed as far as the machine allows: what is done is the same, when it happens is not.

mod caller;
mod chaos;
mod check;
mod churn;
mod daemon;
mod deeds;
mod dice;
mod driver;
pub(crate) mod faults;
mod finish;
mod follow;
mod hands;
mod http;
mod labels;
mod leftovers;
mod nature;
mod procs;
mod record;
mod report;
mod reuse;
mod round;
mod script;
mod store;
mod tape;
mod told;

pub(crate) use dice::fresh_seed;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::chaos::Chaos;
use self::daemon::Place;
use self::hands::Hands;
use self::labels::{Labels, Tally};
use self::procs::Sweeper;
use self::report::Report;
use self::reuse::Innocents;
use self::round::{Figures, Round, Stage};
use crate::process::{self, cargo, root, run as run_command, say};

/// Arguments of `crash`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Sessions that work at the same time
    #[arg(long, default_value_t = 8)]
    pub(crate) sessions: u64,
    /// How often the daemon is killed
    #[arg(long, default_value_t = 200, conflicts_with = "labels")]
    pub(crate) kills: u64,
    /// Repeats what an earlier run did [default: a random one, which is printed]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Stops killing after so many seconds
    #[arg(long, conflicts_with = "labels")]
    pub(crate) seconds: Option<u64>,
    /// Kills at every labelled point of the code instead of at random
    #[arg(long)]
    pub(crate) labels: bool,
    /// How often every label is visited, each time with the next seed
    #[arg(long, default_value_t = 20, requires = "labels")]
    pub(crate) seeds: u64,
    /// Kills this program instead of the one that is built for it; for `--labels` it must have the crash points
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Keeps the home and the records also when all is well
    #[arg(long)]
    pub(crate) keep: bool,
}

impl Args {
    const SOME: Self = Self {
        sessions: 8,
        kills: u64::MAX,
        seed: None,
        seconds: None,
        labels: false,
        seeds: 1,
        program: None,
        keep: false,
    };

    /// As many kills as fit into so many seconds.
    pub(crate) fn for_seconds(seconds: u64) -> Self {
        Self { seconds: Some(seconds), ..Self::SOME }
    }

    /// So many kills.
    pub(crate) fn of_kills(kills: u64) -> Self {
        Self { kills, ..Self::SOME }
    }

    /// Every labelled point, with so many seeds each.
    pub(crate) fn every_label(seeds: u64) -> Self {
        Self { labels: true, seeds, ..Self::SOME }
    }
}

/// Runs the workload, the kills and the checks.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!((1..=99).contains(&args.sessions), "give 1 to 99 --sessions");
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let base = prepare(args)?;
    let interrupted = process::interruptions()?;
    let outcome = match args.labels {
        true => every_label(args, seed, &base, &interrupted),
        false => at_random(args, seed, &base, &interrupted),
    };
    let clean = matches!(outcome, Ok(true));
    if args.keep || !clean {
        say(&format!("kept: {}", base.scratch.display()))?;
    } else {
        fs::remove_dir_all(&base.scratch)?;
    }
    ensure!(outcome?, "something was lost, repeated or left over; see above");
    Ok(())
}

fn prepare(args: &Args) -> anyhow::Result<Place> {
    let built = match &args.program {
        Some(program) => program.clone(),
        None if args.labels => build_with_crash_points()?,
        None => {
            run_command(cargo().args(["build", "--quiet", "--locked", "--package", "tenure"]))?;
            target()?.join("debug/tenure")
        }
    };
    let scratch = std::env::temp_dir().join(format!("tenure-crash-{}", std::process::id()));
    let binary = scratch.join("tenure");
    let base = Place { scratch, binary };
    fs::create_dir_all(&base.scratch)?;
    // A copy: whoever builds meanwhile must not change what is killed.
    fs::copy(&built, &base.binary).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(base)
}

/// The binary lies in a folder of its own, so that the usual one stays what it is; all that the feature does not
/// change is shared with the usual build (by a cargo of 1.91 or later; an earlier one builds it twice).
fn build_with_crash_points() -> anyhow::Result<PathBuf> {
    let target = target()?;
    let own = target.join("crash-points");
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "tenure", "--features", "crash-points"]);
    build.arg("--target-dir").arg(&own).env("CARGO_BUILD_BUILD_DIR", &target);
    run_command(&mut build)?;
    Ok(own.join("debug/tenure"))
}

fn target() -> anyhow::Result<PathBuf> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version=1"]).output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    Ok(metadata["target_directory"].as_str().map_or_else(|| root().join("target"), PathBuf::from))
}

/// Whether all was zero.
fn at_random(args: &Args, seed: u64, place: &Place, interrupted: &AtomicBool) -> anyhow::Result<bool> {
    let bound = match args.seconds {
        Some(seconds) => format!("kills for {seconds} s"),
        None => format!("{} kills", args.kills),
    };
    say(&format!("seed {seed}: {} sessions, {bound}; repeat it with --seed {seed}", args.sessions))?;
    let _sweeper = Sweeper(place.mark());
    let begun = Instant::now();
    let mut report = Report::default();
    let mut figures = Figures::default();
    let round = Round { place, sessions: args.sessions, seed, interrupted };
    let mut trouble = |stage: Stage<'_>, kills: &mut _| {
        let mut chaos = Chaos {
            hands: Hands { place, link: stage.link, dice: stage.dice, interrupted },
            most_kills: args.kills,
            until: args.seconds.map(|seconds| begun + Duration::from_secs(seconds)),
            stills: chaos::stills(begun, args.kills, args.seconds),
            frozen: Vec::new(),
            innocents: Innocents::default(),
        };
        chaos.make(kills)
    };
    round.run(&mut trouble, &mut figures, &mut report)?;
    figures.print(begun.elapsed())?;
    report.print()?;
    Ok(report.is_clean())
}

/// Whether all was zero, and every label was passed.
fn every_label(args: &Args, seed: u64, base: &Place, interrupted: &AtomicBool) -> anyhow::Result<bool> {
    let labels = Tally::labels();
    say(&format!(
        "seeds {seed} to {}: {} sessions, {labels} labels each",
        seed + args.seeds.saturating_sub(1),
        args.sessions
    ))?;
    let begun = Instant::now();
    let mut report = Report::default();
    let mut figures = Figures::default();
    let mut tally = Tally::default();
    for n in 0..args.seeds {
        let place = base.of_round(n);
        fs::create_dir_all(&place.scratch)?;
        let _sweeper = Sweeper(place.mark());
        let found = report.len();
        let round = Round { place: &place, sessions: args.sessions, seed: seed + n, interrupted };
        let mut trouble =
            |stage: Stage<'_>, kills: &mut _| Labels::new(&place, stage, interrupted, &mut tally).make(kills);
        round.run(&mut trouble, &mut figures, &mut report)?;
        if report.len() > found {
            report.print_since(found)?;
            say(&format!(
                "seed {} found something; repeat it with --labels --seeds 1 --seed {}",
                seed + n,
                seed + n
            ))?;
        } else if !args.keep {
            fs::remove_dir_all(&place.scratch)?;
        }
    }
    tally.print(&mut report)?;
    figures.print(begun.elapsed())?;
    report.print()?;
    Ok(report.is_clean())
}
