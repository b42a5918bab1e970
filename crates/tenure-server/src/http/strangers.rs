//! Connections that have not shown who they are. There are only so many places for them; when all are taken, the one
//! that has been silent longest gives its place to the newcomer, so that a flood of silent ones keeps nobody out who
//! asks at once.
//!
//! It counts nobody who is known: those have the cap of all connections alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places.
#[derive(Debug)]
pub(super) struct Strangers {
    places: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    next: u64,
    /// By age, the oldest first, with what sends them away.
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One place, given up when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    strangers: Arc<Strangers>,
    number: u64,
}

impl Strangers {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places: places.max(1), inside: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer, with what is set when it has to go. The oldest goes if there is no other place.
    pub(super) fn enter(self: &Arc<Self>) -> (Place, CancellationToken) {
        let sent_away = CancellationToken::new();
        let mut inside = self.lock();
        if inside.waiting.len() >= self.places
            && let Some((_, oldest)) = inside.waiting.pop_first()
        {
            oldest.cancel();
        }
        let number = inside.next;
        inside.next += 1;
        inside.waiting.insert(number, sent_away.clone());
        (Place { strangers: Arc::clone(self), number }, sent_away)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_and_the_known_do_not() {
        let strangers = Strangers::new(2);
        let (known, never) = strangers.enter();
        drop(known);
        let (_first, first_goes) = strangers.enter();
        let (_second, second_goes) = strangers.enter();
        assert!(!first_goes.is_cancelled());
        let (_third, third_goes) = strangers.enter();
        assert!(first_goes.is_cancelled() && !second_goes.is_cancelled() && !third_goes.is_cancelled());
        assert!(!never.is_cancelled());
        assert_eq!(strangers.lock().waiting.len(), 2);
    }
}
