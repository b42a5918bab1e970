//! One round: sessions work and are disturbed, come to their end, and are judged. What the disturbance is, is not
//! known here.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::caller::Caller;
use super::churn::{self, Book, Churn};
use super::daemon::{Daemon, Link, Place};
use super::deeds::{Doer, Ledger, Wanted};
use super::dice::Dice;
use super::driver::{Course, Driver};
use super::follow::Follower;
use super::report::Report;
use super::told::{Kills, Told};
use super::{check, finish, nature, store};

pub(super) use super::finish::Figures;

/// How long everything may take to come to its end after the last kill.
const DRAINS_WITHIN: Duration = Duration::from_secs(90);
/// Clients that create and destroy sessions.
const CHURNS: u64 = 2;
/// Clients that do verbs of more than one step.
const DOERS: u64 = 2;

/// Followers by session, and the one of all.
pub(super) struct Followers {
    pub(super) sessions: Vec<(String, Follower)>,
    pub(super) node: Follower,
}

/// What a disturbance has to work with.
pub(super) struct Stage<'a> {
    pub(super) link: &'a Link,
    pub(super) dice: Dice,
    pub(super) followers: &'a Followers,
    pub(super) lives: Book,
    pub(super) wanted: &'a Wanted,
}

/// Disturbs, and ends with a daemon that runs.
pub(super) type Trouble<'a> = dyn FnMut(Stage<'_>, &mut Kills) -> anyhow::Result<Daemon> + 'a;

/// Who works where, and by which dice.
pub(super) struct Round<'a> {
    pub(super) place: &'a Place,
    pub(super) sessions: u64,
    pub(super) seed: u64,
    pub(super) interrupted: &'a AtomicBool,
}

/// What is left when all work has ended: the daemon, and what each session's driver was told.
type Worked = (Daemon, Vec<(String, Told)>);

/// However the work ends, everybody is told.
struct LastOrders<'a>(&'a Course, &'a AtomicBool);

impl Drop for LastOrders<'_> {
    fn drop(&mut self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.over.store(true, Ordering::Relaxed);
        self.1.store(false, Ordering::Relaxed);
    }
}

impl Round<'_> {
    /// Runs it, and adds to the figures and findings.
    pub(super) fn run(
        &self,
        trouble: &mut Trouble<'_>,
        figures: &mut Figures,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut dice = Dice::of(self.seed);
        self.furnish(&mut dice)?;
        let followers = Followers {
            sessions: (0..self.sessions).map(|n| (format!("s{n}"), Follower::default())).collect(),
            node: Follower::default(),
        };
        let (mut kills, books) = (Kills::default(), (Book::default(), Ledger::default()));
        let worked = self.work(&mut dice, &followers, &books, trouble, &mut kills);
        let (lives, ledger) = books;
        fs::write(self.place.scratch.join("journal"), kills.journal.join("\n"))?;
        let (daemon, told) = worked?;
        if self.interrupted.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        let sides = finish::finish(self.place, daemon, told, followers, &lives, &mut kills, report)?;
        let store = store::read(&self.place.home())?;
        check::all(self.place, &store, &sides.sessions, &sides.node, &kills, report);
        ledger.judge(&store, report);
        figures.add(&store, &sides, &lives.hold(), kills);
        figures.add_deeds(ledger.done());
        Ok(())
    }

    fn furnish(&self, dice: &mut Dice) -> anyhow::Result<()> {
        fs::create_dir_all(self.place.home())?;
        for n in 0..self.sessions {
            fs::create_dir_all(self.place.workspace(&format!("s{n}")))?;
        }
        fs::create_dir_all(self.place.workspace(churn::MARK))?;
        Ok(fs::write(self.place.home().join("config.toml"), nature::configuration(dice))?)
    }

    /// Lets everybody work while the daemon is killed, and then come to an end. The daemon that is given back has
    /// closed every session, and all followers have what it has stored.
    fn work(
        &self,
        dice: &mut Dice,
        followers: &Followers,
        (lives, ledger): &(Book, Ledger),
        trouble: &mut Trouble<'_>,
        kills: &mut Kills,
    ) -> anyhow::Result<Worked> {
        let (link, course, followed) = (&Link::default(), &Course::default(), &AtomicBool::new(true));
        let place = self.place;
        let stop = move || !followed.load(Ordering::Relaxed);
        let wanted = &Wanted::default();
        let stage = Stage { link, dice: dice.child(), followers, lives: lives.clone(), wanted };
        thread::scope(|scope| {
            let _last = LastOrders(course, followed);
            scope.spawn(|| followers.node.run(link, "/v1/events/stream", &stop));
            let mut drivers = Vec::new();
            for (id, follower) in &followers.sessions {
                let path = format!("/v1/sessions/{id}/events/stream?deltas=true");
                scope.spawn(move || follower.run(link, &path, &stop));
                let driver = Driver::new(id, link, course, follower.clone(), dice.child());
                drivers.push((id.clone(), scope.spawn(move || driver.run(place))));
            }
            let churns = (0..CHURNS).map(|number| {
                let (caller, book) = (Caller { link, course }, lives.clone());
                let churn = Churn { caller, book, dice: dice.child(), number };
                scope.spawn(move || churn.run(place))
            });
            let mut others: Vec<_> = churns.collect();
            others.extend((0..DOERS).map(|number| {
                let (caller, ledger) = (Caller { link, course }, ledger.clone());
                let doer = Doer { caller, wanted, ledger, dice: dice.child(), number };
                scope.spawn(move || doer.run(place))
            }));
            let outcome = trouble(stage, kills);
            course.draining.store(true, Ordering::Relaxed);
            let until = Instant::now() + DRAINS_WITHIN;
            let idle = || {
                drivers.iter().all(|(_, driver)| driver.is_finished())
                    && others.iter().all(thread::ScopedJoinHandle::is_finished)
            };
            while outcome.is_ok()
                && !idle()
                && Instant::now() < until
                && !self.interrupted.load(Ordering::Relaxed)
            {
                thread::sleep(Duration::from_millis(5));
            }
            course.over.store(true, Ordering::Relaxed);
            let told: anyhow::Result<Vec<_>> = drivers
                .into_iter()
                .map(|(id, driver)| Ok((id, driver.join().map_err(|_| anyhow!("a driver panicked"))?)))
                .collect();
            if outcome.is_ok() {
                finish::close_all(place, link, followers, kills);
            }
            outcome.and_then(|daemon| Ok((daemon, told?)))
        })
    }
}
