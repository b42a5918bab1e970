//! A transcript's record: its members by name, and what kind of record it is. What it says is put into words in
//! `say`.

use std::borrow::Cow;

use serde_json::Value;
use tenure_event::Timestamp;

use crate::fields::{self, Field, flag, object, record, text, time};

record!(
    /// One line.
    Record {
        kind: "type", subtype: "subtype", uuid: "uuid", parent: "parentUuid", message: "message", content: "content",
        attachment: "attachment", at: "timestamp", is_sidechain: "isSidechain", team: "teamName", is_meta: "isMeta",
        is_summary: "isCompactSummary", agent: "agentId", result: "toolUseResult",
        denial: "toolDenialKind", aborted: "isAbortedMidStream", compact: "compactMetadata", leaf: "leafUuid",
        cut: "cutUuid", cwd: "cwd",
    }
);
record!(
    /// The message in it.
    Inner { id: "id", model: "model", content: "content", usage: "usage" }
);
record!(
    /// What was put beside the conversation.
    Attachment {
        kind: "type", prompt: "prompt", source: "source_uuid", is_meta: "isMeta", intent: "forwardedIntent", mode: "commandMode",
    }
);

/// What kind of record, as far as a conversation has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Assistant,
    System,
    Attachment,
    Progress,
}

impl Record<'_> {
    /// Its kind, if it belongs to the tree.
    pub(super) fn chained(&self) -> Option<Kind> {
        self.uuid?;
        Some(match text(self.kind)?.as_ref() {
            "user" => Kind::User,
            "assistant" => Kind::Assistant,
            "system" => Kind::System,
            "attachment" => Kind::Attachment,
            "progress" => Kind::Progress,
            _ => return None,
        })
    }
}

impl<'a> Record<'a> {
    pub(super) fn uuid(&self) -> Option<Cow<'a, str>> {
        text(self.uuid).filter(|uuid| !uuid.is_empty())
    }

    pub(super) fn inner(&self) -> Option<Inner<'a>> {
        object(self.message)
    }

    /// A prompt that was taken in while a turn ran.
    pub(super) fn queued(&self) -> Option<Attachment<'a>> {
        let attachment: Attachment<'a> = object(self.attachment)?;
        let is = text(attachment.kind)? == "queued_command" && fields::value(attachment.intent).is_none();
        is.then_some(attachment)
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        time(self.at)
    }

    /// The subagent that said it, in a transcript that holds both.
    pub(super) fn side(&self) -> Option<String> {
        flag(self.is_sidechain).then(|| fields::word(self.agent).unwrap_or_else(|| "sidechain".to_owned()))
    }
}

/// The blocks of a message's content.
pub(super) fn blocks(content: Field<'_>) -> Vec<Value> {
    match fields::value(content) {
        Some(Value::Array(blocks)) => blocks,
        Some(Value::String(text)) => vec![serde_json::json!({"type": "text", "text": text})],
        _ => Vec::new(),
    }
}
