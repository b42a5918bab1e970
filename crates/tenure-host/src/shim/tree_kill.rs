//! Killing everything below the shim, in rounds that never block its loop.
//!
//! The shim is a subreaper: as long as it has a child there is something left, and
//! once it has none the whole tree is gone. That is the proof; the walk through
//! `/proc` and the cgroup only say whom to hit.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::os::cgroup;
use crate::process::{PidRef, descendants};

/// How long the tree is hunted before the rest is reported as remaining.
const PATIENCE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// A running kill of the whole tree.
pub(crate) struct TreeKill {
    next: Instant,
    pause: Duration,
    end: Instant,
    rounds: u32,
}

impl TreeKill {
    pub(crate) fn start(now: Instant) -> TreeKill {
        TreeKill { next: now, pause: FIRST_PAUSE, end: now + PATIENCE, rounds: 0 }
    }

    /// When the next round is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.end
    }

    /// One round: a kill signal to everything that lives below this process.
    pub(crate) fn round(&mut self, now: Instant, group: Option<&Path>, hit: &mut Vec<i32>) {
        if let Some(group) = group {
            cgroup::kill(group, hit);
        }
        // A tree that outran the first round keeps forking: stopped, it cannot.
        if self.rounds > 1 {
            stop();
        }
        self.rounds += 1;
        for process in living() {
            if process.signal(Signal::KILL).is_ok() && !hit.contains(&process.pid) {
                hit.push(process.pid);
            }
        }
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_PAUSE);
    }
}

/// Stops everything below this process, until nothing new shows up.
fn stop() {
    let mut stopped: Vec<PidRef> = Vec::new();
    // A bound only: each look finds what was forked during the one before.
    for _ in 0..20 {
        let fresh: Vec<PidRef> = living().into_iter().filter(|process| !stopped.contains(process)).collect();
        if fresh.is_empty() {
            return;
        }
        for process in fresh {
            let _ = process.signal(Signal::STOP);
            stopped.push(process);
        }
    }
}

/// Everything that lives below this process.
pub(crate) fn living() -> Vec<PidRef> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    descendants(own).iter().map(crate::process::reference).collect()
}
