//! The `tenure` program: the command line, the daemon (`up`), and three hidden programs that share the binary.
//!
//! `shim` and `scripted-agent` are chosen before anything else exists: a shim must not start a thread before it forks,
//! and costs no more memory than it must.

mod cli;
mod cmd;
mod daemon;
mod exit;
mod out;
mod session_tools;
mod style;
mod table;
mod term;
mod text;
mod view;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_ref().and_then(|first| first.to_str()) {
        Some("shim") => {
            let dir: OsString = args.next().unwrap_or_default();
            tenure_host::shim::main(Path::new(&dir))
        }
        Some("scripted-agent") => {
            tenure_scripted::main(args.map(|a| a.to_string_lossy().into_owned()).collect())
        }
        Some("session-tools") => session_tools::main(args),
        _ => cli::main(),
    }
}
