//! Pieces put together: messages whole, with their tools as they ended.

use std::collections::{HashMap, VecDeque};

use tenure_core::projection::text_of;
use tenure_event::{Message, MessageId, PartBody, ToolState};

use crate::{Item, Messages, Said, ToolOutcome, Warning};

/// Puts the pieces of one conversation together.
#[derive(Debug)]
pub struct Fold {
    page: std::ops::Range<usize>,
    hidden: bool,
    total: usize,
    said: Vec<Said>,
    /// Where each message stands, if it is of the page.
    places: HashMap<MessageId, Option<usize>>,
    /// Where a call stands: the message and the part in it.
    calls: HashMap<String, (usize, usize)>,
    /// Ends of calls whose message has not come yet.
    early: VecDeque<ToolOutcome>,
    warnings: Vec<Warning>,
}

/// Ends of calls that wait for their message.
const EARLY_MAX: usize = 256;

impl Default for Fold {
    fn default() -> Self {
        Self::page(0, usize::MAX, true)
    }
}

impl Fold {
    /// Keeps a page alone: without the first `skip` messages, and at most `limit`. What the agent wrote for the model
    /// alone is counted and kept only if `hidden`.
    #[must_use]
    pub fn page(skip: usize, limit: usize, hidden: bool) -> Self {
        Self {
            page: skip..skip.saturating_add(limit),
            hidden,
            total: 0,
            said: Vec::new(),
            places: HashMap::new(),
            calls: HashMap::new(),
            early: VecDeque::new(),
            warnings: Vec::new(),
        }
    }

    /// How many messages there were, also outside of the page.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Takes the next piece.
    pub fn item(&mut self, item: Item) {
        match item {
            Item::Reset => *self = Self::page(self.page.start, self.page.len(), self.hidden),
            Item::Message(said) => self.message(*said),
            Item::ToolEnded(outcome) => self.tool_ended(outcome),
            Item::Used(_) => {}
            Item::Warning(warning) => self.warnings.push(warning),
        }
    }

    fn message(&mut self, said: Said) {
        let at = match self.places.get(&said.message.id) {
            Some(None) => return,
            Some(&Some(at)) => {
                extend(&mut self.said[at].message, said.message);
                at
            }
            None => {
                let wanted = self.page.contains(&self.total) && (self.hidden || !said.hidden);
                self.total += usize::from(self.hidden || !said.hidden);
                self.places.insert(said.message.id.clone(), wanted.then_some(self.said.len()));
                if !wanted {
                    return;
                }
                self.said.push(said);
                self.said.len() - 1
            }
        };
        for (index, part) in self.said[at].message.parts.iter().enumerate() {
            if let PartBody::Tool(tool) = &part.body {
                self.calls.entry(tool.tool_id.clone()).or_insert((at, index));
            }
        }
        let (known, early): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|outcome| self.calls.contains_key(&outcome.tool_id));
        self.early = early;
        known.into_iter().for_each(|outcome| self.tool_ended(outcome));
    }

    fn tool_ended(&mut self, outcome: ToolOutcome) {
        let Some(&(at, index)) = self.calls.get(&outcome.tool_id) else {
            self.early.push_back(outcome);
            if self.early.len() > EARLY_MAX {
                self.early.pop_front();
            }
            return;
        };
        let message = &mut self.said[at].message;
        if let Some(PartBody::Tool(tool)) = message.parts.get_mut(index).map(|part| &mut part.body) {
            tool.state = outcome.state;
            tool.output = outcome.output;
            tool.error = outcome.error;
            message.native_ids.extend(outcome.native_id);
        }
    }

    /// The messages, in the order in which they began; a call without an end was cut off.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Said>, Vec<Warning>) {
        for said in &mut self.said {
            for part in &mut said.message.parts {
                if let PartBody::Tool(tool) = &mut part.body
                    && matches!(tool.state, ToolState::Pending | ToolState::Running)
                {
                    tool.state = ToolState::Cancelled;
                }
            }
        }
        (self.said, self.warnings)
    }
}

impl From<Fold> for Messages {
    fn from(fold: Fold) -> Self {
        let total = fold.total();
        let (said, warnings) = fold.finish();
        Self { items: said.into_iter().map(|said| said.message).collect(), total, warnings }
    }
}

/// Adds more of a message to what there is of it.
fn extend(message: &mut Message, more: Message) {
    for native in more.native_ids {
        if !message.native_ids.contains(&native) {
            message.native_ids.push(native);
        }
    }
    let known = message.parts.len();
    message.parts.extend(more.parts);
    for (index, part) in message.parts.iter_mut().enumerate().skip(known) {
        part.id = format!("{}.{index}", message.id.as_str());
    }
    message.text = text_of(&message.parts);
    message.usage = more.usage.or(message.usage);
    message.model = more.model.or(message.model.take());
    message.partial |= more.partial;
}
