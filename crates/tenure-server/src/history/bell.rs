//! What the keeper is asked for: a flag for each thing, so that nothing queues up, and nothing that was accepted is lost.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What was asked for and not taken up yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// Something may have changed, and only a look at everything can tell what.
    pub(super) changed: bool,
    /// Something has changed of which it is known where.
    pub(super) near: bool,
    /// Everything is to be read again.
    pub(super) rebuild: bool,
    /// The daemon ends.
    pub(super) stop: bool,
}

impl Asked {
    pub(super) fn is_anything(self) -> bool {
        self != Self::default()
    }
}

/// Rung by whoever wants something of the keeper.
#[derive(Debug, Default)]
pub(super) struct Bell {
    asked: Mutex<Asked>,
    rung: Condvar,
}

impl Bell {
    /// Asks for something. It stays asked for until it is [`done`](Self::done).
    pub(super) fn ring(&self, ask: impl FnOnce(&mut Asked)) {
        let mut asked = self.lock();
        let before = *asked;
        ask(&mut asked);
        if *asked != before {
            self.rung.notify_all();
        }
    }

    /// Takes something back, because it is taken up.
    pub(super) fn done(&self, done: impl FnOnce(&mut Asked)) {
        done(&mut self.lock());
    }

    /// What is asked for now.
    pub(super) fn asked(&self) -> Asked {
        *self.lock()
    }

    /// Waits until something is asked for of which `enough` holds, but no longer than `most`.
    pub(super) fn wait(&self, most: Duration, enough: impl Fn(Asked) -> bool) {
        let waited = self.rung.wait_timeout_while(self.lock(), most, |asked| !enough(*asked));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_changes_are_told_a_rebuild_and_a_stop_are_not_lost() {
        let bell = Bell::default();
        for _ in 0..1_000 {
            bell.ring(|asked| asked.changed = true);
        }
        bell.ring(|asked| asked.rebuild = true);
        bell.ring(|asked| asked.stop = true);
        bell.done(|asked| asked.changed = false);
        assert_eq!(bell.asked(), Asked { changed: false, near: false, rebuild: true, stop: true });
        // It is there already: nothing is waited for.
        bell.wait(Duration::MAX, |asked| asked.rebuild);
    }

    #[test]
    fn who_waits_is_woken() {
        let bell = Bell::default();
        std::thread::scope(|scope| {
            scope.spawn(|| bell.ring(|asked| asked.changed = true));
            bell.wait(Duration::MAX, Asked::is_anything);
        });
        assert!(bell.asked().changed);
    }
}
