//! Messages out of events, a page at a time.
//!
//! A message begins with its `message.completed`, or with the `tool.started` of a call
//! that it does not list yet. Pages start at a turn's beginning and skip what was shown
//! before, so that a page needs no more of the log than its own turns; it is read on
//! until no tool call on it can change any more.

use std::collections::{HashMap, HashSet};

use tenure_event::{Event, Kind, Message, MessageId, Seq, TurnId};

use super::merge;

/// Which epochs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochChoice {
    /// Every one.
    All,
    /// This one.
    One(u32),
}

/// Events between two: those after the first, up to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The last event before it.
    pub after: Seq,
    /// Its last event.
    pub upto: Seq,
}

impl Span {
    /// Whether the event stands in it.
    #[must_use]
    pub fn holds(&self, seq: Seq) -> bool {
        seq > self.after && seq <= self.upto
    }
}

/// Where a page begins: read events after `after`, skip `skip` messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Seq of the last event that need not be read.
    pub after: u64,
    /// The epoch there.
    pub epoch: u32,
    /// Messages to leave out from there on.
    pub skip: usize,
}

/// Whether the fold needs more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    More,
    /// The page is whole.
    Done,
}

/// A page of messages, oldest first.
#[derive(Debug, Clone, Default)]
pub struct MessagePage {
    /// The messages.
    pub items: Vec<Message>,
    /// Where the next page begins; none at the end.
    pub next: Option<Position>,
}

struct Slot {
    message: Message,
    tools: merge::Places,
    completed: bool,
    turn_over: bool,
}

impl Slot {
    fn settled(&self) -> bool {
        self.turn_over || (self.completed && !merge::has_open_tool(&self.message))
    }
}

/// Folds events into a page of messages.
pub struct MessageFold {
    wanted: EpochChoice,
    taken_back: Vec<Span>,
    limit: usize,
    max_bytes: usize,
    to_skip: usize,
    epoch: u32,
    anchor: Position,
    open: HashSet<String>,
    skipped: HashSet<MessageId>,
    slots: Vec<Slot>,
    places: HashMap<MessageId, usize>,
    bytes: usize,
    next: Option<Position>,
    more: bool,
}

impl MessageFold {
    /// A page of at most `limit` messages (≥ 1) and about `max_bytes`, from `start` on.
    #[must_use]
    pub fn new(start: Position, wanted: EpochChoice, limit: usize, max_bytes: usize) -> Self {
        Self {
            wanted,
            taken_back: Vec::new(),
            limit: limit.max(1),
            max_bytes,
            to_skip: start.skip,
            epoch: start.epoch,
            anchor: Position { skip: 0, ..start },
            open: HashSet::new(),
            skipped: HashSet::new(),
            slots: Vec::new(),
            places: HashMap::new(),
            bytes: 0,
            next: None,
            more: false,
        }
    }

    /// The same without what was taken back.
    #[must_use]
    pub fn without(mut self, taken_back: Vec<Span>) -> Self {
        self.taken_back = taken_back;
        self
    }

    /// Names of the events that the fold looks at.
    pub const TYPES: &'static [&'static str] = &[
        "message.completed",
        "tool.started",
        "tool.completed",
        "turn.started",
        "turn.completed",
        "session.cleared",
    ];

    /// Takes the next event; `bytes` is its stored size.
    pub fn event(&mut self, event: &Event, bytes: usize) -> Flow {
        let is_gone = self.taken_back.iter().any(|span| span.holds(event.seq));
        match &event.kind {
            Kind::SessionCleared(data) => self.epoch = data.epoch,
            Kind::TurnStarted(_) => self.turn_started(event),
            Kind::TurnCompleted(data) => self.turn_completed(&data.turn_id),
            Kind::MessageCompleted(_) | Kind::ToolStarted(_) | Kind::ToolCompleted(_) if is_gone => {}
            Kind::MessageCompleted(data) => {
                self.epoch = self.epoch.max(data.epoch);
                self.open.remove(data.message_id.as_str());
                if let Some(slot) = self.slot(&data.message_id) {
                    merge::complete(&mut slot.message, event, data);
                    slot.tools = merge::places(&slot.message);
                    slot.completed = true;
                    self.bytes += bytes;
                } else if self.is_new(&data.message_id, data.epoch) {
                    let whole: u64 = data.parts.iter().filter_map(|part| part.bytes).sum();
                    let size = bytes.saturating_add(usize::try_from(whole).unwrap_or(usize::MAX));
                    self.add(merge::from_completed(event, data), true, size);
                }
            }
            Kind::ToolStarted(data) => {
                if self.slot(&data.message_id).is_none() && self.is_new(&data.message_id, self.epoch) {
                    self.open.insert(data.message_id.as_str().to_owned());
                    self.add(merge::from_tool(event, data, self.epoch), false, bytes);
                }
                self.tool(&data.message_id, event, bytes);
            }
            Kind::ToolCompleted(data) => self.tool(&data.message_id, event, bytes),
            _ => {}
        }
        let whole = self.next.is_some() && self.more && self.slots.iter().all(Slot::settled);
        if whole { Flow::Done } else { Flow::More }
    }

    /// The page as it stands.
    #[must_use]
    pub fn finish(self) -> MessagePage {
        let next = self.next.filter(|_| self.more);
        let close = |slot: Slot| {
            let mut message = slot.message;
            message.text = super::text_of(&message.parts);
            message
        };
        MessagePage { items: self.slots.into_iter().map(close).collect(), next }
    }

    fn slot(&mut self, id: &MessageId) -> Option<&mut Slot> {
        let at = *self.places.get(id)?;
        self.slots.get_mut(at)
    }

    fn tool(&mut self, id: &MessageId, event: &Event, bytes: usize) {
        if let Some(slot) = self.slot(id) {
            merge::apply_tool(&mut slot.message, &mut slot.tools, &event.kind);
            self.bytes += bytes;
        }
    }

    fn turn_started(&mut self, event: &Event) {
        if self.next.is_none() && self.open.is_empty() && self.to_skip == 0 {
            self.anchor = Position { after: event.seq.0.saturating_sub(1), epoch: self.epoch, skip: 0 };
            self.skipped.clear();
        }
    }

    fn turn_completed(&mut self, turn: &TurnId) {
        self.open.clear();
        for slot in &mut self.slots {
            slot.turn_over |= slot.message.turn_id.as_ref() == Some(turn);
        }
    }

    // Whether a message that no slot holds belongs on the page. Counts it either way.
    fn is_new(&mut self, id: &MessageId, epoch: u32) -> bool {
        let wanted = match self.wanted {
            EpochChoice::All => true,
            EpochChoice::One(one) => one == epoch,
        };
        if !wanted || self.skipped.contains(id) {
            return false;
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            self.anchor.skip += 1;
            self.skipped.insert(id.clone());
            return false;
        }
        self.more |= self.next.is_some();
        self.next.is_none()
    }

    fn add(&mut self, message: Message, completed: bool, bytes: usize) {
        self.anchor.skip += 1;
        self.places.insert(message.id.clone(), self.slots.len());
        // A message outside any turn has no end to wait for.
        let turn_over = message.turn_id.is_none();
        let tools = merge::places(&message);
        self.slots.push(Slot { message, tools, completed, turn_over });
        self.bytes = self.bytes.saturating_add(bytes);
        if self.slots.len() >= self.limit || self.bytes >= self.max_bytes {
            self.next = Some(self.anchor);
        }
    }
}
