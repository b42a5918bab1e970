//! `cargo xtask proof`: every promise of docs/reliability.md put to the test, one after the other, and a scorecard at the end.
//! It measures no speed (`cargo xtask bench` does), and it is no part of `cargo xtask test`, which has a bounded share of
//! the same.

use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::ensure;

use crate::crash::{self, faults};
use crate::process::{self, cargo, say};
use crate::{fuzz, schemathesis};

/// Arguments of `proof`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A few minutes instead of an hour: fewer kills, fewer faults, fewer inputs
    #[arg(long)]
    quick: bool,
}

/// One line of the scorecard: what is promised, and what tries to break it.
struct Trial {
    promise: &'static str,
    by: &'static str,
    run: fn(quick: bool) -> anyhow::Result<()>,
}

const TRIALS: &[Trial] = &[
    Trial {
        promise: "nothing lost, repeated or left over at random deaths",
        by: "crash",
        run: |quick| match quick {
            true => crash::run(&crash::Args::for_seconds(60)),
            false => crash::run(&crash::Args::of_kills(1000)),
        },
    },
    Trial {
        promise: "nor at the points where a death would be worst",
        by: "crash --labels",
        run: |quick| crash::run(&crash::Args::every_label(if quick { 1 } else { 20 })),
    },
    Trial {
        promise: "nor when the disk fails or is full",
        by: "faults",
        run: |quick| faults::run(&faults::Args::for_seconds(if quick { 60 } else { 1500 })),
    },
    Trial {
        promise: "nor in torn and damaged files",
        by: "bad::torn, bad::damage, bad::disk",
        run: |_| tests(&["-p", "tenure-test", "-E", "test(/^bad::(torn|damage|disk)/)"]),
    },
    Trial {
        promise: "everything ends once, in any order of events",
        by: "tenure-core, tenure-sim",
        run: |_| tests(&["-p", "tenure-core", "-p", "tenure-sim"]),
    },
    Trial {
        promise: "no outside data breaks a reader",
        by: "fuzz",
        run: |quick| fuzz::run(&fuzz::Args::for_seconds(if quick { 2 } else { 30 })),
    },
    Trial {
        promise: "nobody gets in who should not",
        by: "tenure-test security",
        run: |_| tests(&["-p", "tenure-test", "--test", "security"]),
    },
    Trial {
        promise: "no answer but those of the document, and no 500",
        by: "schemathesis",
        run: |quick| {
            schemathesis::install()?;
            schemathesis::check(&schemathesis::Args::for_seconds(if quick { 40 } else { 300 }))
        },
    },
];

/// Runs every trial, also after one has failed, and prints the scorecard.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    process::run(cargo().args(["build", "--locked", "--package", "tenure"]))?;
    let interrupted = process::interruptions()?;
    let mut card = Vec::new();
    for trial in TRIALS {
        ensure!(!interrupted.load(Ordering::Relaxed), "interrupted before `{}`", trial.by);
        say(&format!("==> {}", trial.by))?;
        let start = Instant::now();
        let outcome = (trial.run)(args.quick);
        if let Err(error) = &outcome {
            say(&format!("{}: {error:#}", trial.by))?;
        }
        card.push((trial, outcome.is_ok(), start.elapsed().as_secs()));
    }
    say("")?;
    for (trial, held, seconds) in &card {
        let word = if *held { "held  " } else { "BROKEN" };
        say(&format!("{word}  {:<56} {:>5} s  {}", trial.promise, seconds, trial.by))?;
    }
    let broken = card.iter().filter(|(_, held, _)| !held).count();
    ensure!(broken == 0, "{broken} of {} promises did not hold; see above", card.len());
    say(&format!("all {} promises held", card.len()))
}

fn tests(words: &[&str]) -> anyhow::Result<()> {
    process::run(cargo().args(["nextest", "run", "--locked", "--no-fail-fast"]).args(words))
}
