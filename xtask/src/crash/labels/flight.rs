//! What is in flight at a moment, as followers heard it last and `/proc` shows it.

use crate::crash::daemon::Place;
use crate::crash::procs;
use crate::crash::round::Followers;

/// How many sessions have a turn, and so on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flight {
    pub(super) turns: usize,
    pub(super) asks: usize,
    pub(super) inputs: usize,
    pub(super) children: usize,
}

impl Flight {
    pub(super) fn now(followers: &Followers, place: &Place) -> Self {
        let mut flight = Self::default();
        for (_, follower) in &followers.sessions {
            let seen = follower.hold();
            let works = ["running", "waiting", "interrupting", "compacting"];
            flight.turns += usize::from(works.contains(&&*seen.now.activity));
            flight.asks += seen.now.open_asks.len();
            flight.inputs += seen.now.waiting.len();
        }
        let child = |process: &procs::Process| process.words.iter().any(|word| word == "--child");
        flight.children = procs::marked(&place.mark()).iter().filter(|process| child(process)).count();
        flight
    }

    pub(super) fn counts(self) -> [usize; 4] {
        [self.turns, self.asks, self.inputs, self.children]
    }
}

/// Whether some session has a turn.
pub(super) fn is_any(followers: &Followers) -> bool {
    followers.sessions.iter().any(|(_, follower)| follower.hold().now.activity == "running")
}
