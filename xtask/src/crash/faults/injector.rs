//! Making calls fail, with strace: it stops the daemon and everything it starts at each call of a class, and lets
//! the n-th of each thread come back with an error, undone. What it did is read back from its own account.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::super::daemon::{Daemon, Place};
use super::super::procs;
use super::plan::{Case, Class};
use crate::process::program;

/// strace holds its peace about a file by its name at the moment of the call; the daemon's number, which is in some
/// names, is that of the shell which becomes strace's child.
const SHELL: &str = r#"
account=$1 home=$2 calls=$3 inject=$4 files=$5
shift 5
set -- -e "trace=$calls" ${inject:+-e "$inject"} "$@"
for file in $files; do
    case $file in *\$) file=${file%\$}$$ ;; esac
    set -- -P "$home/$file" "$@"
done
exec strace -D -I2 -f -qq -y -o "$account" "$@"
"#;

/// A daemon's tracer.
pub(super) struct Injector {
    account: PathBuf,
    home: PathBuf,
    tracer: Option<u32>,
}

/// One call that was made to fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) call: String,
    /// Without what differs from life to life.
    pub(super) file: String,
}

impl Injector {
    /// Starts a daemon whose calls fail as the case says; without a case they are only counted.
    pub(super) fn start(place: &Place, class: &Class, case: Option<&Case>) -> anyhow::Result<(Daemon, Self)> {
        let account = place.scratch.join("strace");
        let inject = case.map_or_else(String::new, |case| {
            let when = if case.lasting { format!("{}+", case.nth) } else { case.nth.to_string() };
            format!("inject={}:error={}:when={when}", class.calls, case.error)
        });
        let mut command: Command = program("/bin/sh");
        command.args(["-c", SHELL, "sh"]).arg(&account).arg(place.home());
        command.args([class.calls, &inject, &class.files.join(" ")]).arg(&place.binary);
        let daemon = Daemon::start_by(place, command)?;
        Ok((daemon, Self { account, home: place.home(), tracer: None }))
    }

    /// The daemon is there; by its number its tracer is found.
    pub(super) fn found(&mut self, daemon: u32) {
        self.tracer = tracer_of(daemon);
    }

    /// No call fails from now on: strace lets go of everybody.
    pub(super) fn lift(&self) {
        let Some(tracer) = self.tracer else { return };
        procs::signal(tracer, Signal::TERM);
        let until = Instant::now() + Duration::from_secs(10);
        while fs::exists(format!("/proc/{tracer}/cmdline")).unwrap_or(false) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// All calls that were made to fail so far.
    pub(super) fn hits(&self) -> Vec<Hit> {
        let account = self.read().unwrap_or_default();
        account
            .lines()
            .filter(|line| line.ends_with("(INJECTED)"))
            .filter_map(|line| self.hit(line))
            .collect()
    }

    /// Shims that could not write down who their agent is: they end it before it has heard a word.
    pub(super) fn nameless(&self) -> Vec<u32> {
        let account = self.read().unwrap_or_default();
        let failed = account.lines().filter(|line| line.ends_with("(INJECTED)") && line.contains("/g"));
        let of_the_name = failed.filter(|line| line.contains("shim.part") || line.contains("shim.json"));
        of_the_name.filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
    }

    /// How many calls the busiest thread made.
    pub(super) fn most_calls(&self) -> io::Result<u32> {
        let mut calls = std::collections::BTreeMap::<String, u32>::new();
        for line in self.read()?.lines().filter(|line| !line.contains("resumed>")) {
            if let Some((thread, call)) = line.split_once(' ')
                && call.contains('(')
            {
                *calls.entry(thread.to_owned()).or_default() += 1;
            }
        }
        Ok(calls.into_values().max().unwrap_or(0))
    }

    fn read(&self) -> io::Result<String> {
        fs::read(&self.account).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `PID call(4</the/file>, …) = -1 EIO (Input/output error) (INJECTED)`, or `PID <... call resumed>…`.
    fn hit(&self, line: &str) -> Option<Hit> {
        let (_, call) = line.split_once(' ')?;
        let call = call.trim_start();
        let name = call.strip_prefix("<... ").unwrap_or(call);
        let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let home = self.home.to_string_lossy();
        let file = call.rsplit_once(&*home).map_or("", |(_, rest)| rest);
        let file: String = file.chars().take_while(|c| !"\">,".contains(*c)).collect();
        Some(Hit { call: name, file: plain(file.trim_start_matches('/')) })
    }
}

/// A file's name without numbers of processes and without hashes.
fn plain(file: &str) -> String {
    let Some((folder, name)) = file.rsplit_once('/') else {
        return file.split_once(".new-").map_or_else(|| file.to_owned(), |(name, _)| format!("{name}.new"));
    };
    let name = if folder.ends_with("blobs") { "BLOB" } else { name };
    format!("{folder}/{name}")
}

fn tracer_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?.trim().parse().ok()?;
    (tracer != 0).then_some(tracer)
}
