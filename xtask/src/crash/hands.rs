//! What every kind of trouble does by hand: starts and kills the daemon, notes it in the journal, looks for sessions
//! with two agents. When and why is the callers' business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::daemon::{Daemon, Link, Place};
use super::dice::Dice;
use super::procs::{self, Process};
use super::told::Kills;

/// The daemon's place, the way that others find it, and the dice of this trouble.
pub(super) struct Hands<'a> {
    pub(super) place: &'a Place,
    pub(super) link: &'a Link,
    pub(super) dice: Dice,
    pub(super) interrupted: &'a AtomicBool,
}

impl Hands<'_> {
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// By the clock of the agents' record.
    pub(super) fn note(&self, kills: &mut Kills, what: &str) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        kills.journal.push(format!("{}.{:09} {what}", now.tv_sec, now.tv_nsec));
    }

    pub(super) fn start(&self, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let daemon = Daemon::start(self.place)?;
        self.make_ready(daemon, kills)
    }

    pub(super) fn make_ready(&self, mut daemon: Daemon, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let (endpoint, took) = daemon.ready(self.place)?;
        kills.ready_ms.push(took.as_secs_f64() * 1000.0);
        self.link.set(Some(endpoint));
        self.note(kills, &format!("daemon {} ready", daemon.pid()));
        Ok(daemon)
    }

    pub(super) fn kill(&self, daemon: Daemon, kills: &mut Kills) -> anyhow::Result<()> {
        self.note(kills, &format!("kill daemon {}", daemon.pid()));
        if !daemon.kill()? {
            kills.ended.push(format!("before kill {}", kills.daemons + 1));
        }
        self.is_down(kills);
        Ok(())
    }

    /// The daemon is dead, and was meant to be.
    pub(super) fn is_down(&self, kills: &mut Kills) {
        self.link.set(None);
        kills.daemons += 1;
        look_for_two(&self.place.mark(), kills);
    }
}

/// Notes sessions that have two agents at this moment. A child that has not yet become what it is to be looks like its
/// agent; and one of two may have ended while the list was made: only what is still so a little later counts.
fn look_for_two(mark: &str, kills: &mut Kills) {
    let twice = |all: &[Process]| -> Vec<(Process, Process)> {
        let agents: Vec<&Process> = all.iter().filter(|process| process.is_agent()).collect();
        let pairs = agents.iter().enumerate().flat_map(|(n, a)| agents[..n].iter().map(move |b| (*b, *a)));
        let two =
            |(a, b): &(&Process, &Process)| a.session == b.session && a.pid != b.parent && b.pid != a.parent;
        pairs.filter(two).map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    let before = twice(&procs::marked(mark));
    if before.is_empty() {
        return;
    }
    thread::sleep(Duration::from_millis(30));
    for (a, b) in twice(&procs::marked(mark)) {
        if before.iter().any(|(x, y)| x.pid == a.pid && y.pid == b.pid) {
            kills.two_at_once.push(format!("{:?}: {} and {}", a.session, a.brief(), b.brief()));
        }
    }
}
