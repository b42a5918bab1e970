//! Bells for followers, and the last events of sessions that somebody follows.
//!
//! An entry exists only while somebody listens. What is kept in memory is a copy of what was
//! committed, never more than the store has: a reader that misses here reads the store and gets the same
//! bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tenure_event::{Gseq, Seq, SessionId};
use tokio::sync::watch;

use crate::page::{by_seq, collect};
use crate::{EventPage, PageRequest, Rendered, TailUpdate};

/// Most bytes that are kept of one session.
const SESSION_BYTES: usize = 128 * 1024;
/// Most bytes that are kept of all sessions together.
const ALL_BYTES: usize = 16 * 1024 * 1024;
/// How long events are kept after the last append.
const KEPT: Duration = Duration::from_secs(30);
/// What an event costs beyond its bytes, about.
const OVERHEAD: usize = 96;

/// The bells of one log.
#[derive(Debug)]
pub(crate) struct Tails {
    all: watch::Sender<TailUpdate>,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    map: HashMap<SessionId, Tail>,
    /// Bytes kept of all of them.
    bytes: usize,
    /// Entries without listeners are looked for when the map has grown to this.
    sweep_at: usize,
}

#[derive(Debug)]
struct Tail {
    bell: watch::Sender<TailUpdate>,
    recent: VecDeque<Rendered>,
    bytes: usize,
    touched: Instant,
}

impl Tails {
    pub(crate) fn new(last: Gseq) -> Self {
        Self {
            all: watch::Sender::new(TailUpdate { last: last.0 }),
            sessions: Mutex::new(Sessions::default()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to one session.
    pub(crate) fn listen(&self, session: &SessionId) -> watch::Receiver<TailUpdate> {
        let mut sessions = self.lock();
        if let Some(tail) = sessions.map.get(session) {
            return tail.bell.subscribe();
        }
        if sessions.map.len() >= sessions.sweep_at {
            sessions.sweep();
        }
        let bell = watch::Sender::new(TailUpdate::default());
        let receiver = bell.subscribe();
        let tail = Tail { bell, recent: VecDeque::new(), bytes: 0, touched: Instant::now() };
        sessions.map.insert(session.clone(), tail);
        receiver
    }

    /// Listens to all sessions.
    pub(crate) fn listen_all(&self) -> watch::Receiver<TailUpdate> {
        self.all.subscribe()
    }

    /// The last position of the node.
    pub(crate) fn last(&self) -> Gseq {
        Gseq(self.all.borrow().last)
    }

    /// Rings for a session after its events were committed. `erased` says that earlier ones are gone.
    pub(crate) fn ring(&self, session: &SessionId, last: Seq, events: &[Rendered], erased: bool) {
        let mut guard = self.lock();
        let sessions = &mut *guard;
        let Some(tail) = sessions.map.get_mut(session) else { return };
        sessions.bytes -= tail.bytes;
        if erased {
            tail.forget();
        }
        if tail.bell.receiver_count() == 0 {
            sessions.map.remove(session);
            return;
        }
        let room = SESSION_BYTES.min(ALL_BYTES.saturating_sub(sessions.bytes));
        tail.keep(events, room);
        sessions.bytes += tail.bytes;
        if !events.is_empty() {
            tail.bell.send_replace(TailUpdate { last: last.0 });
        }
    }

    /// Rings for the node after a commit.
    pub(crate) fn ring_all(&self, last: Gseq) {
        self.all.send_replace(TailUpdate { last: last.0 });
    }

    /// A page from memory, if all that it needs is there.
    pub(crate) fn page(&self, session: &SessionId, request: &PageRequest) -> Option<EventPage> {
        let sessions = self.lock();
        let recent = &sessions.map.get(session)?.recent;
        let (first, last) = (recent.front()?.seq.0, recent.back()?.seq.0);
        if request.after.checked_add(1)? < first || request.after > last {
            return None;
        }
        let skip = usize::try_from(request.after + 1 - first).ok()?;
        Some(collect(recent.iter().skip(skip), by_seq, request, last))
    }

    /// Forgets what nobody listens to and what was not touched for a while.
    pub(crate) fn sweep(&self) {
        self.lock().sweep();
    }

    /// How many sessions have an entry.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().map.len()
    }
}

impl Sessions {
    fn sweep(&mut self) {
        self.map.retain(|_, tail| tail.bell.receiver_count() > 0);
        for tail in self.map.values_mut() {
            if tail.touched.elapsed() > KEPT {
                tail.forget();
            }
        }
        self.bytes = self.map.values().map(|t| t.bytes).sum();
        self.map.shrink_to(64);
        self.sweep_at = self.map.len() * 2 + 64;
    }
}

impl Tail {
    fn forget(&mut self) {
        self.recent = VecDeque::new();
        self.bytes = 0;
    }

    fn keep(&mut self, events: &[Rendered], room: usize) {
        let Some(first) = events.first() else { return };
        if self.recent.back().is_some_and(|e| Some(first.seq.0) != e.seq.0.checked_add(1)) {
            self.forget();
        }
        self.touched = Instant::now();
        self.recent.extend(events.iter().cloned());
        self.bytes += events.iter().map(cost).sum::<usize>();
        while self.bytes > room {
            let Some(old) = self.recent.pop_front() else { break };
            self.bytes -= cost(&old);
        }
    }
}

fn cost(event: &Rendered) -> usize {
    event.bytes.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, size: usize) -> Rendered {
        Rendered { seq: Seq(seq), gseq: Gseq(seq), name: "a.b".into(), bytes: vec![b'x'; size].into() }
    }

    fn request(after: u64) -> PageRequest {
        PageRequest { after, limit: 100, max_bytes: 1 << 20, types: vec![] }
    }

    #[test]
    fn entries_end_with_their_listeners() {
        let tails = Tails::new(Gseq(0));
        for n in 0..1000 {
            let id = SessionId::parse(&format!("s{n}")).expect("valid");
            drop(tails.listen(&id));
        }
        assert!(tails.len() < 200, "{} entries", tails.len());
        tails.sweep();
        assert_eq!(tails.len(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_and_continuous() {
        let tails = Tails::new(Gseq(0));
        let id = SessionId::parse("s").expect("valid");
        let _listener = tails.listen(&id);
        for seq in 1..=100 {
            tails.ring(&id, Seq(seq), &[event(seq, 10_000)], false);
        }
        assert!(tails.page(&id, &request(1)).is_none(), "old events are in the store only");
        let page = tails.page(&id, &request(95)).expect("kept");
        assert_eq!(page.events.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [96, 97, 98, 99, 100]);
        assert!(tails.page(&id, &request(100)).is_some_and(|p| p.events.is_empty() && p.scanned_to == 100));
        assert!(tails.page(&id, &request(101)).is_none(), "the store says what is wrong with it");
        tails.ring(&id, Seq(105), &[event(105, 10)], false);
        assert!(tails.page(&id, &request(100)).is_none(), "there is a hole");
        tails.ring(&id, Seq(106), &[event(106, SESSION_BYTES)], false);
        assert!(tails.page(&id, &request(105)).is_none(), "too large to be kept");
        assert_eq!(tails.lock().bytes, 0);
    }
}
