//! Ephemeral events between the durable ones.
//!
//! Each says after which durable event of its session it comes (`after`). It is sent after that
//! event, before the next one where it came in time, and never after the message or the tool call
//! it is a piece of has ended. What is lost by lagging comes again as one piece from the start.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use tenure_event::{Ephemeral, EphemeralKind};
use tenure_log::Rendered;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::filter::session_of;
use crate::node::LiveText;

/// Most deltas that are held at once.
const HELD: usize = 64;
/// Ends of messages and tool calls that are remembered, against deltas that come late.
const REMEMBERED: usize = 32;

struct Held {
    event: Arc<Ephemeral>,
    // Where the log has arrived once this may be sent; none before that is known.
    barrier: Option<u64>,
}

impl Held {
    fn new(event: Arc<Ephemeral>) -> Self {
        Self { event, barrier: None }
    }
}

/// How a follower stands to the broadcast.
#[derive(Default)]
enum Broadcast {
    /// It is to be joined as soon as everything stored was sent.
    #[default]
    Wanted,
    /// What is being written now was asked for. Whoever tells may be busy: what is stored is sent meanwhile.
    Joining(BoxFuture<'static, LiveText>),
    /// It brings what it has.
    Joined(broadcast::Receiver<Arc<Ephemeral>>),
    /// It ended when the follower was at this position. It is joined again when there is more.
    Ended(u64),
}

/// The deltas of one follower.
#[derive(Default)]
pub(super) struct Deltas {
    broadcast: Broadcast,
    next: Option<Arc<Ephemeral>>,
    held: VecDeque<Held>,
    ended: VecDeque<String>,
    position: u64,
}

impl Deltas {
    /// Whether there is something to join, for a follower that has sent all up to `position`.
    pub(super) fn is_to_join(&self, position: u64) -> bool {
        match self.broadcast {
            Broadcast::Wanted => true,
            Broadcast::Joining(_) | Broadcast::Joined(_) => false,
            Broadcast::Ended(at) => at != position,
        }
    }

    pub(super) fn is_joining(&self) -> bool {
        matches!(self.broadcast, Broadcast::Joining(_))
    }

    pub(super) fn begin_to_join(&mut self, told: BoxFuture<'static, LiveText>) {
        self.broadcast = Broadcast::Joining(told);
    }

    pub(super) fn join(&mut self, live: LiveText) {
        self.held.clear();
        self.held.extend(live.open.into_iter().map(Held::new));
        self.broadcast = Broadcast::Joined(live.updates);
    }

    /// Takes in what the broadcast brought. One that ran ahead is left, to be joined again.
    pub(super) fn take_in(&mut self, position: u64) {
        self.position = position;
        self.held.extend(self.next.take().map(Held::new));
        while self.held.len() < HELD {
            let Broadcast::Joined(updates) = &mut self.broadcast else { return };
            match updates.try_recv() {
                Ok(event) => self.held.push_back(Held::new(event)),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Lagged(_)) => self.lag(),
                Err(TryRecvError::Closed) => self.broadcast = Broadcast::Ended(position),
            }
        }
    }

    fn lag(&mut self) {
        self.held.clear();
        self.broadcast = Broadcast::Wanted;
    }

    /// Every durable event that the held ones come after is at `now` or before it.
    pub(super) fn mark(&mut self, now: u64) {
        for held in &mut self.held {
            held.barrier.get_or_insert(now);
        }
    }

    /// Those that come before a durable event, which is about to be sent.
    pub(super) fn before(&mut self, event: &Rendered) -> Vec<Arc<Ephemeral>> {
        let mut early = Vec::new();
        if !self.held.is_empty() {
            let session = session_of(&event.bytes);
            let ended = &self.ended;
            self.held.retain(|held| {
                let own = Some(held.event.session_id.as_str()) == session;
                let comes_first = own && held.event.after < event.seq;
                if comes_first && !has_ended(ended, &held.event) {
                    early.push(Arc::clone(&held.event));
                }
                !comes_first
            });
        }
        self.remember_end(event);
        early
    }

    /// Those whose durable events have all been sent up to `position`.
    pub(super) fn due(&mut self, position: u64, one_session: bool) -> Vec<Arc<Ephemeral>> {
        let mut due = Vec::new();
        let ended = &self.ended;
        self.held.retain(|held| {
            let reached = if one_session {
                held.event.after.0 <= position
            } else {
                held.barrier.is_some_and(|barrier| barrier <= position)
            };
            if reached && !has_ended(ended, &held.event) {
                due.push(Arc::clone(&held.event));
            }
            !reached
        });
        due
    }

    fn remember_end(&mut self, event: &Rendered) {
        if !matches!(&*event.name, "message.completed" | "tool.completed") {
            return;
        }
        let Ok(end) = serde_json::from_slice::<End>(&event.bytes) else { return };
        let key = if &*event.name == "tool.completed" { end.data.tool_id } else { end.data.message_id };
        self.ended.extend(key);
        while self.ended.len() > REMEMBERED {
            self.ended.pop_front();
        }
    }
}

#[derive(Deserialize)]
struct End {
    data: EndData,
}

#[derive(Deserialize)]
struct EndData {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    tool_id: Option<String>,
}

/// Whether the message or the tool call that a delta is a piece of has ended.
fn has_ended(ended: &VecDeque<String>, event: &Ephemeral) -> bool {
    let key = match &event.kind {
        EphemeralKind::MessageDelta(delta) => delta.message_id.as_str(),
        EphemeralKind::ToolProgressed(tool) => tool.tool_id.as_str(),
        EphemeralKind::TaskProgressed(_) => return false,
    };
    ended.iter().any(|end| end == key)
}

/// Until a delta arrives, or what is to be joined; for ever when there is none to come.
pub(super) async fn arrives(deltas: Option<&mut Deltas>) -> Option<LiveText> {
    let Some(deltas) = deltas else { return std::future::pending().await };
    // What is held waits for the log; more would only pile up.
    if deltas.held.len() >= HELD {
        return std::future::pending().await;
    }
    match &mut deltas.broadcast {
        Broadcast::Joining(told) => return Some(told.as_mut().await),
        Broadcast::Joined(updates) => match updates.recv().await {
            Ok(event) => deltas.next = Some(event),
            Err(RecvError::Lagged(_)) => deltas.lag(),
            Err(RecvError::Closed) => deltas.broadcast = Broadcast::Ended(deltas.position),
        },
        Broadcast::Wanted | Broadcast::Ended(_) => std::future::pending().await,
    }
    None
}
