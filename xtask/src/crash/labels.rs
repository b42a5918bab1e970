//! Every labelled point of the code, one after the other: the daemon, or a shim, is told to die there, and does so by
//! itself with work in flight. A point that is never passed is a fault, like whatever is lost.

mod flight;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use self::flight::Flight;
use self::table::{ALL, Label, Who};
use super::churn::{Book, CANARY};
use super::daemon::{Daemon, Place};
use super::deeds::Wanted;
use super::hands::Hands;
use super::report::{Fault, Report};
use super::round::Stage;
use super::told::Kills;
use crate::process::say;

/// A point that is not passed by then is not passed.
const PASSES_WITHIN: Duration = Duration::from_secs(60);
/// The same of a start: nobody gets an answer meanwhile.
const START_WITHIN: Duration = Duration::from_secs(25);
/// A point of the start that is not passed so long after the daemon is up waits for another start.
const STARTS_FOR: Duration = Duration::from_millis(700);
/// Work begins within this time.
const WORKS_WITHIN: Duration = Duration::from_secs(10);

/// What became of one label.
#[derive(Debug, Default, Clone)]
struct Row {
    visits: u64,
    hits: u64,
    /// Hits with a turn, an open ask, a waiting input, a forked child in flight.
    with: [u64; 4],
}

/// All labels over all rounds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: BTreeMap<(&'static str, Who), Row>,
}

impl Tally {
    /// How many labels there are; one that has several kinds of passages counts for each.
    pub(super) fn labels() -> usize {
        ALL.len()
    }

    fn count(&mut self, label: &Label, flight: Option<Flight>) {
        let row = self.rows.entry((label.name, label.who)).or_default();
        row.visits += 1;
        let Some(flight) = flight else { return };
        row.hits += 1;
        for (with, n) in row.with.iter_mut().zip(flight.counts()) {
            *with += u64::from(n > 0);
        }
    }

    /// A line per label, and what is wrong with them.
    pub(super) fn print(&self, report: &mut Report) -> anyhow::Result<()> {
        say(&format!("{:<32} {:>7}   with: turns   asks  inputs  children", "crash point", "died"))?;
        for label in ALL {
            let row = self.rows.get(&(label.name, label.who)).cloned().unwrap_or_default();
            let [turns, asks, inputs, children] = row.with;
            let died = format!("{}/{}", row.hits, row.visits);
            let name = format!("{}{}", label.name, if label.who == Who::Start { ", at a start" } else { "" });
            say(&format!("{name:<32} {died:>7} {turns:>13} {asks:>6} {inputs:>7} {children:>9}"))?;
            if row.hits < row.visits || row.visits == 0 {
                let missed = row.visits - row.hits;
                report.add(Fault::Unpassed, format!("{name}: {missed} times of {}", row.visits));
            } else if turns + asks + inputs == 0 {
                report.add(Fault::Idle, name);
            }
        }
        Ok(())
    }
}

/// The daemon, if it still runs, and what was in flight if the label was passed.
type Visited = (Option<Daemon>, Option<Flight>);

/// The trouble: goes to each label once, in an order of its own.
pub(super) struct Labels<'a> {
    hands: Hands<'a>,
    followers: &'a super::round::Followers,
    lives: Book,
    wanted: &'a Wanted,
    tally: &'a mut Tally,
    orders: u64,
}

impl<'a> Labels<'a> {
    pub(super) fn new(
        place: &'a Place,
        stage: Stage<'a>,
        interrupted: &'a AtomicBool,
        tally: &'a mut Tally,
    ) -> Self {
        let Stage { link, dice, followers, lives, wanted } = stage;
        let hands = Hands { place, link, dice, interrupted };
        Self { hands, followers, lives, wanted, tally, orders: 0 }
    }

    /// Goes to all of them; ends with a daemon that runs.
    pub(super) fn make(&mut self, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let mut labels: Vec<&Label> = ALL.iter().collect();
        self.hands.dice.shuffle(&mut labels);
        let mut daemon = None;
        for label in labels {
            if self.hands.is_interrupted() {
                break;
            }
            self.wanted.set(Some(label.name));
            let visited = match label.who {
                Who::Work => self.at_work(label, daemon.take(), kills)?,
                Who::Start => self.at_start(label, daemon.take(), kills)?,
                Who::Shim => self.shim(label, daemon.take(), kills)?,
            };
            let flight;
            (daemon, flight) = visited;
            self.tally.count(label, flight);
        }
        self.wanted.set(None);
        match daemon {
            Some(daemon) => Ok(daemon),
            None => self.hands.start(kills),
        }
    }

    /// The daemon dies while it works.
    fn at_work(
        &mut self,
        label: &Label,
        daemon: Option<Daemon>,
        kills: &mut Kills,
    ) -> anyhow::Result<Visited> {
        let mut daemon = self.at_its_work(daemon, kills)?;
        self.order(label, kills)?;
        let until = Instant::now() + PASSES_WITHIN;
        while Instant::now() < until && !self.hands.is_interrupted() {
            if daemon.has_ended() {
                return Ok((None, self.died(kills)));
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.revoke();
        Ok((Some(daemon), None))
    }

    /// The daemon dies while it starts, or takes up what another one left.
    fn at_start(
        &mut self,
        label: &Label,
        daemon: Option<Daemon>,
        kills: &mut Kills,
    ) -> anyhow::Result<Visited> {
        let until = Instant::now() + START_WITHIN;
        let mut running = daemon;
        while Instant::now() < until && !self.hands.is_interrupted() {
            // Half of the time it starts upon what the last label left.
            if running.is_some() || self.hands.dice.chance(50) {
                let daemon = self.at_its_work(running.take(), kills)?;
                thread::sleep(self.hands.dice.millis(0, 60));
                self.hands.kill(daemon, kills)?;
            }
            self.plant(label)?;
            self.order(label, kills)?;
            let mut daemon = Daemon::start(self.hands.place)?;
            let (latest, mut patience) = (Instant::now() + WORKS_WITHIN, None);
            loop {
                if daemon.has_ended() {
                    kills.during_start += 1;
                    return Ok((None, self.died(kills)));
                }
                if patience.is_none() && daemon.is_up(self.hands.place) {
                    patience = Some(Instant::now() + STARTS_FOR);
                }
                if Instant::now() > patience.unwrap_or(latest) {
                    break;
                }
                thread::sleep(Duration::from_millis(1));
            }
            self.revoke();
            if self.is_taken() {
                // It was, at the last moment.
                while !daemon.has_ended() && Instant::now() < until {
                    thread::sleep(Duration::from_millis(1));
                }
                kills.during_start += 1;
                return Ok((None, self.died(kills)));
            }
            running = Some(self.hands.make_ready(daemon, kills)?);
        }
        Ok((running, None))
    }

    /// A shim dies; its daemon goes on, or dies a little later.
    fn shim(&mut self, label: &Label, daemon: Option<Daemon>, kills: &mut Kills) -> anyhow::Result<Visited> {
        let daemon = self.at_its_work(daemon, kills)?;
        self.order(label, kills)?;
        let until = Instant::now() + PASSES_WITHIN;
        while Instant::now() < until && !self.hands.is_interrupted() {
            if let Some(pid) = self.taken() {
                kills.shims.insert(pid);
                let flight = Flight::now(self.followers, self.hands.place);
                self.hands.note(kills, &format!("shim {pid} died at {}", label.name));
                if self.hands.dice.chance(70) {
                    return Ok((Some(daemon), Some(flight)));
                }
                thread::sleep(self.hands.dice.millis(0, 20));
                self.hands.kill(daemon, kills)?;
                return Ok((None, Some(flight)));
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.revoke();
        Ok((Some(daemon), None))
    }

    /// A daemon that runs, and sessions that work.
    fn at_its_work(&self, daemon: Option<Daemon>, kills: &mut Kills) -> anyhow::Result<Daemon> {
        let daemon = match daemon {
            Some(daemon) => daemon,
            None => self.hands.start(kills)?,
        };
        let until = Instant::now() + WORKS_WITHIN;
        while !flight::is_any(self.followers) && Instant::now() < until && !self.hands.is_interrupted() {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(daemon)
    }

    fn order(&mut self, label: &Label, kills: &mut Kills) -> anyhow::Result<()> {
        self.orders += 1;
        let nth = self.hands.dice.between(1, label.up_to);
        self.hands.note(kills, &format!("order {}: die at {} {nth}", self.orders, label.name));
        let file = self.hands.place.order();
        let _ = fs::remove_file(file.with_extension("taken"));
        let part = file.with_extension("part");
        fs::write(&part, format!("{} {} {nth}\n", self.orders, label.name))?;
        Ok(fs::rename(part, file)?)
    }

    fn revoke(&self) {
        let _ = fs::remove_file(self.hands.place.order());
    }

    /// Whether somebody dies of the order, or is about to.
    fn is_taken(&self) -> bool {
        self.hands.place.order().with_extension("taken").exists()
    }

    /// Who took the order, once it is written down.
    fn taken(&self) -> Option<u32> {
        let text = fs::read_to_string(self.hands.place.order().with_extension("taken")).ok()?;
        // Before that it holds the order, which has three words.
        let (_, pid) = text.strip_suffix('\n')?.split_once(' ')?;
        pid.parse().ok()
    }

    /// The daemon is dead: by order, or by itself.
    fn died(&self, kills: &mut Kills) -> Option<Flight> {
        let by_order = self.taken().is_some();
        if !by_order {
            self.revoke();
            kills.ended.push(format!("while it was to die by order {}", self.orders));
        }
        let flight = Flight::now(self.followers, self.hands.place);
        self.hands.is_down(kills);
        by_order.then_some(flight)
    }

    /// What an earlier daemon may have left, for those labels that need it.
    fn plant(&mut self, label: &Label) -> anyhow::Result<()> {
        let dice = &mut self.hands.dice;
        let id = match label.name {
            "leftovers.unborn" => Some(format!("churn-unborn-{}", self.orders)),
            "leftovers.destroyed" => self.lives.a_destroyed_one(dice),
            _ => None,
        };
        if let Some(id) = id {
            let dir: PathBuf = self.hands.place.home().join("sessions").join(&id);
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("private.json"), format!("{CANARY}{id}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
