//! Making messages: ids out of native ones, parts numbered, text joined. What a record says is not known here.

use sha2::{Digest as _, Sha256};
use tenure_core::projection::text_of;
use tenure_event::{Message, MessageId, MessageOrigin, Part, PartBody, Role, Timestamp, Usage};

/// Our id of a message: the agent's own where it can be one, else a hash of it.
pub(crate) fn message_id(native: &str) -> MessageId {
    MessageId::parse(native).unwrap_or_else(|_| {
        let digest = Sha256::digest(native.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        MessageId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    })
}

/// A message, before it is told of what it says.
pub(crate) struct Draft {
    pub(crate) id: MessageId,
    pub(crate) native_ids: Vec<String>,
    pub(crate) role: Role,
    pub(crate) ts: Timestamp,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) partial: bool,
    pub(crate) parent_tool_id: Option<String>,
}

impl Draft {
    /// With what it says.
    pub(crate) fn says(self, bodies: impl IntoIterator<Item = PartBody>) -> Message {
        let part = |(index, body)| Part { id: format!("{}.{index}", self.id), body, bytes: None, blob: None };
        let parts: Vec<Part> = bodies.into_iter().enumerate().map(part).collect();
        Message {
            text: text_of(&parts),
            id: self.id,
            native_ids: self.native_ids,
            role: self.role,
            parts,
            turn_id: None,
            seq: None,
            ts: self.ts,
            model: self.model,
            usage: self.usage,
            partial: self.partial,
            origin: Some(MessageOrigin::Native),
            parent_tool_id: self.parent_tool_id,
            epoch: 0,
        }
    }
}

/// Longest line that is shown of a prompt, in characters.
const LINE_MAX: usize = 200;

/// A text on one line and short; none if it says nothing.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let mut line = words.next()?.to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
        if line.len() > 4 * LINE_MAX {
            break;
        }
    }
    match line.char_indices().nth(LINE_MAX) {
        Some((end, _)) => Some(format!("{}…", line[..end].trim_end())),
        None => Some(line),
    }
}
