//! The tree of a transcript: for each record its name, its parent's name and what is needed to choose a branch, and
//! where it stands. What is said is not kept: memory grows with the number of records alone.

use std::collections::HashMap;
use std::path::Path;

use tenure_event::Timestamp;

use super::record::{Attachment, Inner, Kind, Record};
use super::say::message_key;
use crate::fields::{self, Field, flag, object, record, text, word};
use crate::follow::{no_record, whole};
use crate::lines::Lines;
use crate::{ReadError, Warning, files};

/// A text that occurs often, by number.
pub(super) type Name = u32;

/// A record of the tree.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) uuid: Name,
    pub(super) parent: Option<Name>,
    pub(super) kind: Kind,
    /// Where the line begins, and how long it is.
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) ts: Option<Timestamp>,
    /// Of a subagent, or of another of a team.
    pub(super) aside: bool,
    /// A reminder, a caveat: not shown.
    pub(super) meta: bool,
    /// Not a leaf, whatever follows it.
    pub(super) never_leaf: bool,
    /// The message that an assistant's record is a piece of.
    pub(super) message: Option<Name>,
    /// Calls that it makes.
    pub(super) calls: Vec<Name>,
    /// Calls whose results it brings.
    pub(super) results: Vec<Name>,
    /// A result, or the note of an interrupt: what stands before it was taken in.
    pub(super) answers: bool,
    /// A prompt of a person.
    pub(super) prompt: bool,
    /// A prompt that was taken in while a turn ran, under this name.
    pub(super) queued: Option<Name>,
    /// Only results of calls, nothing else.
    pub(super) only_results: bool,
}

/// What a compaction kept.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// These, in this order, behind the anchor.
    Uuids { anchor: Name, uuids: Vec<Name> },
    /// This stretch, behind the anchor.
    Segment { anchor: Name, head: Name, tail: Name },
}

/// What the last pointer to a leaf says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pointer {
    pub(super) leaf: Name,
    /// What was taken back.
    pub(super) cut: Option<Name>,
    /// How many records stood before it.
    pub(super) at: usize,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) all: Vec<Link>,
    pub(super) kept: Vec<Kept>,
    pub(super) pointer: Option<Pointer>,
    pub(super) cwd: String,
    /// The last time that was told: that of what tells none.
    last: Option<Timestamp>,
    names: HashMap<String, Name>,
}

record!(
    /// What a compaction tells of itself.
    Compact { messages: "preservedMessages", segment: "preservedSegment" }
);
record!(
    /// What was kept.
    Preserved { anchor: "anchorUuid", uuids: "uuids", head: "headUuid", tail: "tailUuid" }
);
record!(
    /// A block of a message.
    Block { kind: "type", id: "id", call: "tool_use_id", text: "text" }
);

/// Reads the tree of a file.
pub(super) fn read(path: &Path, warnings: &mut Vec<Warning>) -> Result<Links, ReadError> {
    let (file, _) = files::open(path)?;
    let mut lines = Lines::new(file, 0);
    let mut links = Links::default();
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        match whole(path, &line) {
            Err(warning) => warnings.push(warning),
            Ok(text) if text.is_empty() => {}
            Ok(text) => match fields::parse::<Record<'_>>(&text) {
                Some(record) => links.record(&record, line.offset, line.bytes.len()),
                None => warnings.push(no_record(path, &line)),
            },
        }
    }
    Ok(links)
}

impl Links {
    pub(super) fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.names.get(text) {
            return *name;
        }
        let name = Name::try_from(self.names.len()).unwrap_or(Name::MAX);
        self.names.insert(text.to_owned(), name);
        name
    }

    fn named(&mut self, field: Field<'_>) -> Option<Name> {
        text(field).filter(|text| !text.is_empty()).map(|text| self.name(&text))
    }

    fn record(&mut self, record: &Record<'_>, offset: u64, len: usize) {
        if self.cwd.is_empty() {
            self.cwd = word(record.cwd).unwrap_or_default();
        }
        if text(record.kind).as_deref() == Some("last-prompt") {
            if let Some(leaf) = self.named(record.leaf) {
                let cut = self.named(record.cut);
                self.pointer = Some(Pointer { leaf, cut, at: self.all.len() });
            }
            return;
        }
        let Some(kind) = record.chained() else { return };
        let Some(uuid) = self.named(record.uuid) else { return };
        self.last = record.time().or(self.last);
        if kind == Kind::System && text(record.subtype).as_deref() == Some("compact_boundary") {
            let kept = self.kept(record);
            self.kept.extend(kept);
        }
        let attachment: Option<Attachment<'_>> =
            if kind == Kind::Attachment { object(record.attachment) } else { None };
        let briefing = attachment.is_some_and(|it| text(it.kind).as_deref() == Some("fork_briefing"));
        let queued = if kind == Kind::Attachment { record.queued() } else { None };
        let mut link = Link {
            uuid,
            parent: self.named(record.parent),
            kind,
            offset,
            len,
            ts: self.last,
            aside: flag(record.is_sidechain) || word(record.team).is_some(),
            meta: flag(record.is_meta) || queued.is_some_and(|queued| flag(queued.is_meta)),
            never_leaf: kind == Kind::Progress || briefing,
            message: None,
            calls: Vec::new(),
            results: Vec::new(),
            answers: false,
            prompt: false,
            queued: queued.and_then(|queued| self.named(queued.source)).or(queued.map(|_| uuid)),
            only_results: false,
        };
        if matches!(kind, Kind::User | Kind::Assistant) {
            self.message(record, &mut link);
        }
        self.all.push(link);
    }

    fn message(&mut self, record: &Record<'_>, link: &mut Link) {
        if link.kind == Kind::Assistant {
            link.message = message_key(record).map(|key| self.name(&key));
            link.answers = true;
        }
        let content = record.inner().and_then(|inner: Inner<'_>| inner.content);
        let blocks: Vec<Block<'_>> =
            content.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        for block in &blocks {
            match text(block.kind).as_deref() {
                Some("tool_use") => link.calls.extend(self.named(block.id)),
                Some("tool_result") => link.results.extend(self.named(block.call)),
                _ => {}
            }
        }
        if link.kind == Kind::User {
            link.only_results = !link.results.is_empty() && link.results.len() == blocks.len();
            let noted = |text: Option<std::borrow::Cow<'_, str>>| text.is_some_and(|text| is_cut(&text));
            let cut = noted(text(content))
                || (!blocks.is_empty() && blocks.iter().all(|block| noted(text(block.text))));
            link.answers = (!link.results.is_empty() && link.parent.is_some()) || cut;
            link.prompt = !link.answers && !link.meta && !flag(record.is_summary);
        }
    }

    fn kept(&mut self, record: &Record<'_>) -> Option<Kept> {
        let compact: Compact<'_> = object(record.compact)?;
        if let Some(messages) = object::<Preserved<'_>>(compact.messages) {
            let uuids: Vec<String> = serde_json::from_str(messages.uuids?.get()).ok()?;
            let uuids = uuids.iter().map(|uuid| self.name(uuid)).collect();
            return Some(Kept::Uuids { anchor: self.named(messages.anchor)?, uuids });
        }
        let segment: Preserved<'_> = object(compact.segment)?;
        Some(Kept::Segment {
            anchor: self.named(segment.anchor)?,
            head: self.named(segment.head)?,
            tail: self.named(segment.tail)?,
        })
    }
}

/// The notes that the program writes where something was cut off.
fn is_cut(text: &str) -> bool {
    [
        "[Request interrupted",
        "[Agent call interrupted",
        "[Tool call did not complete",
        "[Tool call interrupted",
    ]
    .iter()
    .any(|note| text.starts_with(note))
}
