//! What a set of processes uses.

use std::time::Duration;

use super::PidRef;
use super::stat;

/// Memory and CPU of a set of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Proportional memory in bytes, resident memory for processes whose
    /// proportional figure may not be read.
    pub memory_bytes: u64,
    /// User and system time.
    pub cpu: Duration,
    /// How many of the given processes were alive.
    pub processes: usize,
}

/// Adds up what the given processes use; those that are gone count nothing.
/// Source: `/proc/PID/smaps_rollup` and `/proc/PID/stat`.
pub fn usage(processes: &[PidRef]) -> Usage {
    let mut total = Usage::default();
    let mut ticks = 0u64;
    let page = rustix::param::page_size() as u64;
    for process in processes {
        let Some(stat) = stat::read(process.pid) else { continue };
        if stat.start_time != process.start_time || stat.is_dead() {
            continue;
        }
        total.processes += 1;
        total.memory_bytes += proportional(process.pid).unwrap_or(stat.rss_pages.saturating_mul(page));
        ticks = ticks.saturating_add(stat.cpu_ticks);
    }
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    total.cpu = Duration::from_millis(ticks.saturating_mul(1000) / per_second);
    total
}

fn proportional(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
