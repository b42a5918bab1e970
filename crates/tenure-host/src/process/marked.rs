//! Processes that carry an environment marker, and the sweep that ends those
//! which nobody owns any more.
//!
//! A marker is inherited by everything that an agent starts, so it also finds
//! what left the tree by `setsid` and double forks. It is no proof against a
//! program that clears its environment.

use std::collections::HashSet;
use std::io::Read;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::tree::{Table, reference};
use super::{PidRef, stat};

/// Environments longer than this are read only so far (the kernel's own bound
/// on arguments and environment together is of this size).
const MAX_ENVIRONMENT: u64 = 6 << 20;
/// How long a sweep goes on before it reports what remains.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// A living process of this user with the marker in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The process.
    pub process: PidRef,
    /// Its parent's pid.
    pub ppid: i32,
    /// Its name as the kernel keeps it (at most 15 bytes).
    pub name: String,
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Processes that got a kill signal.
    pub killed: Vec<i32>,
    /// Those of them that still lived when the time was over.
    pub remained: Vec<i32>,
}

/// Finds all living processes of this user whose environment holds `name=value`,
/// except this process. The environment is the one given at exec.
pub fn find_marked(name: &str, value: &str) -> Vec<Marked> {
    let wanted = format!("{name}={value}");
    let own = rustix::process::getpid().as_raw_nonzero().get();
    stat::all_pids()
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            let before = stat::read(pid).filter(|s| !s.is_dead())?;
            let environment = environment(pid)?;
            if !environment.split(|b| *b == 0).any(|pair| pair == wanted.as_bytes()) {
                return None;
            }
            // The same process before and after, or the environment was another's.
            let stat = stat::read(pid).filter(|s| s.start_time == before.start_time)?;
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            Some(Marked { process: reference(&stat), ppid: stat.ppid, name: name.trim_end().to_owned() })
        })
        .collect()
}

/// A variable of the environment that a living process of this user was started with.
pub fn variable(process: &PidRef, name: &str) -> Option<String> {
    let environment = environment(process.pid)?;
    let wanted = format!("{name}=");
    let value = environment.split(|b| *b == 0).find_map(|pair| pair.strip_prefix(wanted.as_bytes()))?;
    // Still the same process, or the environment was another's.
    process.is_alive().then(|| String::from_utf8_lossy(value).into_owned())
}

fn environment(pid: i32) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    if file.metadata().ok()?.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_ENVIRONMENT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Those of the marked processes that do not descend from (and are not) one of
/// the `living` processes: nobody owns them.
pub fn orphans(marked: Vec<Marked>, living: &[PidRef]) -> Vec<Marked> {
    let table = Table::read();
    let owned = |stat: &stat::Stat| {
        living.iter().any(|owner| owner.pid == stat.pid && owner.start_time == stat.start_time)
    };
    marked.into_iter().filter(|m| !table.lineage(m.process.pid).iter().any(owned)).collect()
}

/// Kills the given processes and everything below them, in at most about five
/// seconds. This process and its ancestors are never hit. Blocks; call it where
/// blocking is allowed.
///
/// Each process is stopped before its children are counted, so that a tree which
/// keeps forking cannot outrun the count. What multiplies faster than `/proc` can
/// be read is only held by a cgroup.
pub fn sweep(roots: &[PidRef]) -> SweepReport {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let spared: HashSet<i32> = Table::read().lineage(own).iter().map(|s| s.pid).collect();
    let mut targets: HashSet<PidRef> =
        roots.iter().filter(|root| !spared.contains(&root.pid)).cloned().collect();
    let mut report = SweepReport::default();
    let end = Instant::now() + PATIENCE;
    let mut fresh: Vec<PidRef> = targets.iter().cloned().collect();
    loop {
        while !fresh.is_empty() && Instant::now() < end {
            for process in &fresh {
                // Gone already is as good as stopped.
                let _ = process.signal(Signal::STOP);
            }
            fresh = below(&targets, &spared);
            targets.extend(fresh.iter().cloned());
        }
        for target in &targets {
            if target.signal(Signal::KILL).is_ok() && !report.killed.contains(&target.pid) {
                report.killed.push(target.pid);
            }
        }
        std::thread::sleep(PAUSE);
        fresh = below(&targets, &spared);
        targets.extend(fresh.iter().cloned());
        targets.retain(PidRef::is_alive);
        if targets.is_empty() || Instant::now() >= end {
            report.remained = targets.iter().map(|target| target.pid).collect();
            report.killed.sort_unstable();
            report.remained.sort_unstable();
            return report;
        }
    }
}

/// What lives below the targets and is none of them yet.
fn below(targets: &HashSet<PidRef>, spared: &HashSet<i32>) -> Vec<PidRef> {
    let table = Table::read();
    let living: Vec<i32> = targets.iter().filter(|t| table.has(t)).map(|t| t.pid).collect();
    let found = table.below(&living).into_iter().map(|stat| reference(&stat));
    found.filter(|process| !targets.contains(process) && !spared.contains(&process.pid)).collect()
}
