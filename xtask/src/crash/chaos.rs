//! The killing: SIGKILL of the daemon at random moments, also while it starts; now and then of a shim or an agent, and
//! a daemon that stands still for a while. Only processes that this run has started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::daemon::{Daemon, Link, Place};
use super::dice::Dice;
use super::procs::{self, Process};
use super::told::Kills;

/// What is killed, and for how long.
pub(super) struct Chaos<'a> {
    pub(super) place: &'a Place,
    pub(super) link: &'a Link,
    pub(super) dice: Dice,
    pub(super) most_kills: u64,
    pub(super) until: Option<Instant>,
    pub(super) interrupted: &'a AtomicBool,
    /// Shims and agents that stand still, and until when.
    pub(super) frozen: Vec<(u32, Instant)>,
}

impl Chaos<'_> {
    /// Kills and restarts; ends with a daemon that runs.
    pub(super) fn run(&mut self, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let mut daemon = self.start(kills)?;
        while kills.daemons < self.most_kills && !self.is_late() {
            self.smaller_harm(&daemon, kills);
            thread::sleep(self.dice.millis(5, 400));
            self.kill(daemon, kills)?;
            if self.dice.chance(8) {
                self.harm_agents(kills);
            }
            while self.dice.chance(10) && kills.daemons < self.most_kills {
                let starting = Daemon::start(self.place)?;
                thread::sleep(self.dice.millis(0, 120));
                kills.during_start += 1;
                self.kill(starting, kills)?;
            }
            daemon = self.start(kills)?;
        }
        self.thaw(true);
        Ok(daemon)
    }

    fn note(&self, kills: &mut Kills, what: &str) {
        // By the clock of the agents' record.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        kills.journal.push(format!("{}.{:09} {what}", now.tv_sec, now.tv_nsec));
    }

    fn is_late(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn start(&mut self, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let mut daemon = Daemon::start(self.place)?;
        let (endpoint, took) = daemon.ready(self.place)?;
        kills.ready_ms.push(took.as_secs_f64() * 1000.0);
        self.link.set(Some(endpoint));
        self.note(kills, &format!("daemon {} ready", daemon.pid()));
        Ok(daemon)
    }

    fn kill(&mut self, daemon: Daemon, kills: &mut Kills) -> anyhow::Result<()> {
        self.note(kills, &format!("kill daemon {}", daemon.pid()));
        if !daemon.kill()? {
            kills.ended.push(format!("before kill {}", kills.daemons + 1));
        }
        self.link.set(None);
        kills.daemons += 1;
        look_for_two(&self.place.mark(), kills);
        Ok(())
    }

    fn smaller_harm(&mut self, daemon: &Daemon, kills: &mut Kills) {
        self.thaw(false);
        match self.dice.below(100) {
            0..=7 => self.harm_agents(kills),
            8..=10 => {
                kills.freezes += 1;
                self.note(kills, &format!("freeze daemon {}", daemon.pid()));
                daemon.freeze(self.dice.millis(50, 600));
            }
            11..=12 => {
                self.note(kills, "a second daemon");
                if !Daemon::is_refused(self.place).unwrap_or(false) {
                    kills.ended.push("a second daemon on the same home was not refused".to_owned());
                }
            }
            _ => {}
        }
    }

    /// Also while there is no daemon to see it.
    fn harm_agents(&mut self, kills: &mut Kills) {
        match self.dice.below(3) {
            0 => self.kill_agent(kills),
            1 => self.kill_shim(kills),
            _ => self.freeze_one(kills),
        }
    }

    /// Lets a shim or an agent stand still, while the killing goes on.
    fn freeze_one(&mut self, kills: &mut Kills) {
        let all = procs::marked(&self.place.mark());
        let some: Vec<&Process> = all.iter().filter(|p| p.is_shim() || p.is_agent()).collect();
        if let Some(process) = self.dice.pick(&some) {
            kills.freezes += 1;
            self.note(kills, &format!("freeze {}", process.brief()));
            self.frozen.push((process.pid, Instant::now() + self.dice.millis(50, 1500)));
            procs::signal(process.pid, Signal::STOP);
        }
    }

    fn thaw(&mut self, all: bool) {
        self.frozen.retain(|(pid, until)| {
            let due = all || Instant::now() >= *until;
            if due {
                procs::signal(*pid, Signal::CONT);
            }
            !due
        });
    }

    fn kill_agent(&mut self, kills: &mut Kills) {
        let agents: Vec<Process> =
            procs::marked(&self.place.mark()).into_iter().filter(Process::is_agent).collect();
        if let Some(agent) = self.dice.pick(&agents) {
            self.note(kills, &format!("kill agent {}", agent.pid));
            kills.agents.insert(agent.pid);
            procs::signal(agent.pid, Signal::KILL);
        }
    }

    fn kill_shim(&mut self, kills: &mut Kills) {
        let all = procs::marked(&self.place.mark());
        let shims: Vec<&Process> = all.iter().filter(|process| process.is_shim()).collect();
        if let Some(shim) = self.dice.pick(&shims) {
            self.note(kills, &format!("kill shim {}", shim.brief()));
            kills.shims.insert(shim.pid);
            procs::signal(shim.pid, Signal::KILL);
        }
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
