//! The thread that keeps the index up to date: it looks at what is known to have changed, and at everything when something changed that
//! nobody can name, and in any case once a minute. It yields to everything else on the machine and rests between steps, so that a large
//! past takes its time; of what changes meanwhile it takes notice between two steps.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_history::Reader;
use tenure_index::{Index, IndexError, Opened, Pace, Progress, Round, Writer};

use super::bell::Asked;
use super::own::Elsewhere;
use super::places::Places;
use super::watch::Watch;
use super::{History, WARNINGS};

/// The least time between two looks. What an agent writes can be found after about as long.
const PAUSE: Duration = Duration::from_secs(1);
/// A look is taken this often whatever happens.
const EVERY: Duration = Duration::from_secs(60);
/// Bytes of agents' files that are read in a second at most.
const RATE: u64 = 32 << 20;
/// How much longer than the look itself the pause after it is: a tenth of a core at most goes into looking. What is read
/// after it has its own rests.
const REST: u32 = 9;

/// What keeps the index.
pub(crate) struct Keeper {
    history: Arc<History>,
    /// Kept from look to look: opening one writes to the disk.
    writer: Option<Writer>,
    /// What the last look at everything found with the agents.
    elsewhere: Elsewhere,
}

/// What a look came to, for who decides when the next one is.
#[derive(Default)]
struct Looked {
    /// How long it took to see what there is, without reading.
    took: Duration,
    /// It was ended because there is news.
    cut_short: bool,
}

impl Keeper {
    pub(super) fn new(history: Arc<History>) -> Self {
        Self { history, writer: None, elsewhere: Elsewhere::default() }
    }

    /// Works until it is told to stop. Blocks.
    pub(crate) fn run(mut self) {
        tenure_host::yield_to_others();
        let Some(index) = self.history.index.clone() else { return };
        let mut watch = Watch::new(Arc::clone(&self.history));
        while !self.history.bell.asked().stop {
            let mut looked = Looked::default();
            if self.history.config().history.enabled {
                let began = self.history.began();
                self.history.hear_of_ours();
                self.elsewhere = Elsewhere::default();
                let readers = self.history.readers(&self.elsewhere);
                watch.follow(&readers);
                self.look(&index, &readers, began, &mut looked);
            } else {
                self.history.bell.done(|asked| (asked.changed, asked.near) = (false, false));
            }
            if !looked.cut_short {
                self.rest(&index, looked.took);
            }
        }
    }

    fn look(
        &mut self,
        index: &Index,
        readers: &[Box<dyn Reader>],
        began: tenure_event::Timestamp,
        looked: &mut Looked,
    ) {
        let round = self.writer(index).and_then(|mut writer| {
            if self.history.bell.asked().rebuild {
                self.history.make_anew(index)?;
                writer = index.writer()?;
                self.history.bell.done(|asked| asked.rebuild = false);
            }
            let mut round = self.round(&mut writer, readers, looked)?;
            round.warnings.extend(writer.left_out(WARNINGS)?);
            self.writer = Some(writer);
            Ok(round)
        });
        looked.cut_short = round.as_ref().is_ok_and(|round| round.broken_off);
        match &round {
            Ok(round) if round.progress.read > 0 || round.removed > 0 => {
                let (found, read) = (round.progress.found, round.progress.read);
                tracing::debug!(found, read, removed = round.removed, "the index of the past is up to date");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the index of the past could not be brought up to date"),
        }
        self.history.ended(began, round.as_ref().ok());
    }

    /// The writer of the look before, or another one if that failed or its file is no longer there.
    fn writer(&mut self, index: &Index) -> Result<Writer, IndexError> {
        if let Some(writer) = self.writer.take().filter(|writer| writer.stands(index)) {
            return Ok(writer);
        }
        if let (_, Opened::Anew(why)) = Index::open(index.path())? {
            tracing::warn!(why, "the index of the past is made anew");
        }
        index.writer()
    }

    fn round(
        &self,
        writer: &mut Writer,
        readers: &[Box<dyn Reader>],
        looked: &mut Looked,
    ) -> Result<Round, IndexError> {
        let mut places = Places::new(&self.history);
        let mut steps = Steps::new(&self.history);
        let round = writer.round(readers, &mut |cwd| places.project_of(cwd), &mut steps);
        looked.took = steps.took.unwrap_or_default();
        places.save();
        if round.as_ref().is_ok_and(|round| round.only_whole) {
            self.history.changed();
        }
        round
    }

    /// Rests after a look at everything, until there is to be another one; looks meanwhile at what is known to have changed.
    fn rest(&mut self, index: &Index, took: Duration) {
        let history = Arc::clone(&self.history);
        let bell = &history.bell;
        let soon = Instant::now() + pause_after(took);
        let last = soon + EVERY;
        let mut pause = PAUSE;
        loop {
            bell.wait(pause, |asked| asked.stop);
            let is_soon = Instant::now() >= soon;
            let due = if is_soon { last } else { soon };
            let is_enough = |asked: Asked| asked.stop || asked.near || is_soon && asked.is_anything();
            bell.wait(due.saturating_duration_since(Instant::now()), is_enough);
            let asked = bell.asked();
            if asked.stop || is_soon && (asked.changed || asked.rebuild || Instant::now() >= last) {
                return;
            }
            let begun = Instant::now();
            if asked.near
                && let Err(error) = self.look_near(index)
            {
                tracing::debug!(%error, "what has changed is looked at with everything else");
                self.history.changed();
            }
            pause = pause_after(begun.elapsed());
        }
    }

    /// Looks at what is known to have changed. Where that cannot be told so, everything is to be looked at.
    fn look_near(&mut self, index: &Index) -> Result<(), IndexError> {
        let mut writer = self.writer(index)?;
        let readers = self.history.readers(&self.elsewhere);
        let mut places = Places::new(&self.history);
        let mut steps = Steps::new(&self.history);
        steps.took = Some(Duration::ZERO);
        self.history.looks_near(true);
        let files = self.history.take_near();
        let round = writer.look_at(&readers, &files, &mut |cwd| places.project_of(cwd), &mut steps);
        self.history.looks_near(false);
        places.save();
        let round = round?;
        self.writer = Some(writer);
        if round.only_whole || round.broken_off {
            self.history.changed();
        }
        Ok(())
    }
}

/// Rests between two steps, and hears of what changes meanwhile.
struct Steps<'a> {
    history: &'a History,
    begun: Instant,
    /// The last step began then.
    last: Instant,
    /// Bytes that were read before it.
    read: u64,
    /// What is known to have changed was looked at then.
    near: Instant,
    /// How long it took to see what there is.
    took: Option<Duration>,
}

impl<'a> Steps<'a> {
    fn new(history: &'a History) -> Self {
        let now = Instant::now();
        Self { history, begun: now, last: now, read: 0, near: now, took: None }
    }
}

impl Pace for Steps<'_> {
    fn go_on(&mut self, progress: Progress) -> ControlFlow<()> {
        let bell = &self.history.bell;
        match self.took {
            Some(_) => {
                let rest = rest_of(self.last.elapsed(), progress.file_bytes.saturating_sub(self.read));
                bell.wait(rest, |asked| asked.stop);
            }
            None => self.took = Some(self.begun.elapsed()),
        }
        (self.last, self.read) = (Instant::now(), progress.file_bytes);
        let took = self.took.unwrap_or_default();
        if is_to_look(bell.asked(), self.begun.elapsed(), took) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn news(&mut self) -> Option<Vec<PathBuf>> {
        let is_time = self.near.elapsed() >= PAUSE && self.history.bell.asked().near;
        is_time.then(|| {
            self.near = Instant::now();
            self.history.take_near()
        })
    }
}

/// Whether to leave what is being read and look again, so long after the look began that took so long.
fn is_to_look(asked: Asked, since: Duration, took: Duration) -> bool {
    asked.stop || asked.rebuild || asked.changed && since >= pause_after(took)
}

/// The time between two looks, of which the first took so long.
fn pause_after(took: Duration) -> Duration {
    rest_after(took).max(PAUSE)
}

/// How long to rest after something that took so long, for it to take a tenth of the time.
pub(super) fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(REST).min(EVERY)
}

/// How long to rest after a step: as long as it worked, so that it takes half a core at most, and until the bytes that it read are
/// no more than [`RATE`] allows.
fn rest_of(worked: Duration, bytes: u64) -> Duration {
    let at_that_rate = Duration::from_millis(bytes.saturating_mul(1000) / RATE);
    worked.max(at_that_rate.saturating_sub(worked)).min(EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_as_long_as_it_worked_and_keeps_to_its_rate() {
        let ms = Duration::from_millis;
        assert_eq!(rest_of(ms(0), 0), ms(0));
        assert_eq!(rest_of(ms(300), 1000), ms(300));
        assert_eq!(rest_of(ms(100), RATE), ms(900), "a disk that is fast is left to others");
        assert_eq!(rest_of(ms(100), u64::MAX), EVERY);
    }

    #[test]
    fn news_are_looked_at_while_a_large_past_is_read_and_looking_takes_a_tenth_of_the_time() {
        let s = Duration::from_secs;
        let changed = Asked { changed: true, ..Asked::default() };
        assert!(!is_to_look(Asked::default(), s(3600), s(0)), "it reads on while nothing changes");
        assert!(!is_to_look(changed, Duration::from_millis(999), s(0)));
        assert!(is_to_look(changed, s(1), Duration::from_millis(100)));
        assert!(!is_to_look(changed, s(17), s(2)) && is_to_look(changed, s(18), s(2)));
        assert!(is_to_look(changed, s(60), Duration::MAX), "once a minute in any case");
        for urgent in [Asked { rebuild: true, ..changed }, Asked { stop: true, ..changed }] {
            assert!(is_to_look(urgent, s(0), s(60)));
        }
    }
}
