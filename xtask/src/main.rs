//! The project's own chores, one file per verb: `cargo xtask VERB`.

mod bench;
mod crash;
mod fuzz;
mod install;
mod process;
mod proof;
mod schemathesis;
mod test;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crash::faults;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Verb {
    /// Prints the figures of docs/benchmarks.md.
    Bench(bench::Args),
    /// Kills the daemon at random while sessions work, and looks for what was lost.
    Crash(crash::Args),
    /// Lets calls of the daemon and of shims to the disk fail, one after the other, and looks for what was lost.
    Faults(faults::Args),
    /// Feeds every reader of outside data with what was never seen.
    Fuzz(fuzz::Args),
    /// Installs the real agent programs that the tests drive, into tests/agents/node_modules.
    InstallAgents(install::Args),
    /// Puts every promise of docs/reliability.md to the test, and prints a scorecard.
    Proof(proof::Args),
    /// Makes up requests from the OpenAPI document, and looks for answers that it does not tell of.
    Schemathesis(schemathesis::Args),
    /// Checks and tests everything, and installs what that needs.
    Test(test::Args),
}

fn main() -> ExitCode {
    let result = match Verb::parse() {
        Verb::Bench(args) => bench::run(&args),
        Verb::Crash(args) => crash::run(&args),
        Verb::Faults(args) => faults::run(&args),
        Verb::Fuzz(args) => fuzz::run(&args),
        Verb::InstallAgents(args) => install::run(&args),
        Verb::Proof(args) => proof::run(&args),
        Verb::Schemathesis(args) => schemathesis::run(&args),
        Verb::Test(args) => test::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody to tell; the exit code says it.
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
