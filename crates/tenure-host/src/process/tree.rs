//! Who descends from whom.
//!
//! A snapshot of all processes is taken at once: the kernel's list of children
//! (`/proc/PID/task/TID/children`) is not compiled into every kernel and skips
//! entries while children end, so it would only be a second path to test.

use std::collections::{HashMap, HashSet};

use super::stat::{self, Stat};
use super::{PidRef, boot_id};

/// All processes at one moment: read once, asked as often as one likes.
#[derive(Debug)]
pub struct Table {
    by_pid: HashMap<i32, Stat>,
}

impl Table {
    /// Reads them. Blocks on `/proc`.
    #[must_use]
    pub fn read() -> Table {
        let by_pid = stat::all_pids().filter_map(|pid| Some((pid, stat::read(pid)?))).collect();
        Table { by_pid }
    }

    /// The process and its living descendants; empty if it is gone.
    #[must_use]
    pub fn tree(&self, pid: i32) -> Vec<PidRef> {
        let Some(root) = self.by_pid.get(&pid).copied() else { return Vec::new() };
        let mut all = self.below(&[pid]);
        if !root.is_dead() {
            all.insert(0, root);
        }
        all.iter().map(reference).collect()
    }

    /// Whether exactly this process was there, be it as a zombie.
    pub(crate) fn has(&self, process: &PidRef) -> bool {
        self.by_pid.get(&process.pid).is_some_and(|stat| stat.start_time == process.start_time)
    }

    /// The living descendants of the given processes, parents before children,
    /// the given ones not included.
    pub(crate) fn below(&self, roots: &[i32]) -> Vec<Stat> {
        let mut children: HashMap<i32, Vec<&Stat>> = HashMap::new();
        for stat in self.by_pid.values() {
            children.entry(stat.ppid).or_default().push(stat);
        }
        let mut seen: HashSet<i32> = roots.iter().copied().collect();
        let mut open: Vec<i32> = roots.to_vec();
        let mut found = Vec::new();
        while let Some(pid) = open.pop() {
            for child in children.get(&pid).into_iter().flatten() {
                if seen.insert(child.pid) {
                    open.push(child.pid);
                    if !child.is_dead() {
                        found.push(**child);
                    }
                }
            }
        }
        found
    }

    /// The process and its ancestors, nearest first.
    pub(crate) fn lineage(&self, pid: i32) -> Vec<Stat> {
        let mut line = Vec::new();
        let mut at = pid;
        // The bound guards against a snapshot torn by reused pids.
        while line.len() < 4096 {
            let Some(stat) = self.by_pid.get(&at) else { break };
            line.push(*stat);
            at = stat.ppid;
        }
        line
    }
}

/// The living descendants of a process, without itself.
pub(crate) fn descendants(pid: i32) -> Vec<Stat> {
    Table::read().below(&[pid])
}

/// The process and its living descendants; empty if it is gone. Whoever asks for several reads a [`Table`].
pub fn tree(pid: i32) -> Vec<PidRef> {
    Table::read().tree(pid)
}

/// The identity of a process seen in a snapshot.
pub(crate) fn reference(stat: &Stat) -> PidRef {
    PidRef { pid: stat.pid, start_time: stat.start_time, boot_id: boot_id().to_owned() }
}
