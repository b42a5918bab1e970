//! Gates: named places where an answer waits until the test lets it go on. They take the place of sleeps.
//! A gate stays open once it was opened.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;

/// How long an answer waits at a closed gate.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Clone, Copy)]
struct Gate {
    reached: bool,
    open: bool,
}

/// All gates of one model.
#[derive(Debug)]
pub(crate) struct Gates(watch::Sender<HashMap<String, Gate>>);

impl Gates {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }

    pub(crate) fn open(&self, name: &str) {
        self.0.send_modify(|gates| gates.entry(name.to_owned()).or_default().open = true);
    }

    /// Called by an answer that stands at the gate; true if it may go on, false if nobody opened it in time.
    pub(crate) async fn pass(&self, name: &str) -> bool {
        self.0.send_modify(|gates| gates.entry(name.to_owned()).or_default().reached = true);
        self.wait(PATIENCE, name, |gate| gate.open).await
    }

    /// True once an answer stands, or stood, at the gate; false if none did in time.
    pub(crate) async fn reached(&self, name: &str, within: Duration) -> bool {
        self.wait(within, name, |gate| gate.reached).await
    }

    async fn wait(&self, within: Duration, name: &str, what: impl Fn(&Gate) -> bool) -> bool {
        let mut gates = self.0.subscribe();
        let seen = gates.wait_for(|gates| gates.get(name).is_some_and(&what));
        matches!(tokio::time::timeout(within, seen).await, Ok(Ok(_)))
    }
}
