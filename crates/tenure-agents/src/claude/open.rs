//! One message that is being written: its blocks, as streamed and as finished, and the
//! message that comes of them. Which messages are open is not known here.

use serde_json::Value;
use tenure_core::agent::{MessageDone, StartRecord, message_uuid};
use tenure_event::{MessageDelta, MessageId, Part, PartBody, Role, TextKind, ToolPart, ToolState, Usage};

use super::{field, messages::Written, tools, turn};

/// Streamed text of one message that is kept, in bytes; what comes after is not streamed.
const TEXT_MAX: usize = 8 * 1024 * 1024;
/// Blocks of one message.
const BLOCKS_MAX: usize = 4096;

/// How a message's stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
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
    pub stream: Stream,
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

    pub(super) fn is_whole(&self) -> bool {
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
    pub(super) fn streamed(&mut self, index: u64, kind: TextKind, text: &str) -> Option<u64> {
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

impl Open {
    /// Takes what an `assistant` frame tells of the message around its blocks.
    pub(super) fn told_around(&mut self, frame: &Value, message: &Value) {
        self.uuids.extend(field::id(frame, "uuid").map(str::to_owned));
        if let Some(request) = field::id(frame, "request_id")
            && !self.request_ids.iter().any(|known| known == request)
        {
            self.request_ids.push(request.to_owned());
        }
        self.aborted |= field::flag(frame, "aborted");
        if self.model.is_none() {
            self.model =
                field::id(message, "model").filter(|model| *model != "<synthetic>").map(str::to_owned);
        }
        if self.usage.is_none() {
            self.usage = message.get("usage").map(turn::usage).filter(turn::counts);
        }
    }

    /// Its stream begins.
    pub(super) fn stream_begins(&mut self, message: &Value) {
        self.stream = Stream::Running;
        self.model = field::id(message, "model").map(str::to_owned);
    }

    /// One of its blocks begins.
    pub(super) fn block_begins(&mut self, index: u64, block: Option<&Value>) {
        self.stream = Stream::Running;
        let kind = block.and_then(text_kind);
        if let Some(block) = self.block(index)
            && let (Body::Unknown, Some(kind)) = (&block.body, kind)
        {
            block.body = Body::Text(kind, String::new());
        }
    }

    /// Its usage, as the stream's end tells it.
    pub(super) fn used(&mut self, usage: &Value) {
        self.usage = Some(turn::usage(usage)).filter(turn::counts).or(self.usage);
    }

    /// All of each part so far.
    pub(super) fn so_far(&self, record: &StartRecord) -> impl Iterator<Item = MessageDelta> {
        self.blocks.iter().filter_map(move |block| match &block.body {
            Body::Text(kind, text) if !text.is_empty() => {
                Some(piece(record, self, block.index, *kind, 0, text))
            }
            _ => None,
        })
    }

    /// Takes a finished block.
    pub(super) fn finished(&mut self, record: &StartRecord, block: &Value, told: &mut Written) {
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
    pub(super) fn message(self, record: &StartRecord, cut: bool) -> Option<MessageDone> {
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
                    // Its own events tell how it goes on, some of them before this one.
                    PartBody::Tool(tools::describe(
                        &record.cwd,
                        ToolPart { state: ToolState::Running, ..tool },
                    ))
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

pub(super) fn text_kind(block: &Value) -> Option<TextKind> {
    match field::text(block, "type")? {
        "text" => Some(TextKind::Text),
        "thinking" => Some(TextKind::Thought),
        _ => None,
    }
}

pub(crate) fn other_body(block: &Value) -> PartBody {
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

pub(super) fn piece(
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
