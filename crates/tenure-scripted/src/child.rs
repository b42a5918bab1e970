//! The process that the `fork` step leaves behind: this program again, which sleeps or becomes another one. It is how
//! tests get a grandchild in a session of its own, or one that ignores SIGTERM, without unsafe code.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::script::steps::Fork;

/// The first argument of such a process.
pub(crate) const FLAG: &str = "--child";

/// No child outlives a test run for longer than this.
const LONGEST_SLEEP_S: u64 = 3600;
const USUAL_SLEEP_S: u64 = 60;

/// What comes after [`FLAG`]: `[--setsid] [--ignore-term] (--sleep SECONDS | --exec COMMAND…)`.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--setsid" => {
                // Fails only for a group's leader, which a plain child never is.
                let _ = rustix::process::setsid();
            }
            "--ignore-term" => {
                let seen = Arc::new(AtomicBool::new(false));
                if signal_hook::flag::register(signal_hook::consts::SIGTERM, seen).is_err() {
                    return ExitCode::FAILURE;
                }
            }
            "--sleep" => {
                let seconds = args.next().and_then(|s| s.parse().ok()).unwrap_or(USUAL_SLEEP_S);
                std::thread::sleep(Duration::from_secs(seconds.min(LONGEST_SLEEP_S)));
            }
            "--exec" => return become_command(args.as_slice()),
            _ => return ExitCode::FAILURE,
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::disallowed_methods, reason = "a child that nobody tracks is what this agent is for")]
fn become_command(command: &[String]) -> ExitCode {
    let Some((program, args)) = command.split_first() else { return ExitCode::FAILURE };
    let error = Command::new(program).args(args).exec();
    crate::start::to_stderr(&format!("cannot start {program}: {error}"));
    ExitCode::FAILURE
}

/// Starts the child that the step describes; `own_args` are the agent's own, after the program's name and verb.
#[expect(clippy::disallowed_methods, reason = "a child that nobody tracks is what this agent is for")]
pub(crate) fn spawn(step: &Fork, own_args: &[String]) -> std::io::Result<(Child, Vec<String>)> {
    let mut args = verb(own_args);
    args.push(FLAG.to_owned());
    args.extend(step.setsid.then(|| "--setsid".to_owned()));
    args.extend(step.ignore_term.then(|| "--ignore-term".to_owned()));
    match &step.command {
        Some(command) => {
            args.push("--exec".to_owned());
            args.extend(command.iter().cloned());
        }
        None => args.extend(["--sleep".to_owned(), step.sleep_s.unwrap_or(USUAL_SLEEP_S).to_string()]),
    }
    let stdout = if step.hold_stdout { Stdio::inherit() } else { Stdio::null() };
    let stderr = if step.hold_stdout { Stdio::inherit() } else { Stdio::null() };
    let mut command = Command::new("/proc/self/exe");
    command.args(&args).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    Ok((command.spawn()?, args))
}

/// What stands between the program's name and the agent's own arguments: `scripted-agent`, or nothing.
fn verb(own_args: &[String]) -> Vec<String> {
    let all: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    all.strip_suffix(own_args).unwrap_or(&[]).to_vec()
}
