//! What outlives the daemon, and what every owner works with: the log, the shims, the
//! clock, the dice, and the fuse that kills the daemon in the middle of a step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tenure_agents::catalog::Protocol;
use tenure_core::agent::StartRecord;
use tenure_core::machine::{Now, Spec, State};
use tenure_event::{Ephemeral, SessionId, Timestamp};
use tenure_log::MemoryLog;
use tenure_server::http::follow::Source;
use tenure_server::node::LiveText;
use tokio::sync::broadcast;

use crate::agent::{Breed, Disk};
use crate::dice::Dice;
use crate::owner::StoredLine;
use crate::shim::Shim;

/// Deltas that a follower may lag behind: few, so that some lag.
const LIVE_BUFFER: usize = 8;

/// The daemon is killed at this point.
#[derive(Debug)]
pub(crate) struct Killed;

/// A session as it was asked for.
pub(crate) struct Plan {
    pub(crate) id: SessionId,
    pub(crate) spec: Spec,
    pub(crate) breed: Breed,
}

impl Plan {
    pub(crate) fn protocol(&self) -> Protocol {
        match self.breed {
            Breed::Acp(_) => Protocol::Acp,
            Breed::Claude => Protocol::Claude,
        }
    }
}

/// What a process is known by: the number of its session, and its own.
pub(crate) type ShimKey = (usize, u32);

pub(crate) struct Env {
    pub(crate) dice: Dice,
    now_ms: i64,
    pub(crate) log: MemoryLog,
    pub(crate) desk: Arc<Desk>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) disks: Vec<Disk>,
    pub(crate) shims: BTreeMap<ShimKey, Shim>,
    pub(crate) records: BTreeMap<ShimKey, StartRecord>,
    /// Private states as they were stored. They go through JSON when a daemon reads them.
    pub(crate) states: Vec<(State, Option<StoredLine>)>,
    /// The daemon is killed after so many more points.
    pub(crate) fuse: Option<usize>,
}

impl Env {
    pub(crate) fn new(dice: Dice, plans: Vec<Plan>) -> Self {
        let log = MemoryLog::new();
        let desk = Arc::new(Desk::new(log.clone(), &plans));
        let disks = plans.iter().map(|_| Disk::default()).collect();
        Self {
            dice,
            now_ms: 1_795_139_670_306,
            log,
            desk,
            plans,
            disks,
            shims: BTreeMap::new(),
            records: BTreeMap::new(),
            states: Vec::new(),
            fuse: None,
        }
    }

    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now_ms += i64::try_from(ms).unwrap_or(0);
    }

    pub(crate) fn now(&mut self) -> Now {
        Now { at: self.at(), entropy: self.dice.next() }
    }

    /// A point at which the daemon may be killed.
    pub(crate) fn point(&mut self) -> Result<(), Killed> {
        match &mut self.fuse {
            Some(0) => Err(Killed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A new daemon, which knows nothing of what the old one had in memory.
    pub(crate) fn restarted(&mut self) {
        self.fuse = None;
        self.desk = Arc::new(Desk::new(self.log.clone(), &self.plans));
        for shim in self.shims.values_mut() {
            shim.disconnected(&mut self.dice);
        }
    }
}

/// What followers need of the daemon.
pub(crate) struct Desk {
    log: MemoryLog,
    live: Vec<(SessionId, broadcast::Sender<Arc<Ephemeral>>)>,
    all: broadcast::Sender<Arc<Ephemeral>>,
    open: Mutex<BTreeMap<SessionId, Vec<Arc<Ephemeral>>>>,
}

impl Desk {
    fn new(log: MemoryLog, plans: &[Plan]) -> Self {
        let live = plans.iter().map(|plan| (plan.id.clone(), broadcast::channel(LIVE_BUFFER).0)).collect();
        Self { log, live, all: broadcast::channel(LIVE_BUFFER).0, open: Mutex::default() }
    }

    fn of(&self, id: &SessionId) -> &broadcast::Sender<Arc<Ephemeral>> {
        let found = self.live.iter().find(|(known, _)| known == id);
        &found.expect("a session of this node").1
    }

    /// Sends ephemeral news to whoever listens.
    pub(crate) fn tell(&self, event: &Arc<Ephemeral>) {
        // Nobody listening is no failure.
        let _ = self.of(&event.session_id).send(Arc::clone(event));
        let _ = self.all.send(Arc::clone(event));
    }

    /// What is being written now.
    pub(crate) fn set_open(&self, id: &SessionId, open: Vec<Arc<Ephemeral>>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), open);
    }
}

impl Source for Desk {
    type Log = MemoryLog;

    fn log(&self) -> &MemoryLog {
        &self.log
    }

    async fn live_text(&self, id: &SessionId) -> LiveText {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        LiveText { open: open.unwrap_or_default(), updates: self.of(id).subscribe() }
    }

    async fn live_text_all(&self) -> LiveText {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.values().flatten().cloned().collect();
        LiveText { open, updates: self.all.subscribe() }
    }
}

/// The log in memory never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the log in memory waits for something"),
    }
}
