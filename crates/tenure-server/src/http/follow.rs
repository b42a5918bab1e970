//! Following events: replay and live are one loop over the log.
//!
//! A follower reads pages and sends what is stored as it is stored. The log's `tail` only
//! wakes it, so nothing can be missed however slow it is, and nothing is read before the
//! socket has taken what was read before. Deltas are the exception: they come by a
//! broadcast, are lost by whoever lags, and are put between the durable events they belong
//! between as well as that goes.

mod deltas;
mod filter;
mod frame;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tenure_core::projection::AcpRows;
use tenure_event::{Ephemeral, SessionId};
use tenure_log::{EventLog, EventPage, LogError, PageRequest, Rendered, TailUpdate};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use filter::Filter;

use self::deltas::Deltas;
use super::whole;
use crate::node::{LiveText, Node};
use crate::past::parse;

/// About how many bytes of events are read at once, and so held per follower.
const PAGE_BYTES: usize = 16 << 10;
/// Most events of a page.
const PAGE_EVENTS: usize = 1000;
/// A comment goes out when nothing else did for so long.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What followers need of the daemon.
pub trait Source: Send + Sync + 'static {
    /// The kind of log.
    type Log: EventLog;
    /// The log.
    fn log(&self) -> &Self::Log;
    /// Deltas of a session.
    fn live_text(&self, id: &SessionId) -> impl Future<Output = LiveText> + Send;
    /// Deltas of all sessions.
    fn live_text_all(&self) -> impl Future<Output = LiveText> + Send;
}

impl Source for Node {
    type Log = tenure_log::SqliteLog;
    fn log(&self) -> &Self::Log {
        Self::log(self)
    }
    async fn live_text(&self, id: &SessionId) -> LiveText {
        Self::live_text(self, id).await
    }
    async fn live_text_all(&self) -> LiveText {
        Self::live_text_all(self).await
    }
}

/// What to follow, and how it is written.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// One session, by `seq`; none for all, by `gseq`.
    pub session: Option<SessionId>,
    /// Only what comes after this position; none begins with what comes next.
    pub after: Option<u64>,
    /// Which events.
    pub filter: Filter,
    /// Deltas too.
    pub deltas: bool,
    /// As notifications of the Agent Client Protocol.
    pub acp: bool,
}

/// A follower of events. [`Self::next`] gives pieces of a stream of server-sent events.
pub struct Follower<S: Source> {
    source: Arc<S>,
    session: Option<SessionId>,
    filter: Filter,
    tail: watch::Receiver<TailUpdate>,
    stopping: CancellationToken,
    /// The last position that was dealt with.
    position: u64,
    /// The last position that was seen to exist.
    last: u64,
    first: BytesMut,
    deltas: Option<Deltas>,
    acp: Option<AcpRows>,
    ended: bool,
}

impl<S: Source> Follower<S> {
    /// Begins. The first page is looked at already, so that a position that is not in the log any more is
    /// refused before a stream is promised.
    ///
    /// # Errors
    /// [`LogError::CursorExpired`] for a position beyond the last event.
    pub async fn start(
        source: Arc<S>,
        options: Options,
        stopping: CancellationToken,
    ) -> Result<Self, LogError> {
        let tail = match &options.session {
            Some(id) => source.log().tail(id),
            None => source.log().tail_all(),
        };
        let mut follower = Self {
            source,
            session: options.session,
            filter: options.filter,
            tail,
            stopping,
            position: options.after.unwrap_or(0),
            last: 0,
            first: BytesMut::new(),
            deltas: options.deltas.then(Deltas::default),
            acp: options.acp.then(AcpRows::new),
            ended: false,
        };
        follower.look(options.after.is_none()).await?;
        Ok(follower)
    }

    /// The position that it begins after.
    pub fn position(&self) -> u64 {
        self.position
    }

    async fn look(&mut self, from_now: bool) -> Result<(), LogError> {
        match self.read(1).await {
            Ok(page) => self.last = page.last,
            Err(LogError::CursorExpired { after, first, last }) if first > after + 1 && first <= last => {
                if !from_now {
                    frame::gap(&mut self.first, after + 1, first - 1);
                }
                (self.position, self.last) = (first - 1, last);
            }
            Err(error) => return Err(error),
        }
        if from_now {
            self.position = self.last;
        }
        Ok(())
    }

    // Exclusive: what is being joined can be used by one thread at a time.
    async fn read(&mut self, limit: usize) -> Result<EventPage, LogError> {
        let page = PageRequest {
            after: self.position,
            limit,
            max_bytes: PAGE_BYTES,
            types: self.filter.read_types(),
        };
        match &self.session {
            Some(id) => self.source.log().read(id, page).await,
            None => self.source.log().read_all(page).await,
        }
    }

    /// The next piece of the stream; none at its end: the session was destroyed, or the daemon stops.
    pub async fn next(&mut self) -> Option<Bytes> {
        if !self.first.is_empty() {
            return Some(self.first.split().freeze());
        }
        loop {
            if self.ended || self.stopping.is_cancelled() {
                return None;
            }
            match self.advance().await {
                Ok(chunk) if !chunk.is_empty() => return Some(chunk.freeze()),
                Ok(_) if self.position < self.last || self.ended || self.is_to_join() => {}
                Ok(_) => {
                    if let Some(beat) = self.sleep().await {
                        return Some(beat);
                    }
                }
                Err(error) => {
                    tracing::warn!("a follower ends at {}: {error}", self.position);
                    self.ended = true;
                }
            }
        }
    }

    fn is_to_join(&self) -> bool {
        self.deltas.as_ref().is_some_and(|deltas| deltas.is_to_join(self.position))
    }

    // One page, with the deltas that belong between its events.
    async fn advance(&mut self) -> Result<BytesMut, LogError> {
        let mut out = BytesMut::new();
        // How far to read is settled before deltas are taken in: what comes after them is not sent before them.
        let told = self.tail.borrow_and_update().last;
        self.last = self.last.max(told);
        let goal = self.take_in_deltas();
        if self.position < goal {
            let limit = usize::try_from(goal - self.position).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS);
            match self.read(limit).await {
                Ok(page) => self.write_page(&mut out, page, goal).await?,
                Err(LogError::CursorExpired { after, first, last }) if first > after + 1 && first <= last => {
                    frame::gap(&mut out, after + 1, first - 1);
                    (self.position, self.last) = (first - 1, last);
                }
                Err(error) => return Err(error),
            }
        }
        self.write_deltas(&mut out);
        Ok(out)
    }

    async fn write_page(&mut self, out: &mut BytesMut, page: EventPage, goal: u64) -> Result<(), LogError> {
        self.last = self.last.max(page.last);
        out.reserve(page.events.iter().map(|event| event.bytes.len() + 64).sum());
        for event in &page.events {
            let at = if self.session.is_some() { event.seq.0 } else { event.gseq.0 };
            if at > goal {
                break;
            }
            if let Some(deltas) = &mut self.deltas {
                let early = deltas.before(event);
                self.write_early(out, early);
            }
            self.write_event(out, event, at).await?;
            self.position = at;
            if self.ended {
                return Ok(());
            }
        }
        self.position = self.position.max(page.scanned_to.min(goal));
        Ok(())
    }

    async fn write_event(&mut self, out: &mut BytesMut, event: &Rendered, at: u64) -> Result<(), LogError> {
        let last_word = self.session.is_some() && &*event.name == "session.destroyed";
        let source = Arc::clone(&self.source);
        if self.filter.lets_through(source.log(), event).await? {
            match &mut self.acp {
                None => frame::event(out, at, &event.name, &event.bytes),
                Some(rows) => {
                    let Some(mut parsed) = parse(&event.bytes) else { return Ok(()) };
                    whole::event(source.log(), &mut parsed).await?;
                    frame::rows(out, at, &rows.event(&parsed));
                }
            }
        }
        self.ended |= last_word;
        Ok(())
    }

    // Takes in what the broadcast brought, and begins to join it once everything stored was sent. Returns how far to read.
    fn take_in_deltas(&mut self) -> u64 {
        let Some(deltas) = &mut self.deltas else { return u64::MAX };
        if deltas.is_to_join(self.position) {
            if self.position < self.last {
                return u64::MAX;
            }
            let (source, session) = (Arc::clone(&self.source), self.session.clone());
            deltas.begin_to_join(Box::pin(async move {
                match &session {
                    Some(id) => source.live_text(id).await,
                    None => source.live_text_all().await,
                }
            }));
        }
        if deltas.is_joining() {
            return u64::MAX;
        }
        let goal = self.last;
        deltas.take_in(self.position);
        let now = self.tail.borrow().last.max(goal);
        deltas.mark(now);
        goal
    }

    async fn join(&mut self, live: LiveText) {
        if let Err(error) = self.filter.learn_tags(self.source.log(), &live.open).await {
            tracing::debug!("text of sessions whose tags cannot be read is left out: {error}");
        }
        if let Some(deltas) = &mut self.deltas {
            deltas.join(live);
        }
    }

    fn write_deltas(&mut self, out: &mut BytesMut) {
        let session = self.session.is_some();
        if let Some(deltas) = &mut self.deltas {
            let due = deltas.due(self.position, session);
            self.write_early(out, due);
        }
    }

    fn write_early(&mut self, out: &mut BytesMut, events: Vec<Arc<Ephemeral>>) {
        for event in events {
            if !self.filter.lets_delta_through(&event) {
                continue;
            }
            match &mut self.acp {
                None => frame::ephemeral(out, &event),
                Some(rows) => {
                    if let Some(row) = rows.ephemeral(&event) {
                        frame::row(out, &row);
                    }
                }
            }
        }
    }

    // Until there may be something to send: none, or a comment after a long silence.
    async fn sleep(&mut self) -> Option<Bytes> {
        let beat = tokio::time::sleep_until(Instant::now() + HEARTBEAT);
        let told = tokio::select! {
            biased;
            () = self.stopping.cancelled() => {
                self.ended = true;
                None
            }
            told = deltas::arrives(self.deltas.as_mut()) => told,
            changed = self.tail.changed() => {
                self.ended |= changed.is_err();
                None
            }
            () = beat => return Some(Bytes::from_static(b":\n\n")),
        };
        if let Some(live) = told {
            self.join(live).await;
        }
        None
    }
}
