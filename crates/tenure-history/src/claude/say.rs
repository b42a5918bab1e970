//! A record in Tenure's words: messages, ends of tool calls, tokens.

use std::path::Path;

use serde_json::Value;
use tenure_agents::claude::words;
use tenure_event::{PartBody, Role, Timestamp};

use super::record::{Kind, Record, blocks};
use crate::fields::{self, flag, text, word};
use crate::said::{Draft, message_id};
use crate::{Counted, Item, Place, Said, ToolOutcome};

/// Where a record stands and who speaks.
pub(super) struct Scene<'a> {
    pub(super) path: &'a Path,
    pub(super) offset: u64,
    /// The subagent whose file it is, or whose record.
    pub(super) subagent: Option<String>,
    /// The tool call for which the subagent works.
    pub(super) parent_tool: Option<String>,
    /// The time, or that of the record before where it has none.
    pub(super) ts: Timestamp,
    /// The directory below which paths are shown.
    pub(super) cwd: &'a str,
}

impl Scene<'_> {
    fn place(&self) -> Place {
        Place { path: self.path.to_owned(), offset: self.offset }
    }

    fn said(&self, draft: Draft, bodies: Vec<PartBody>, hidden: bool) -> Item {
        Item::Message(Box::new(Said {
            message: draft.says(bodies),
            hidden,
            subagent: self.subagent.clone(),
            place: self.place(),
        }))
    }

    fn draft(&self, native: &str, role: Role) -> Draft {
        Draft {
            id: message_id(native),
            native_ids: vec![native.to_owned()],
            role,
            ts: self.ts,
            model: None,
            usage: None,
            partial: false,
            parent_tool_id: self.parent_tool.clone(),
        }
    }
}

/// What a record says.
pub(super) fn items(record: &Record<'_>, scene: &Scene<'_>, out: &mut Vec<Item>) {
    let Some(uuid) = record.uuid() else { return };
    match record.chained() {
        Some(Kind::User) => user(record, &uuid, scene, out),
        Some(Kind::Assistant) => assistant(record, &uuid, scene, out),
        Some(Kind::Attachment) => queued(record, &uuid, scene, out),
        Some(Kind::System) => system(record, &uuid, scene, out),
        Some(Kind::Progress) | None => {}
    }
}

fn user(record: &Record<'_>, uuid: &str, scene: &Scene<'_>, out: &mut Vec<Item>) {
    let Some(inner) = record.inner() else { return };
    let blocks = blocks(inner.content);
    let is_result = |block: &&Value| block["type"] == "tool_result";
    let results = blocks.iter().filter(is_result).count();
    for block in blocks.iter().filter(is_result) {
        out.push(ended(record, block, uuid, results == 1, scene));
    }
    let bodies: Vec<PartBody> = blocks
        .iter()
        .filter(|block| !is_result(block))
        .filter_map(|block| words::part(scene.cwd, block))
        .collect();
    if results == 0 || !bodies.is_empty() {
        out.push(scene.said(scene.draft(uuid, Role::User), bodies, flag(record.is_meta)));
    }
}

fn ended(record: &Record<'_>, block: &Value, uuid: &str, alone: bool, scene: &Scene<'_>) -> Item {
    let structure = fields::value(record.result).filter(|_| alone);
    let end = words::ended(block, text(record.denial).filter(|_| alone).as_deref(), structure.as_ref());
    Item::ToolEnded(ToolOutcome {
        tool_id: end.tool_id,
        message_id: None,
        state: end.state,
        output: end.output,
        error: end.error,
        ts: scene.ts,
        native_id: Some(uuid.to_owned()),
        subagent: scene.subagent.clone(),
        place: scene.place(),
    })
}

fn assistant(record: &Record<'_>, uuid: &str, scene: &Scene<'_>, out: &mut Vec<Item>) {
    let Some(inner) = record.inner() else { return };
    let native = message_key(record).unwrap_or_else(|| uuid.to_owned());
    let usage = fields::value(inner.usage).as_ref().and_then(words::usage);
    let model = word(inner.model).filter(|model| model != "<synthetic>");
    let mut draft = scene.draft(&native, Role::Assistant);
    if native != uuid {
        draft.native_ids.push(uuid.to_owned());
    }
    draft.model.clone_from(&model);
    draft.usage = usage;
    draft.partial = flag(record.aborted);
    let id = draft.id.clone();
    let bodies = blocks(inner.content).iter().filter_map(|block| words::part(scene.cwd, block)).collect();
    out.push(scene.said(draft, bodies, false));
    if let Some(usage) = usage {
        out.push(Item::Used(Counted {
            key: native,
            ts: scene.ts,
            model,
            usage,
            message_id: Some(id),
            subagent: scene.subagent.clone(),
        }));
    }
}

/// What tells a model's message from another: the records of one share it.
pub(super) fn message_key(record: &Record<'_>) -> Option<String> {
    word(record.inner()?.id).filter(|id| id.len() <= 256)
}

/// A prompt that was taken in while a turn ran stands beside the conversation.
fn queued(record: &Record<'_>, uuid: &str, scene: &Scene<'_>, out: &mut Vec<Item>) {
    let Some(queued) = record.queued() else { return };
    let native = word(queued.source).unwrap_or_else(|| uuid.to_owned());
    let mut draft = scene.draft(&native, Role::User);
    if native != uuid {
        draft.native_ids.push(uuid.to_owned());
    }
    let bodies = blocks(queued.prompt).iter().filter_map(|block| words::part(scene.cwd, block)).collect();
    out.push(scene.said(draft, bodies, flag(queued.is_meta)));
}

/// The program's own notices.
fn system(record: &Record<'_>, uuid: &str, scene: &Scene<'_>, out: &mut Vec<Item>) {
    let Some(text) = word(record.content) else { return };
    out.push(scene.said(scene.draft(uuid, Role::System), vec![PartBody::Text { text }], true));
}
