//! The thread that keeps the index up to date: it looks when something changed, and in any case once a minute. It
//! yields to everything else on the machine and rests between steps, so that a large past takes its time.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tenure_history::Reader;
use tenure_index::{Index, IndexError, Opened, Round, Writer};

use super::places::Places;
use super::watch::Watch;
use super::{History, WARNINGS, Wake};

/// The least time between two looks. What an agent writes can be found after about as long.
const PAUSE: Duration = Duration::from_secs(1);
/// A look is taken this often whatever happens.
const EVERY: Duration = Duration::from_secs(60);
/// Bytes of agents' files that are read in a second at most.
const RATE: u64 = 32 << 20;
/// How much longer than a look took the pause after it is: a tenth of a core at most goes into looking.
const REST: u32 = 9;
/// The longest sleep between two looks at whether to stop.
const NAP: Duration = Duration::from_millis(200);

/// What keeps the index.
pub(crate) struct Keeper {
    history: Arc<History>,
    woken: Receiver<Wake>,
    stopped: bool,
    rebuild: bool,
    /// Kept from look to look: opening one writes to the disk.
    writer: Option<Writer>,
    /// Something changed since the last look began.
    changed: bool,
}

impl Keeper {
    pub(super) fn new(history: Arc<History>, woken: Receiver<Wake>) -> Self {
        Self { history, woken, stopped: false, rebuild: false, writer: None, changed: false }
    }

    /// Works until it is told to stop. Blocks.
    pub(crate) fn run(mut self) {
        tenure_host::yield_to_others();
        let Some(index) = self.history.index.clone() else { return };
        let mut watch = Watch::new(Arc::clone(&self.history));
        while !self.stopped {
            let begun = Instant::now();
            self.changed = false;
            if self.history.config().history.enabled {
                let readers = self.history.readers();
                watch.follow(&readers);
                self.look(&index, &readers);
            }
            self.rest(begun.elapsed());
        }
    }

    fn look(&mut self, index: &Index, readers: &[Box<dyn Reader>]) {
        let began = self.history.began();
        let round = self.writer(index).and_then(|mut writer| {
            if std::mem::take(&mut self.rebuild) {
                writer.forget_everything()?;
            }
            let mut round = self.round(&mut writer, readers)?;
            round.warnings.extend(writer.left_out(WARNINGS)?);
            self.writer = Some(writer);
            Ok(round)
        });
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

    fn round(&mut self, writer: &mut Writer, readers: &[Box<dyn Reader>]) -> Result<Round, IndexError> {
        let history = Arc::clone(&self.history);
        let mut places = Places::new(&history);
        let (mut last, mut read) = (Instant::now(), 0);
        let round = writer.round(readers, &mut |cwd| places.project_of(cwd), &mut |progress| {
            self.nap(rest_of(last.elapsed(), progress.file_bytes - read));
            (last, read) = (Instant::now(), progress.file_bytes);
            if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        places.save();
        round
    }

    /// Sleeps, and takes up what comes meanwhile.
    fn nap(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            while let Ok(wake) = self.woken.try_recv() {
                self.take(wake);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopped {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    fn rest(&mut self, looked: Duration) {
        self.nap((looked * REST).clamp(PAUSE, EVERY));
        if self.stopped || self.rebuild || self.changed {
            return;
        }
        match self.woken.recv_timeout(EVERY) {
            Ok(wake) => self.take(wake),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopped = true,
        }
    }

    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Changed => self.changed = true,
            Wake::Rebuild => self.rebuild = true,
            Wake::Stop => self.stopped = true,
        }
    }
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
}
