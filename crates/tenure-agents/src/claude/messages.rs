//! Messages that are being written: the stream's pieces and the finished blocks of one
//! native message, folded into one.
//!
//! A native message arrives twice. The stream events tell its pieces as the model writes;
//! one `assistant` frame per block tells each block whole, and those are the truth: a
//! message whose stream broke never gets one and is dropped, its replacement has another
//! id. Subagents come without a stream. None of this text is saved; lines that are read
//! again after a restart only fill messages that were open then.

use serde_json::Value;
use tenure_core::agent::{MessageText, StartRecord, message_uuid};
use tenure_event::{MessageDelta, MessageId, TextKind};

use super::{
    field,
    open::{self, Open, Stream},
};

/// Messages that are open at once; the oldest is closed then.
const OPEN_MAX: usize = 32;
/// Everything that is being written, in the order in which it began.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Messages {
    pub open: Vec<Open>,
}

/// What a stream event did.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    pub delta: Option<MessageDelta>,
    /// Messages that this ended, oldest first.
    pub done: Vec<Open>,
}

/// What an `assistant` frame did.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Id of the message it belongs to.
    pub message_id: Option<MessageId>,
    /// Texts that were not streamed.
    pub deltas: Vec<MessageDelta>,
    /// Tool calls in it.
    pub calls: Vec<Value>,
    /// Messages that this ended, oldest first.
    pub done: Vec<Open>,
}

impl Messages {
    fn position(&self, native: &str) -> Option<usize> {
        self.open.iter().position(|open| open.native == native)
    }

    /// The message of a stream event, by the id it carries or by where it is.
    fn streaming(&mut self, offset: u64, frame: &Value, parent: Option<&str>) -> Option<&mut Open> {
        let at = match field::id(frame, "api_message_id") {
            Some(native) => self.position(native),
            None => self
                .open
                .iter()
                .rposition(|open| open.parent.as_deref() == parent && open.stream == Stream::Running),
        }?;
        self.open.get_mut(at).filter(|open| open.offset <= offset)
    }

    /// Makes room for another message of the same speaker: what that one said ends here.
    fn begin(&mut self, native: &str, offset: u64, parent: Option<&str>, done: &mut Vec<Open>) -> usize {
        self.take_where(|open| open.parent.as_deref() == parent, done);
        if self.open.len() >= OPEN_MAX {
            done.push(self.open.remove(0));
        }
        self.open.push(Open::new(native, offset, parent));
        self.open.len() - 1
    }

    fn take_where(&mut self, wanted: impl Fn(&Open) -> bool, done: &mut Vec<Open>) {
        let (taken, kept) = std::mem::take(&mut self.open).into_iter().partition(|open| wanted(open));
        self.open = kept;
        done.extend::<Vec<Open>>(taken);
    }

    /// Takes what is wanted out.
    pub(super) fn take(&mut self, wanted: impl Fn(&Open) -> bool) -> Vec<Open> {
        let mut done = Vec::new();
        self.take_where(wanted, &mut done);
        done
    }

    /// What a subagent said without a stream ends when its tool gives a result.
    pub(super) fn take_unstreamed(&mut self, parent: Option<&str>) -> Vec<Open> {
        self.take(|open| open.parent.as_deref() == parent && open.stream == Stream::None)
    }

    /// Reads a stream event. `again` is set for lines that were read before a restart.
    pub(super) fn stream(
        &mut self,
        record: &StartRecord,
        offset: u64,
        frame: &Value,
        again: bool,
    ) -> Streamed {
        let mut told = Streamed::default();
        let parent = field::id(frame, "parent_tool_use_id");
        let Some(event) = frame.get("event") else { return told };
        match field::text(event, "type") {
            Some("message_start") => self.start(offset, event, parent, again, &mut told.done),
            Some("content_block_start") => {
                if let (Some(open), Some(index)) =
                    (self.streaming(offset, frame, parent), field::count(event, "index"))
                {
                    open.block_begins(index, event.get("content_block"));
                }
            }
            Some("content_block_delta") => {
                told.delta = self.delta(record, offset, frame, event);
            }
            Some("message_delta") => {
                if let (Some(open), Some(usage)) = (self.streaming(offset, frame, parent), event.get("usage"))
                {
                    open.used(usage);
                }
            }
            Some("message_stop") => {
                if let Some(open) = self.streaming(offset, frame, parent) {
                    open.stream = Stream::Stopped;
                }
                if !again {
                    told.done = self.take(Open::is_whole);
                }
            }
            _ => {}
        }
        told
    }

    fn start(&mut self, offset: u64, event: &Value, parent: Option<&str>, again: bool, done: &mut Vec<Open>) {
        let Some(message) = event.get("message") else { return };
        let Some(native) = field::id(message, "id") else { return };
        let at = match self.position(native) {
            Some(at) => at,
            None if again => return,
            None => self.begin(native, offset, parent, done),
        };
        if let Some(open) = self.open.get_mut(at).filter(|open| open.offset <= offset) {
            open.stream_begins(message);
        }
    }

    fn delta(
        &mut self,
        record: &StartRecord,
        offset: u64,
        frame: &Value,
        event: &Value,
    ) -> Option<MessageDelta> {
        let parent = field::id(frame, "parent_tool_use_id");
        let index = field::count(event, "index")?;
        let delta = event.get("delta")?;
        let (kind, text) = match field::text(delta, "type")? {
            "text_delta" => (TextKind::Text, field::text(delta, "text")?),
            "thinking_delta" => (TextKind::Thought, field::text(delta, "thinking")?),
            _ => return None,
        };
        let open = self.streaming(offset, frame, parent)?;
        if text.is_empty() {
            return None;
        }
        let told = open.streamed(index, kind, text)?;
        Some(open::piece(record, open, index, kind, told, text))
    }

    /// Reads an `assistant` frame. `again` is set for lines that were read before a restart.
    pub(super) fn written(
        &mut self,
        record: &StartRecord,
        offset: u64,
        frame: &Value,
        again: bool,
    ) -> Written {
        let mut told = Written::default();
        let Some(message) = frame.get("message") else { return told };
        let Some(native) = field::id(message, "id") else { return told };
        let parent = field::id(frame, "parent_tool_use_id");
        let at = match self.position(native) {
            Some(at) if self.open[at].offset <= offset => at,
            None if !again => self.begin(native, offset, parent, &mut told.done),
            _ => return told,
        };
        let open = &mut self.open[at];
        told.message_id = Some(message_uuid(record, open.offset, 0));
        open.told_around(frame, message);
        for block in field::items(message, "content") {
            open.finished(record, block, &mut told);
        }
        if !again {
            told.done.extend(self.take(Open::is_whole));
        }
        told
    }

    /// What a follower that joins needs.
    pub(super) fn text(&self, record: &StartRecord) -> MessageText {
        MessageText { deltas: self.open.iter().flat_map(|open| open.so_far(record)).collect() }
    }
}
