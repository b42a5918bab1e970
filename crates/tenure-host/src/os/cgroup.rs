//! Cgroups (version 2): one below our own for each agent, where the system lets us
//! make one. It is the only way to hit a whole tree at once; where it is missing
//! the tree is walked.
//!
//! No controller is ever switched on, so that it works beside processes in the
//! parent, and no limit is set.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use crate::process::PidRef;

/// Our own cgroup in a mounted version 2 hierarchy, if there is one.
pub(crate) fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    find(&mounts, &groups)
}

/// Reads mounts and membership, in the kernel's formats.
fn find(mounts: &str, groups: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        if rest.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = fields.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let below = Path::new(own).strip_prefix(&root).ok()?;
        Some(Path::new(&point).join(below))
    })
}

/// Mount tables write blanks and backslashes in octal.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// Makes a new cgroup for one agent.
pub(crate) fn create() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let parent =
        own().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no cgroup version 2 is mounted"))?;
    let pid = std::process::id();
    let start = PidRef::own().map_or(0, |own| own.start_time);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    if count == 0 {
        remove_stale_cgroups();
    }
    let path = parent.join(format!("tenure-{pid}-{start}-{count}"));
    fs::create_dir(&path)?;
    match open_procs(&path) {
        Ok(_) => Ok(path),
        Err(error) => {
            remove(&path);
            Err(error)
        }
    }
}

/// Removes empty cgroups that were left behind by launches and shims that were
/// killed, and whose maker is gone. Those of living agents are not empty and stay.
/// The first launch of a process does this by itself.
pub fn remove_stale_cgroups() {
    let Some(entries) = own().and_then(|parent| fs::read_dir(parent).ok()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_stale) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Whether a name is one of ours, and its maker no longer there to use it.
fn is_stale(name: &str) -> bool {
    let mut fields = name.strip_prefix("tenure-").into_iter().flat_map(|rest| rest.split('-'));
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (Some(pid), Some(start_time), Some(_)) = (number(), number(), number()) else { return false };
    let maker = i32::try_from(pid).ok().and_then(PidRef::of);
    maker.is_none_or(|maker| maker.start_time != start_time)
}

/// Where a process writes `0` to enter.
pub(crate) fn open_procs(group: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(group.join("cgroup.procs"), flags, Mode::empty())?)
}

/// Kills everything in the cgroup and below it, noting whom it hit.
pub(crate) fn kill(group: &Path, hit: &mut Vec<i32>) {
    let members = members(group);
    // Before Linux 5.14 there is no such file.
    let at_once = fs::write(group.join("cgroup.kill"), "1").is_ok();
    for member in members {
        if (at_once || member.signal(Signal::KILL).is_ok()) && !hit.contains(&member.pid) {
            hit.push(member.pid);
        }
    }
}

/// The living processes in the cgroup and below it.
pub(crate) fn members(group: &Path) -> Vec<PidRef> {
    let mut found = Vec::new();
    for group in with_children(group) {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|pid| PidRef::of(pid.parse().ok()?)).filter(PidRef::is_alive));
    }
    found
}

/// Removes an empty cgroup and those below it; one that is not empty stays.
pub(crate) fn remove(group: &Path) {
    for group in with_children(group).iter().rev() {
        let _ = fs::remove_dir(group);
    }
}

/// The cgroup and all below it, parents first.
fn with_children(group: &Path) -> Vec<PathBuf> {
    let mut all = vec![group.to_path_buf()];
    let mut at = 0;
    while at < all.len() {
        for entry in fs::read_dir(&all[at]).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                all.push(entry.path());
            }
        }
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_cgroup_is_found_in_a_hybrid_layout() {
        let found = find(HYBRID, "9:name=systemd:/a\n0::/user/b\n");
        assert_eq!(found, Some(PathBuf::from("/sys/fs/cgroup/uni fied/user/b")));
    }

    #[test]
    fn a_mount_of_a_part_is_taken_from_its_root() {
        let mounts = "41 31 0:38 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(find(mounts, "0::/box/b\n"), Some(PathBuf::from("/sys/fs/cgroup/b")));
        assert_eq!(find(mounts, "0::/elsewhere\n"), None);
    }

    #[test]
    fn only_what_nobody_makes_any_more_is_stale() {
        let own = PidRef::own().expect("this process");
        assert!(!is_stale(&format!("tenure-{}-{}-0", own.pid, own.start_time)));
        assert!(is_stale(&format!("tenure-{}-{}-0", own.pid, own.start_time + 1)));
        for foreign in ["tenure", "tenure-1-2", "tenure-a-b-c", "user.slice", "tenure.service"] {
            assert!(!is_stale(foreign), "{foreign}");
        }
    }

    #[test]
    fn version_one_alone_gives_none() {
        assert_eq!(find("31 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", "8:pids:/\n"), None);
    }
}
