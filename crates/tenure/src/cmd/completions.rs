//! `tenure completions`: completion scripts for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, Context};
use crate::exit::{Exit, Outcome};
use crate::out;

/// Print a completion script, for example `tenure completions bash > ~/.local/share/bash-completion/completions/tenure`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) fn run(args: Args, _: Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tenure", &mut script);
    out::print_bytes(&script)?;
    Ok(Exit::Done)
}
