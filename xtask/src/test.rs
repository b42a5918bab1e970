//! `cargo xtask test`: everything that is checked, in one order, each step announced and timed; the first
//! that fails ends it. The tests come last, so that the runner's summary is the last that is said. What the
//! steps need is installed first; what cannot be had is a failure in plain words, never a skip.

mod contents;
mod dependencies;
mod elixir;
mod packages;
mod python;
mod tools;
mod typescript;

use std::process::Command;
use std::time::Instant;

use anyhow::Context;

use crate::crash::{self, faults};
use crate::install;
use crate::process::{self, cargo, program, say};

/// Arguments of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installs nothing and uses no network; checks and tests as much as without it.
    #[arg(long)]
    fast: bool,
}

/// Runs all steps.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let tools = steps.run("tools", || {
        if !args.fast {
            packages::install()?;
        }
        tools::Tools::find_or_install(args.fast)
    })?;
    if !args.fast {
        steps.run("agents", || install::run(&install::Args::default()))?;
        steps.run("npm packages", typescript::install)?;
        steps.run("python packages", python::install)?;
    }
    let cargo = |words: &str| {
        let mut command = cargo();
        command.args(words.split(' '));
        process::run(bounded(&mut command, args.fast))
    };
    // rustfmt alone does not see by itself that nobody sees its colours.
    let colour = if process::colours() { "auto" } else { "never" };
    steps.run("format", || cargo(&format!("fmt --all --check -- --color {colour}")))?;
    steps.run("contents", contents::check)?;
    steps.run("clippy", || cargo("clippy --locked --workspace --all-targets -- -D warnings"))?;
    steps.run("docs", || {
        let mut command = process::cargo();
        command.args(["doc", "--locked", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings");
        process::run(bounded(&mut command, args.fast))
    })?;
    steps.run("dependencies", || dependencies::check(&tools.deny, args.fast))?;
    // With the tests, so that nothing is built twice; the end-to-end tests run the binary that this makes.
    steps.run("build", || cargo("build --locked --workspace --all-targets"))?;
    steps.run("examples in docs", || cargo("test --locked --workspace --doc --quiet"))?;
    steps.run("typescript", typescript::check)?;
    steps.run("elixir", elixir::check)?;
    steps.run("python", python::check)?;
    // A fresh seed each time; it is printed.
    steps.run("crash", || {
        crash::run(&crash::Args::for_seconds(60))?;
        crash::run(&crash::Args::every_label(1))
    })?;
    steps.run("storage faults", || faults::run(&faults::Args::for_seconds(60)))?;
    steps.report()?;
    steps.run(LAST, || {
        let mut command = program(&tools.nextest);
        command.args(["nextest", "run", "--locked", "--workspace", "--profile", profile()]);
        process::run(bounded(&mut command, args.fast))
    })
}

/// The last step, after which nothing more is said.
const LAST: &str = "tests";

/// The runner's profile.
fn profile() -> &'static str {
    if in_ci() { "ci" } else { "default" }
}

/// Whether a machine waits for the outcome instead of a person.
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}

/// With `fast`, keeps cargo from the network.
fn bounded(command: &mut Command, fast: bool) -> &mut Command {
    if fast { command.env("CARGO_NET_OFFLINE", "true") } else { command }
}

/// What was done, and how long it took.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, f64)>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        say(&format!("==> {name}"))?;
        let start = Instant::now();
        let outcome = step();
        let seconds = start.elapsed().as_secs_f64();
        let outcome = outcome.with_context(|| format!("the step {name:?} failed after {seconds:.1} s"))?;
        self.done.push((name, seconds));
        // The last words are the step's own.
        if name != LAST {
            say(&format!("<== {name}: {seconds:.1} s"))?;
        }
        Ok(outcome)
    }

    fn report(&self) -> anyhow::Result<()> {
        let steps: Vec<_> =
            self.done.iter().map(|(name, seconds)| format!("{name} {seconds:.0} s")).collect();
        say(&format!("passed so far: {}", steps.join(", ")))
    }
}
