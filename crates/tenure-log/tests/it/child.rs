//! Running one test of this very program in a process of its own, to kill it or to take its disk away.

use std::process::{Command, Stdio};

/// Where the child works.
const HOME: &str = "TENURE_LOG_TEST_HOME";

/// A command that runs the ignored test `name` in `home`, below `wrapper`, whose last argument
/// is taken for the program.
pub(crate) fn command(name: &str, home: &std::path::Path, wrapper: &[&str]) -> Command {
    let program = std::env::current_exe().expect("known");
    let (first, rest) = wrapper.split_first().map_or((None, &[][..]), |(f, r)| (Some(f), r));
    #[expect(clippy::disallowed_methods, reason = "a test that is killed needs a process to be killed")]
    let mut command = match first {
        Some(first) => Command::new(first),
        None => Command::new(&program),
    };
    if first.is_some() {
        command.args(rest).arg(&program);
    }
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command.env(HOME, home).stdin(Stdio::null());
    command
}

/// The home that the parent chose.
pub(crate) fn home() -> std::path::PathBuf {
    std::env::var_os(HOME).expect("run by another test").into()
}
