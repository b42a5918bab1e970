//! `cargo xtask bench`: prints the figures that docs/benchmarks.md keeps. A program, never a test: machines differ and
//! are noisy, so everything that is compared is measured in one run.
//!
//! It runs the release binary with a scratch home and the built-in agent in its fast mode, speaks plain HTTP to it, and
//! uses no code of Tenure.

mod adapter;
mod compare;
mod crowd;
mod daemon;
mod figures;
mod many;
mod marks;
mod past;
mod size;
mod soak;
mod stats;
mod stored;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::{self, cargo, say};
use daemon::Durability;
use figures::Figure;

/// Arguments of `bench`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    figures: FigureArgs,
}

/// What else can be measured.
#[derive(clap::Subcommand)]
enum Verb {
    /// Many sessions that speak for minutes: slopes of memory and descriptors.
    Soak(soak::Args),
    /// Another server beside this one, with the same agent and the same client.
    Compare(compare::Args),
}

/// Which figures, and how.
#[derive(clap::Args)]
struct FigureArgs {
    /// Only these figures, for example `P1,P4`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each figure; the median run is printed with its spread.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// A tenth of the size: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Measures target/dist/tenure as it is.
    #[arg(long)]
    no_build: bool,
    /// Measures another build of it too, run for run in turn: what the machine does meanwhile then hits both.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "write")]
    against: Option<PathBuf>,
    /// Writes the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.verb {
        Some(Verb::Soak(args)) => soak::run(args),
        Some(Verb::Compare(args)) => compare::run(args),
        None => figures(&args.figures),
    }
}

/// Builds what is measured.
fn build() -> anyhow::Result<()> {
    process::run(cargo().args(["build", "--profile", "dist", "--locked", "-p", "tenure"]))
}

fn figures(args: &FigureArgs) -> anyhow::Result<()> {
    if !args.no_build {
        build()?;
    }
    let size = figures::Size { divisor: if args.quick { 10 } else { 1 }, runs: args.runs.max(1) };
    if let Some(other) = &args.against {
        return in_turn(args, &size, other);
    }
    let mut rows = Vec::new();
    for (name, durabilities, measure) in figures::ALL.iter().filter(|(name, ..)| is_wanted(args, name)) {
        for durability in durabilities.iter().copied() {
            say(&format!("{name} ({}) …", durability.word()))?;
            let figures =
                measure(durability, &size).with_context(|| format!("{name} could not be measured"))?;
            for figure in figures {
                say(&format!("    {}: {} (to reach: {})", figure.what, figure.value, figure.target))?;
                rows.push((*name, durability, figure));
            }
        }
    }
    let table = table(&rows);
    say(&table)?;
    if args.write {
        let path = process::root().join("docs/benchmarks.md");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let head = text.split(MARK).next().unwrap_or_default().trim_end().to_owned();
        std::fs::write(&path, format!("{head}\n\n{MARK}\n{}\n\n{table}", about()?))
            .context("docs/benchmarks.md")?;
    }
    Ok(())
}

fn is_wanted(args: &FigureArgs, name: &str) -> bool {
    args.only.is_empty() || args.only.iter().any(|o| o.eq_ignore_ascii_case(name))
}

/// The other program and the release binary, run for run.
fn in_turn(args: &FigureArgs, size: &figures::Size, other: &Path) -> anyhow::Result<()> {
    let once = figures::Size { runs: 1, ..*size };
    for (name, durabilities, measure) in figures::ALL.iter().filter(|(name, ..)| is_wanted(args, name)) {
        for durability in durabilities.iter().copied() {
            for run in 1..=size.runs {
                for (word, program) in [("other", Some(other)), ("this", None)] {
                    daemon::set_program(program);
                    let figures = measure(durability, &once)
                        .with_context(|| format!("{name} could not be measured of the {word} program"))?;
                    for figure in figures {
                        let (what, value) = (figure.what, figure.value);
                        say(&format!("{name} {} run {run} {word:>5}: {what}: {value}", durability.word()))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// What stands above it in docs/benchmarks.md is written by hand.
const MARK: &str = "<!-- what follows is written by `cargo xtask bench --write` -->";

fn about() -> anyhow::Result<String> {
    let commit = process::output(process::program("git").args(["rev-parse", "--short", "HEAD"]))?;
    let commit = commit.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    Ok(format!("Commit {commit}, {cpus} processors, command `cargo xtask bench --write`."))
}

fn table(rows: &[(&str, Durability, Figure)]) -> String {
    let mut text = String::from("| # | durability | what | figure | to reach |\n|---|---|---|---|---|\n");
    for (name, durability, figure) in rows {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} |",
            durability.word(),
            figure.what,
            figure.value,
            figure.target
        );
    }
    text
}
