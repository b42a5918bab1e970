//! One line of JSON per message.

use serde::Serialize;
use tenure_event::{Message, MessageId, Part, Role, Seq, Timestamp};

/// A line of the `jsonl` transcript.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JsonlRow<'a> {
    /// Who speaks.
    pub role: Role,
    /// The text parts joined.
    pub content: &'a str,
    /// When.
    pub timestamp: Timestamp,
    /// The message.
    pub message_id: &'a MessageId,
    /// The event that completed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// It is still being written, or was cut short.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Its parts, whole.
    pub parts: &'a [Part],
}

/// A message as a line, without its newline.
///
/// # Errors
/// Only if a value cannot be written as JSON, which no data of ours is.
pub fn jsonl_row(message: &Message) -> Result<String, serde_json::Error> {
    serde_json::to_string(&JsonlRow {
        role: message.role,
        content: &message.text,
        timestamp: message.ts,
        message_id: &message.id,
        seq: message.seq,
        partial: message.partial,
        parts: &message.parts,
    })
}
