//! Innocent processes that have the number of a shim or an agent which is gone: whoever ends what the record names
//! by number alone hits them. None may be hit.
//!
//! Where the system lets us choose the next process's number the number really comes again; elsewhere the record is
//! changed so that it names an innocent, with the time at which the other one began.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::hands::Hands;
use super::procs::{self, Process};
use super::told::Kills;
use crate::process::program;

/// The number after this one is the next process's, unless it is taken. Only root writes it.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
/// Others start processes, too: the number is tried for so often.
const TRIES: u32 = 40;
/// Some systems look for ended processes that nobody waits for every few seconds only.
const FREED_WITHIN: Duration = Duration::from_secs(4);
/// So many live at once; the longest there is ended by us.
const AT_ONCE: usize = 12;

/// Those that live, and what became of others.
#[derive(Default)]
pub(super) struct Innocents {
    living: Vec<(Child, String)>,
    hit: Vec<String>,
}

impl Innocents {
    /// While there is no daemon: ends a shim and its agent, and has innocents take their numbers.
    pub(super) fn take_over(&mut self, hands: &mut Hands<'_>, kills: &mut Kills) {
        let all = procs::marked(&hands.place.mark());
        let pairs: Vec<(&Process, &Process)> = all
            .iter()
            .filter(|process| process.is_agent())
            .filter_map(|agent| Some((all.iter().find(|p| p.is_shim() && p.pid == agent.parent)?, agent)))
            .collect();
        let Some(&(shim, agent)) = hands.dice.pick(&pairs) else { return };
        hands.note(kills, &format!("kill {} for its number, and {}", shim.brief(), agent.brief()));
        kills.shims.insert(shim.pid);
        kills.agents.insert(agent.pid);
        procs::signal(shim.pid, Signal::KILL);
        procs::signal(agent.pid, Signal::KILL);
        for (who, pid) in [("shim", shim.pid), ("agent", agent.pid)] {
            match again(pid) {
                Some(child) => {
                    kills.numbers_again += 1;
                    self.keep(child, format!("{who} {pid}"));
                }
                None => self.forge(shim, who, kills),
            }
        }
    }

    fn forge(&mut self, shim: &Process, who: &str, kills: &mut Kills) {
        let Some(child) = innocent() else { return };
        let changed = shim.words.last().map(PathBuf::from).and_then(|dir| {
            let file = dir.join("shim.json");
            let mut record: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
            record.get(who)?;
            record[who]["pid"] = json!(child.id());
            fs::write(&file, record.to_string()).ok()
        });
        if changed.is_some() {
            kills.numbers_forged += 1;
        }
        let pid = child.id();
        self.keep(child, format!("{who} {pid} by its record"));
    }

    fn keep(&mut self, child: Child, what: String) {
        self.living.push((child, what));
        if self.living.len() > AT_ONCE {
            let (child, what) = self.living.remove(0);
            self.hit.extend(end(child, what));
        }
    }

    /// Ends all, and tells those that were hit before.
    pub(super) fn hit(&mut self) -> Vec<String> {
        let living = std::mem::take(&mut self.living);
        self.hit.extend(living.into_iter().filter_map(|(child, what)| end(child, what)));
        std::mem::take(&mut self.hit)
    }
}

impl Drop for Innocents {
    fn drop(&mut self) {
        self.hit();
    }
}

/// Ends one; tells of it if it was not alive and well.
fn end(mut child: Child, what: String) -> Option<String> {
    let state = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let stopped = state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
    let ended = child.try_wait().ok().flatten();
    let _ = child.kill();
    let _ = child.wait();
    match ended {
        Some(status) => Some(format!("{what}: {status}")),
        None if stopped => Some(format!("{what}: stopped")),
        None => None,
    }
}

fn innocent() -> Option<Child> {
    let mut command = program("sleep");
    command.arg("3600").env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()
}

/// A process with this number, once its owner is gone. None if that cannot be had.
fn again(pid: u32) -> Option<Child> {
    let until = Instant::now() + FREED_WITHIN;
    while PathBuf::from(format!("/proc/{pid}")).exists() {
        if Instant::now() > until {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..TRIES {
        fs::write(LAST_PID, (pid - 1).to_string()).ok()?;
        let mut child = innocent()?;
        if child.id() == pid {
            return Some(child);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    None
}

#[cfg(test)]
mod tests;
