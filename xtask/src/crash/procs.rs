//! Processes of this machine as `/proc` tells them: which belong to a run, by a text that only its processes carry in
//! their environment or command line; and signals to them. Nothing else is ever signalled.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process of the run.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) words: Vec<String>,
    /// The session it works for, if it says so.
    pub(super) session: Option<String>,
}

impl Process {
    pub(super) fn is_shim(&self) -> bool {
        self.words.get(1).is_some_and(|word| word == "shim")
    }

    /// An agent itself, not what it has started.
    pub(super) fn is_agent(&self) -> bool {
        self.words.get(1).is_some_and(|word| word == "scripted-agent")
            && !self.words.iter().any(|word| word == "--child")
    }

    /// It looks at the others, and is no part of what is looked at.
    pub(super) fn is_tracer(&self) -> bool {
        self.words.first().is_some_and(|word| word == "strace")
    }

    /// For people.
    pub(super) fn brief(&self) -> String {
        format!("{} ({})", self.pid, self.words.join(" "))
    }
}

/// All processes that carry the mark. Zombies carry nothing and are left out.
pub(super) fn marked(mark: &str) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(|pid| look(pid, mark)).collect()
}

fn look(pid: u32, mark: &str) -> Option<Process> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let read =
        |name: &str| fs::read(dir.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (environ, words) = (read("environ").ok()?, read("cmdline").ok()?);
    if !environ.contains(mark) && !words.contains(mark) {
        return None;
    }
    let stat = read("stat").ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let session =
        environ.split('\0').find_map(|pair| pair.strip_prefix("TENURE_SESSION=")).map(str::to_owned);
    let words = words.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    Some(Process { pid, parent, words, session })
}

/// Sends a signal to one process. That it is gone already is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Ends everything that carries the mark, for whatever reason the run ends.
#[derive(Debug)]
pub(super) struct Sweeper(pub(super) String);

impl Drop for Sweeper {
    fn drop(&mut self) {
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            let left = marked(&self.0);
            if left.is_empty() {
                return;
            }
            for process in left {
                signal(process.pid, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
