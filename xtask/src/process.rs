//! Starting other programs, and what they must not inherit from the cargo that started us. Where they are
//! looked for and what their output means is the callers' business.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What cargo tells a program about the package that it runs. A cargo below would take it for a change, and
/// build again what was built.
const ABOUT_US: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_PACKAGE"];

/// A command in the project's directory.
#[expect(clippy::disallowed_methods, reason = "every program here is waited for right where it is started")]
pub(crate) fn program(name: impl AsRef<Path>) -> Command {
    let mut command = Command::new(name.as_ref());
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        if ABOUT_US.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    if !colours() {
        command.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
    }
    command
}

/// Whether somebody sees colours.
pub(crate) fn colours() -> bool {
    io::stderr().is_terminal()
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command, whose output everybody sees, to a good end.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = shown(command);
    let status = command.status().with_context(|| format!("{name} could not be started"))?;
    ensure!(status.success(), "{name} failed ({status}); its own words stand above");
    Ok(())
}

/// Runs a command and gives what it said, or `None` if there is no such program.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Option<Output>> {
    match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        output => Ok(Some(output.with_context(|| format!("{} could not be started", shown(command)))?)),
    }
}

/// A command as one would type it, without the program's directory.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The project's directory.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Tells a line to whoever runs us.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr(), "{line}")?)
}

/// Becomes true when somebody wants an end (SIGINT, SIGTERM), so that what was started can be ended first. Who cannot wait says so
/// twice.
pub(crate) fn interruptions() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}
