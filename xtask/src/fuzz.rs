//! `cargo xtask fuzz`: every target of `tenure-fuzz` over fresh mutations of its corpus, for so long, from a seed that is
//! printed. It is no cargo-fuzz, which is told apart by what code an input reaches; `fuzz/README.md` says how to run that.

use crate::process::{self, say};

/// Arguments of `fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs, in seconds; the targets share the processors.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Makes up the same inputs again; without it a fresh one is taken.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs this target alone.
    #[arg(long)]
    target: Option<String>,
}

impl Args {
    /// Every target for so long, with fresh inputs.
    pub(crate) fn for_seconds(seconds: u32) -> Self {
        Self { seconds, seed: None, target: None }
    }
}

/// Runs them. The input of one that fails is kept, and told.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or_else(crate::crash::fresh_seed);
    say(&format!("fuzz: seed {seed}"))?;
    let mut cargo = process::cargo();
    cargo.args(["test", "--locked", "-p", "tenure-fuzz", "--test", "it", "--"]).args(&args.target);
    cargo.env("TENURE_FUZZ_SECONDS", args.seconds.to_string()).env("TENURE_FUZZ_SEED", seed.to_string());
    process::run(&mut cargo)?;
    say(&format!("fuzz: nothing broke with seed {seed}"))
}
