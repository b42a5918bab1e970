//! The thread that keeps the index up to date: it looks when something changed, and in any case once a minute. It
//! yields to everything else on the machine and rests between steps, so that a large past takes its time; of what changes meanwhile
//! it takes notice between two steps.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_history::Reader;
use tenure_index::{Index, IndexError, Opened, Round, Writer};

use super::bell::Asked;
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
        Self { history, writer: None }
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
                let readers = self.history.readers();
                watch.follow(&readers);
                self.look(&index, &readers, began, &mut looked);
            } else {
                self.history.bell.done(|asked| asked.changed = false);
            }
            if !looked.cut_short {
                self.rest(looked.took);
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
                writer.forget_everything()?;
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
        let bell = &self.history.bell;
        let mut places = Places::new(&self.history);
        let begun = Instant::now();
        let (mut last, mut read, mut has_looked) = (begun, 0, false);
        let round = writer.round(readers, &mut |cwd| places.project_of(cwd), &mut |progress| {
            if std::mem::replace(&mut has_looked, true) {
                let rest = rest_of(last.elapsed(), progress.file_bytes - read);
                bell.wait(rest, |asked| asked.stop);
            } else {
                looked.took = begun.elapsed();
            }
            (last, read) = (Instant::now(), progress.file_bytes);
            if is_to_look(bell.asked(), begun.elapsed(), looked.took) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        places.save();
        round
    }

    fn rest(&self, took: Duration) {
        let bell = &self.history.bell;
        bell.wait(pause_after(took), |asked| asked.stop);
        bell.wait(EVERY, Asked::is_anything);
    }
}

/// Whether to leave what is being read and look again, so long after the look began that took so long.
fn is_to_look(asked: Asked, since: Duration, took: Duration) -> bool {
    asked.stop || asked.rebuild || asked.changed && since >= pause_after(took)
}

/// The time between two looks, of which the first took so long.
fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(REST).clamp(PAUSE, EVERY)
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
