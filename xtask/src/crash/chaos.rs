//! The killing: SIGKILL of the daemon at random moments, also while it starts; now and then of a shim, an agent, or a
//! daemon with both at once; processes that stand still for a while; numbers of processes that come again. Only
//! processes that this run has started.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::daemon::Daemon;
use super::hands::Hands;
use super::procs::{self, Process};
use super::reuse::Innocents;
use super::told::Kills;

/// How long the daemon is left alone at most for those who have waited long.
const SPARES: Duration = Duration::from_secs(40);

/// What is killed, and for how long.
pub(super) struct Chaos<'a> {
    pub(super) hands: Hands<'a>,
    pub(super) most_kills: u64,
    pub(super) until: Option<Instant>,
    /// When the daemon is to stand still for long, and for how long.
    pub(super) stills: Vec<Still>,
    /// Shims and agents that stand still, and until when.
    pub(super) frozen: Vec<(u32, Instant)>,
    pub(super) innocents: Innocents,
}

/// A daemon that stands still as long as no client waits.
pub(super) struct Still {
    pub(super) after_kills: u64,
    pub(super) from: Instant,
    pub(super) how_long: Duration,
}

/// When a daemon stands still for long: three times 30 s in a long run, once a few seconds in a short one.
pub(super) fn stills(begun: Instant, kills: u64, seconds: Option<u64>) -> Vec<Still> {
    let long = kills.min(seconds.map_or(u64::MAX, |s| s * 3)) >= 500;
    let (n, how_long) = if long { (3, 30) } else { (1, 4) };
    let still = |k: u64| Still {
        after_kills: if kills == u64::MAX { 0 } else { kills * k / (n + 1) },
        from: begun + Duration::from_secs(seconds.unwrap_or(0) * k / (n + 1)),
        how_long: Duration::from_secs(how_long),
    };
    (1..=n).rev().map(still).collect()
}

impl Chaos<'_> {
    /// Kills and restarts; ends with a daemon that runs.
    pub(super) fn make(&mut self, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let mut daemon = self.hands.start(kills)?;
        while kills.daemons < self.most_kills && !self.is_late() {
            self.stand_still(&daemon, kills);
            self.smaller_harm(&daemon, kills);
            thread::sleep(self.hands.dice.millis(5, 400));
            self.spare(kills);
            if self.hands.dice.chance(6) {
                self.kill_tree(&daemon, kills);
            }
            self.hands.kill(daemon, kills)?;
            self.while_it_is_down(kills);
            while self.hands.dice.chance(10) && kills.daemons < self.most_kills {
                let starting = Daemon::start(self.hands.place)?;
                thread::sleep(self.hands.dice.millis(0, 120));
                kills.during_start += 1;
                self.hands.kill(starting, kills)?;
            }
            daemon = self.hands.start(kills)?;
        }
        self.thaw(true);
        kills.innocents_hit = self.innocents.hit();
        Ok(daemon)
    }

    /// Leaves the daemon alone as long as somebody asks for it, and all that stands still goes on when its time is over.
    fn spare(&mut self, kills: &mut Kills) {
        let until = Instant::now() + SPARES;
        if self.hands.link.is_pleaded_with() {
            kills.spared += 1;
            self.hands.note(kills, "the daemon is left alone for somebody who has waited long");
        }
        while self.hands.link.is_pleaded_with() && Instant::now() < until && !self.hands.is_interrupted() {
            self.thaw(false);
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_late(&self) -> bool {
        self.hands.is_interrupted() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn while_it_is_down(&mut self, kills: &mut Kills) {
        if self.hands.dice.chance(8) {
            self.harm_agents(kills);
        }
        if self.hands.dice.chance(3) {
            self.innocents.take_over(&mut self.hands, kills);
        }
    }

    fn stand_still(&mut self, daemon: &Daemon, kills: &mut Kills) {
        let due = |still: &Still| kills.daemons >= still.after_kills && Instant::now() >= still.from;
        if let Some(still) = self.stills.pop_if(|still| due(still)) {
            kills.freezes += 1;
            kills.still_seconds += still.how_long.as_secs();
            self.hands.note(kills, &format!("freeze daemon {} for long", daemon.pid()));
            daemon.freeze(still.how_long);
        }
    }

    fn smaller_harm(&mut self, daemon: &Daemon, kills: &mut Kills) {
        self.thaw(false);
        match self.hands.dice.below(100) {
            0..=7 => self.harm_agents(kills),
            8..=10 => {
                kills.freezes += 1;
                self.hands.note(kills, &format!("freeze daemon {}", daemon.pid()));
                daemon.freeze(self.hands.dice.millis(50, 600));
            }
            11..=12 => {
                self.hands.note(kills, "a second daemon");
                if !Daemon::is_refused(self.hands.place).unwrap_or(false) {
                    kills.ended.push("a second daemon on the same home was not refused".to_owned());
                }
            }
            _ => {}
        }
    }

    /// Also while there is no daemon to see it.
    fn harm_agents(&mut self, kills: &mut Kills) {
        match self.hands.dice.below(3) {
            0 => self.kill_agent(kills),
            1 => self.kill_shim(kills),
            _ => self.freeze_one(kills),
        }
    }

    /// Lets a shim or an agent stand still, while the killing goes on: now and then for so long that it counts as deaf.
    fn freeze_one(&mut self, kills: &mut Kills) {
        let all = procs::marked(&self.hands.place.mark());
        let some: Vec<&Process> = all.iter().filter(|p| p.is_shim() || p.is_agent()).collect();
        if let Some(process) = self.hands.dice.pick(&some) {
            kills.freezes += 1;
            self.hands.note(kills, &format!("freeze {}", process.brief()));
            let dice = &mut self.hands.dice;
            let how_long = if dice.chance(10) { dice.millis(4000, 14_000) } else { dice.millis(50, 1500) };
            self.frozen.push((process.pid, Instant::now() + how_long));
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
            procs::marked(&self.hands.place.mark()).into_iter().filter(Process::is_agent).collect();
        if let Some(agent) = self.hands.dice.pick(&agents) {
            self.hands.note(kills, &format!("kill agent {}", agent.pid));
            kills.agents.insert(agent.pid);
            procs::signal(agent.pid, Signal::KILL);
        }
    }

    fn kill_shim(&mut self, kills: &mut Kills) {
        let all = procs::marked(&self.hands.place.mark());
        let shims: Vec<&Process> = all.iter().filter(|process| process.is_shim()).collect();
        if let Some(shim) = self.hands.dice.pick(&shims) {
            self.hands.note(kills, &format!("kill shim {}", shim.brief()));
            kills.shims.insert(shim.pid);
            procs::signal(shim.pid, Signal::KILL);
        }
    }

    /// A session's shim, its agent and whatever that has started; the daemon itself is killed next.
    fn kill_tree(&mut self, daemon: &Daemon, kills: &mut Kills) {
        let all = procs::marked(&self.hands.place.mark());
        let shims: Vec<&Process> = all.iter().filter(|process| process.is_shim()).collect();
        let Some(shim) = self.hands.dice.pick(&shims) else { return };
        let agent = all.iter().find(|process| process.parent == shim.pid && process.is_agent());
        self.hands.note(kills, &format!("kill daemon {} with shim {}", daemon.pid(), shim.brief()));
        kills.trees += 1;
        kills.shims.insert(shim.pid);
        procs::signal(shim.pid, Signal::KILL);
        for process in all.iter().filter(|p| agent.is_some_and(|a| a.session == p.session)) {
            if process.is_agent() {
                kills.agents.insert(process.pid);
            }
            procs::signal(process.pid, Signal::KILL);
        }
    }
}
