//! The message that is being written: its blocks as streamed, and the message that comes of
//! it. The line that ends it tells it whole, and that is the truth.

use serde_json::Value;
use tenure_core::agent::{MessageDone, StartRecord, message_uuid};
use tenure_event::{MessageDelta, MessageId, Part, PartBody, Role, TextKind};

use super::{field, tools, usage};

/// Streamed text of one message that is kept, in bytes; what comes after is not streamed.
const TEXT_MAX: usize = 8 * 1024 * 1024;
/// Blocks of one message.
const BLOCKS_MAX: usize = 4096;

#[derive(Debug, Clone, PartialEq)]
struct Block {
    index: u64,
    kind: TextKind,
    text: String,
    /// Unicode scalars of it.
    chars: u64,
}

/// The message that is being written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gathering {
    /// Where its first line begins.
    pub offset: u64,
    blocks: Vec<Block>,
    bytes: usize,
}

impl Gathering {
    pub(super) fn new(offset: u64) -> Self {
        Self { offset, blocks: Vec::new(), bytes: 0 }
    }

    /// Our id of it.
    pub(super) fn id(&self, record: &StartRecord) -> MessageId {
        message_uuid(record, self.offset, 0)
    }

    /// Takes a piece of text.
    pub(super) fn grow(&mut self, record: &StartRecord, event: &Value) -> Option<MessageDelta> {
        let kind = match field::text(event, "type")? {
            "text_delta" => TextKind::Text,
            "thinking_delta" => TextKind::Thought,
            _ => return None,
        };
        let index = field::count(event, "contentIndex")?;
        let text = field::text(event, "delta").filter(|text| !text.is_empty())?;
        self.add(record, index, kind, text)
    }

    fn add(&mut self, record: &StartRecord, index: u64, kind: TextKind, text: &str) -> Option<MessageDelta> {
        if self.bytes.saturating_add(text.len()) > TEXT_MAX {
            self.bytes = TEXT_MAX;
            return None;
        }
        let id = self.id(record);
        let at = match self.blocks.binary_search_by_key(&index, |block| block.index) {
            Ok(at) => at,
            Err(_) if self.blocks.len() >= BLOCKS_MAX => return None,
            Err(at) => {
                self.blocks.insert(at, Block { index, kind, text: String::new(), chars: 0 });
                at
            }
        };
        let block = self.blocks.get_mut(at).filter(|block| block.kind == kind)?;
        let offset = block.chars;
        block.text.push_str(text);
        block.chars += text.chars().count() as u64;
        self.bytes += text.len();
        Some(piece(&id, index, kind, offset, text))
    }

    /// All of each part so far, from offset 0.
    pub(super) fn so_far(&self, record: &StartRecord) -> Vec<MessageDelta> {
        let id = self.id(record);
        self.blocks.iter().map(|block| piece(&id, block.index, block.kind, 0, &block.text)).collect()
    }

    /// The message as its last line tells it, if it says anything; and the texts of it that were not streamed.
    pub(super) fn finish(
        mut self,
        record: &StartRecord,
        message: &Value,
    ) -> (Option<MessageDone>, Vec<MessageDelta>) {
        let id = self.id(record);
        let mut deltas = Vec::new();
        let mut parts = Vec::new();
        for (index, block) in field::items(message, "content").iter().enumerate().take(BLOCKS_MAX) {
            let Some(body) = body(&record.cwd, block) else { continue };
            let index = index as u64;
            let text = match &body {
                PartBody::Text { text } => Some((TextKind::Text, text)),
                PartBody::Thought { text } => Some((TextKind::Thought, text)),
                _ => None,
            };
            if let Some((kind, text)) = text
                && self.blocks.binary_search_by_key(&index, |block| block.index).is_err()
            {
                deltas.extend(self.add(record, index, kind, text));
            }
            parts.push(part(&id, index, body));
        }
        let stop = field::text(message, "stopReason");
        let done = MessageDone {
            message_id: id,
            native_ids: field::id(message, "responseId").map(str::to_owned).into_iter().collect(),
            role: Role::Assistant,
            parts,
            model: model(message),
            usage: message.get("usage").and_then(usage::read),
            partial: matches!(stop, Some("aborted" | "error" | "pending")),
            replayed: false,
            parent_tool_id: None,
        };
        ((!done.parts.is_empty()).then_some(done), deltas)
    }

    /// The message as far as it was seen.
    pub(super) fn cut(self, record: &StartRecord) -> Option<MessageDone> {
        let id = self.id(record);
        let parts = self.blocks.into_iter().map(|block| {
            let text = block.text;
            let body = match block.kind {
                TextKind::Text => PartBody::Text { text },
                TextKind::Thought => PartBody::Thought { text },
            };
            part(&id, block.index, body)
        });
        let parts: Vec<Part> = parts.collect();
        (!parts.is_empty()).then(|| MessageDone {
            message_id: id,
            native_ids: Vec::new(),
            role: Role::Assistant,
            parts,
            model: None,
            usage: None,
            partial: true,
            replayed: false,
            parent_tool_id: None,
        })
    }
}

/// The model that wrote a message.
pub(super) fn model(message: &Value) -> Option<String> {
    let id = field::id(message, "model")?;
    Some(match field::id(message, "provider") {
        Some(provider) => format!("{provider}/{id}"),
        None => id.to_owned(),
    })
}

/// A block of a message, if it shows anything.
pub(super) fn body(cwd: &str, block: &Value) -> Option<PartBody> {
    let words = |key| field::text(block, key).filter(|text| !text.is_empty()).map(str::to_owned);
    match field::text(block, "type") {
        Some("text") => words("text").map(|text| PartBody::Text { text }),
        Some("thinking") => words("thinking").map(|text| PartBody::Thought { text }),
        Some("toolCall") => Some(
            tools::call(cwd, block).map_or_else(|| PartBody::Other { value: block.clone() }, PartBody::Tool),
        ),
        Some("image") => {
            Some(tools::image(block).unwrap_or_else(|| PartBody::Other { value: block.clone() }))
        }
        _ => Some(PartBody::Other { value: block.clone() }),
    }
}

/// A part of a message.
pub(super) fn part(message: &MessageId, index: u64, body: PartBody) -> Part {
    Part { id: format!("{message}.{index}"), body, bytes: None, blob: None }
}

fn piece(message: &MessageId, index: u64, kind: TextKind, offset: u64, text: &str) -> MessageDelta {
    MessageDelta {
        message_id: message.clone(),
        part_id: format!("{message}.{index}"),
        kind,
        offset,
        text: text.to_owned(),
        parent_tool_id: None,
    }
}
