//! `cargo xtask faults`: lets the disk fail under a whole daemon and its shims, one call after the other, while a short
//! life goes on: once, or until it is lifted. Then the oracle of `cargo xtask crash` compares log, agents' record and
//! what callers were told. All that it looks for must be zero, and nothing may need a person.
//!
//! The calls fail by strace, at the border to the kernel, whoever makes them; no code of Tenure's knows of it.

mod injector;
mod life;
mod plan;
mod table;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};

use self::plan::{CLASSES, Case};
use self::table::Table;
use self::trial::Trial;
use super::daemon::Place;
use super::dice::{Dice, fresh_seed};
use crate::process::{cargo, output, program, run as run_command, say};

/// Arguments of `faults`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Tries at most so many cases [default: all of them, which takes an hour and more]
    #[arg(long)]
    cases: Option<usize>,
    /// Begins no case after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Chooses the same cases as an earlier run [default: a random one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Only classes of calls whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Trials at the same time
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Tries this program instead of the one that is built for it
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Args {
    /// As many cases as fit into so many seconds.
    pub(crate) fn for_seconds(seconds: u64) -> Self {
        Self { cases: None, seconds: Some(seconds), seed: None, only: None, jobs: 3, program: None }
    }
}

/// Counts the calls of an unhurt life, then lets them fail.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let traces = output(program("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]))?;
    let traces = traces.context("strace is missing: install the package `strace`")?;
    ensure!(
        traces.status.success(),
        "strace may not trace here: {}",
        String::from_utf8_lossy(&traces.stderr)
    );
    let begun = Instant::now();
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let scratch = std::env::temp_dir().join(format!("tenure-faults-{}", std::process::id()));
    let binary = prepare(args, &scratch)?;
    let place = |name: &str| Place { scratch: scratch.join(name), binary: binary.clone() };
    let classes: Vec<usize> = (0..CLASSES.len())
        .filter(|n| args.only.as_ref().is_none_or(|only| CLASSES[*n].name.contains(only.as_str())))
        .collect();
    let counts = in_turns(args.jobs, &classes, |n| {
        trial::count(&place(&format!("count-{n:02}")), &CLASSES[*n]).map(|most| (*n, most))
    })?;
    let mut calls = [0; CLASSES.len()];
    counts.iter().for_each(|(n, most)| calls[*n] = *most);
    let mut cases = plan::fair(plan::cases(&calls, &mut Dice::of(seed)));
    let all = cases.len();
    cases.truncate(args.cases.unwrap_or(usize::MAX));
    say(&format!("seed {seed}: {all} cases, of which {} are looked at", cases.len()))?;
    let table = Mutex::new(Table::new(calls));
    let numbered: Vec<(usize, Case)> = cases.into_iter().enumerate().collect();
    let late = || args.seconds.is_some_and(|seconds| begun.elapsed() > Duration::from_secs(seconds));
    in_turns(args.jobs, &numbered, |(n, case)| {
        if late() {
            return Ok(());
        }
        let place = place(&format!("{n:06}"));
        let trial = trial::run(&place, case).with_context(|| format!("{case} (in {})", place.mark()))?;
        let clean = trial.report.is_clean();
        told(&table, case, trial, &place)?;
        if clean { Ok(fs::remove_dir_all(&place.scratch)?) } else { Ok(()) }
    })?;
    let table = table.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&table.shown(begun.elapsed()))?;
    ensure!(table.is_clean(), "something was lost or wedged; see above, and repeat with --seed {seed}");
    Ok(fs::remove_dir_all(&scratch)?)
}

fn told(table: &Mutex<Table>, case: &Case, trial: Trial, place: &Place) -> anyhow::Result<()> {
    if !trial.report.is_clean() {
        say(&format!("{case}: kept in {}\n{}", place.mark(), trial.report.details().trim_end()))?;
    }
    table.lock().unwrap_or_else(PoisonError::into_inner).add(case, trial);
    Ok(())
}

fn prepare(args: &Args, scratch: &Path) -> anyhow::Result<PathBuf> {
    let built = match &args.program {
        Some(program) => program.clone(),
        None => {
            run_command(cargo().args(["build", "--quiet", "--locked", "--package", "tenure"]))?;
            super::target()?.join("debug/tenure")
        }
    };
    fs::create_dir_all(scratch)?;
    let binary = scratch.join("tenure");
    // A copy: whoever builds meanwhile must not change what is tried.
    fs::copy(&built, &binary).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(binary)
}

/// Does the same with each, so many at a time. The first error ends it.
fn in_turns<T: Sync, U: Send>(
    jobs: usize,
    of: &[T],
    work: impl Fn(&T) -> anyhow::Result<U> + Sync,
) -> anyhow::Result<Vec<U>> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            while let Some(item) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                match work(item) {
                    Ok(result) => done.push(result),
                    Err(error) => {
                        next.store(of.len(), Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(done)
        };
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        Ok(all)
    })
}
