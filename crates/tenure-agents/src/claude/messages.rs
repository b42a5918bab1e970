//! Messages that are being written: the stream's pieces and the finished blocks of one
//! native message, folded into one.
//!
//! A native message arrives twice. The stream events tell its pieces as the model writes;
//! one `assistant` frame per block tells each block whole, and those are the truth: a
//! message whose stream broke never gets one and is dropped, its replacement has another
//! id. Subagents come without a stream. None of this text is saved; lines that are read
//! again after a restart only fill messages that were open then.

use serde_json::Value;
use tenure_core::agent::{MessageDone, MessageText, StartRecord, message_uuid};
use tenure_event::{MessageDelta, MessageId, Part, PartBody, Role, TextKind, ToolPart, ToolState, Usage};

use super::{field, tools, turn};

/// Messages that are open at once; the oldest is closed then.
const OPEN_MAX: usize = 32;
/// Streamed text of one message that is kept, in bytes; what comes after is not streamed.
const TEXT_MAX: usize = 8 * 1024 * 1024;
/// Blocks of one message.
const BLOCKS_MAX: usize = 4096;

/// How a message's stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// None was seen.
    None,
    Running,
    Stopped,
}

/// What a block is made of.
#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// Known to exist, nothing more.
    Unknown,
    Text(TextKind, String),
    /// A finished block that is no text.
    Whole(PartBody),
}

#[derive(Debug, Clone, PartialEq)]
struct Block {
    index: u64,
    body: Body,
    /// Unicode scalars that were told so far.
    told: u64,
    /// The finished block was seen.
    whole: bool,
}

/// One message that is being written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    pub native: String,
    pub offset: u64,
    pub parent: Option<String>,
    stream: Stream,
    blocks: Vec<Block>,
    bytes: usize,
    uuids: Vec<String>,
    request_ids: Vec<String>,
    model: Option<String>,
    usage: Option<Usage>,
    aborted: bool,
}

impl Open {
    pub(super) fn new(native: &str, offset: u64, parent: Option<&str>) -> Self {
        Self {
            native: native.to_owned(),
            offset,
            parent: parent.map(str::to_owned),
            stream: Stream::None,
            blocks: Vec::new(),
            bytes: 0,
            uuids: Vec::new(),
            request_ids: Vec::new(),
            model: None,
            usage: None,
            aborted: false,
        }
    }

    fn is_whole(&self) -> bool {
        self.stream == Stream::Stopped && self.blocks.iter().all(|block| block.whole)
    }

    fn block(&mut self, index: u64) -> Option<&mut Block> {
        let at = match self.blocks.binary_search_by_key(&index, |block| block.index) {
            Ok(at) => at,
            Err(_) if self.blocks.len() >= BLOCKS_MAX => return None,
            Err(at) => {
                self.blocks.insert(at, Block { index, body: Body::Unknown, told: 0, whole: false });
                at
            }
        };
        self.blocks.get_mut(at)
    }

    /// The block that a finished block fills: the first open one of its kind, else a new one.
    fn block_for(&mut self, kind: Option<TextKind>) -> Option<&mut Block> {
        let fits = |block: &Block| {
            !block.whole
                && match (&block.body, kind) {
                    (Body::Text(have, _), Some(want)) => *have == want,
                    (Body::Unknown, None) => true,
                    _ => false,
                }
        };
        let index = match self.blocks.iter().find(|block| fits(block)) {
            Some(block) => block.index,
            None => self.blocks.last().map_or(0, |block| block.index.saturating_add(1)),
        };
        self.block(index)
    }

    /// Adds a piece of text; where it begins in its block, if it is to be told.
    fn piece(&mut self, index: u64, kind: TextKind, text: &str) -> Option<u64> {
        if self.bytes.saturating_add(text.len()) > TEXT_MAX {
            self.bytes = TEXT_MAX;
            return None;
        }
        self.bytes += text.len();
        let block = self.block(index)?;
        match &mut block.body {
            Body::Unknown => block.body = Body::Text(kind, text.to_owned()),
            Body::Text(have, so_far) if *have == kind && !block.whole => so_far.push_str(text),
            Body::Text(..) | Body::Whole(_) => return None,
        }
        let offset = block.told;
        block.told += text.chars().count() as u64;
        Some(offset)
    }
}

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
                    open.stream = Stream::Running;
                    let kind = event.get("content_block").and_then(text_kind);
                    if let Some(block) = open.block(index)
                        && let (Body::Unknown, Some(kind)) = (&block.body, kind)
                    {
                        block.body = Body::Text(kind, String::new());
                    }
                }
            }
            Some("content_block_delta") => {
                told.delta = self.delta(record, offset, frame, event);
            }
            Some("message_delta") => {
                if let Some(open) = self.streaming(offset, frame, parent)
                    && let Some(usage) = event.get("usage").map(turn::usage).filter(turn::counts)
                {
                    open.usage = Some(usage);
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
            open.stream = Stream::Running;
            open.model = field::id(message, "model").map(str::to_owned);
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
        let told = open.piece(index, kind, text)?;
        Some(piece(record, open, index, kind, told, text))
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
        open.uuids.extend(field::id(frame, "uuid").map(str::to_owned));
        if let Some(request) = field::id(frame, "request_id")
            && !open.request_ids.iter().any(|known| known == request)
        {
            open.request_ids.push(request.to_owned());
        }
        open.aborted |= field::flag(frame, "aborted");
        if open.model.is_none() {
            open.model =
                field::id(message, "model").filter(|model| *model != "<synthetic>").map(str::to_owned);
        }
        if open.usage.is_none() {
            open.usage = message.get("usage").map(turn::usage).filter(turn::counts);
        }
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
        let mut deltas = Vec::new();
        for open in &self.open {
            for block in &open.blocks {
                if let Body::Text(kind, text) = &block.body
                    && !text.is_empty()
                {
                    deltas.push(piece(record, open, block.index, *kind, 0, text));
                }
            }
        }
        MessageText { deltas }
    }
}

impl Open {
    /// Takes a finished block.
    fn finished(&mut self, record: &StartRecord, block: &Value, told: &mut Written) {
        let kind = text_kind(block);
        let text = match kind {
            Some(TextKind::Text) => field::text(block, "text"),
            Some(TextKind::Thought) => field::text(block, "thinking"),
            None => None,
        };
        let Some(into) = self.block_for(kind) else { return };
        let index = into.index;
        into.whole = true;
        if let (Some(kind), Some(text)) = (kind, text) {
            let streamed = into.told > 0;
            into.body = Body::Text(kind, text.to_owned());
            into.told = text.chars().count() as u64;
            if !streamed && !text.is_empty() {
                told.deltas.push(piece(record, self, index, kind, 0, text));
            }
            return;
        }
        if field::text(block, "type") == Some("tool_use") && field::id(block, "id").is_some() {
            told.calls.push(block.clone());
        }
        into.body = match field::text(block, "type") {
            Some("redacted_thinking") => Body::Unknown,
            _ => Body::Whole(other_body(block)),
        };
    }

    /// The message as it is told, if it says anything. Streamed text that was never
    /// finished is part of it only where the message was cut.
    pub(super) fn message(
        self,
        record: &StartRecord,
        cut: bool,
        state_of: impl Fn(&str) -> ToolState,
    ) -> Option<MessageDone> {
        let message_id = message_uuid(record, self.offset, 0);
        let partial = self.aborted || (self.stream != Stream::None && !self.is_whole());
        let mut parts = Vec::new();
        for block in self.blocks {
            if !block.whole && !cut {
                continue;
            }
            let body = match block.body {
                Body::Text(_, text) if text.is_empty() => continue,
                Body::Text(TextKind::Text, text) => PartBody::Text { text },
                Body::Text(TextKind::Thought, text) => PartBody::Thought { text },
                Body::Whole(PartBody::Tool(tool)) => {
                    let state = state_of(&tool.tool_id);
                    PartBody::Tool(tools::describe(record, ToolPart { state, ..tool }))
                }
                Body::Whole(body) => body,
                Body::Unknown => continue,
            };
            parts.push(Part { id: part_id(&message_id, block.index), body, bytes: None, blob: None });
        }
        if parts.is_empty() {
            return None;
        }
        let mut native_ids = vec![self.native];
        native_ids.extend(self.uuids);
        native_ids.extend(self.request_ids);
        Some(MessageDone {
            message_id,
            native_ids,
            role: Role::Assistant,
            parts,
            model: self.model,
            usage: self.usage,
            partial,
            replayed: false,
            parent_tool_id: self.parent,
        })
    }
}

fn text_kind(block: &Value) -> Option<TextKind> {
    match field::text(block, "type")? {
        "text" => Some(TextKind::Text),
        "thinking" => Some(TextKind::Thought),
        _ => None,
    }
}

fn other_body(block: &Value) -> PartBody {
    if field::text(block, "type") == Some("tool_use")
        && let Some(id) = field::id(block, "id")
    {
        return PartBody::Tool(ToolPart {
            tool_id: id.to_owned(),
            tool: field::id(block, "name").unwrap_or("unknown").to_owned(),
            input: block.get("input").cloned().unwrap_or_default(),
            ..ToolPart::default()
        });
    }
    tools::image(block).unwrap_or_else(|| PartBody::Other { value: block.clone() })
}

fn part_id(message: &MessageId, index: u64) -> String {
    format!("{message}.{index}")
}

fn piece(
    record: &StartRecord,
    open: &Open,
    index: u64,
    kind: TextKind,
    offset: u64,
    text: &str,
) -> MessageDelta {
    let message_id = message_uuid(record, open.offset, 0);
    let part_id = part_id(&message_id, index);
    MessageDelta {
        message_id,
        part_id,
        kind,
        offset,
        text: text.to_owned(),
        parent_tool_id: open.parent.clone(),
    }
}
