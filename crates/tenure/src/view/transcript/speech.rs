//! What the agent says: pieces as they are written, and the rest when a message is whole.

use tenure_event::{MessageCompleted, MessageDelta, Part, PartBody, Role, TextKind};

use super::{Last, Transcript, trailing, words};
use crate::text::{Cleaner, clean, indent, one_line};

/// A part of a message as far as it is shown.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) chars: u64,
    pub(super) cleaner: Cleaner,
}

impl Transcript {
    pub(super) fn delta(&mut self, delta: &MessageDelta, out: &mut String) {
        let shown = self.written.get(&delta.part_id).map_or(0, |w| w.chars);
        // Text that was missed comes with the whole message; what is known already is skipped.
        let Some(skip) = shown.checked_sub(delta.offset) else { return };
        let new: String = delta.text.chars().skip(usize::try_from(skip).unwrap_or(usize::MAX)).collect();
        self.write(&delta.part_id, delta.kind, &new, out);
    }

    pub(super) fn message(&mut self, message: &MessageCompleted, out: &mut String) {
        let inside_subagent = message.parent_tool_id.is_some();
        for part in &message.parts {
            match (&part.body, message.role) {
                _ if inside_subagent => {}
                (PartBody::Text { text }, Role::Assistant) => self.rest(part, TextKind::Text, text, out),
                (PartBody::Thought { text }, Role::Assistant) => {
                    self.rest(part, TextKind::Thought, text, out)
                }
                (PartBody::Text { text }, Role::System) => {
                    self.quiet(&format!("· {}", one_line(text, 400)), out)
                }
                (PartBody::Text { .. }, Role::User) if message.origin.is_some() => {
                    self.said(&words(&message.parts), out);
                }
                (PartBody::Plan { text }, _) => {
                    let text = indent(&clean(text), "  ");
                    self.block(Last::Line, &text, out);
                }
                (PartBody::Image { mime_type, .. }, Role::Assistant) => {
                    self.quiet(&format!("· image ({})", one_line(mime_type, 40)), out);
                }
                (PartBody::File { uri, .. } | PartBody::ResourceLink { uri, .. }, Role::Assistant) => {
                    self.quiet(&format!("· file {}", one_line(uri, 200)), out);
                }
                _ => {}
            }
            self.written.remove(&part.id);
        }
        self.close_line(out);
        self.open_part = None;
        if message.partial && message.role == Role::Assistant && !inside_subagent {
            self.quiet("· (cut short)", out);
        }
    }

    /// What of a completed part was not shown yet.
    pub(super) fn rest(&mut self, part: &Part, kind: TextKind, text: &str, out: &mut String) {
        let shown = self.written.get(&part.id).map_or(0, |w| w.chars);
        let rest: String = text.chars().skip(usize::try_from(shown).unwrap_or(usize::MAX)).collect();
        if !rest.is_empty() {
            self.write(&part.id, kind, &rest, out);
        }
        if part.blob.is_some() && shown < text.chars().count() as u64 {
            self.quiet("· (the whole text: tenure show --transcript)", out);
        }
    }

    pub(super) fn write(&mut self, part_id: &str, kind: TextKind, piece: &str, out: &mut String) {
        let written = self.written.entry(part_id.to_owned()).or_default();
        let first = written.chars == 0;
        written.chars += piece.chars().count() as u64;
        let mut piece = written.cleaner.clean(piece);
        if let (Some(spoken), TextKind::Text) = (&mut self.spoken, kind) {
            spoken.entry(part_id.to_owned()).or_default().push_str(&piece);
        }
        if first {
            piece = piece.trim_start_matches('\n').to_owned();
        } else if self.open_part.as_deref() != Some(part_id) {
            piece = piece.trim_start().to_owned();
        }
        if piece.is_empty() {
            return;
        }
        let last = if kind == TextKind::Text { Last::Text } else { Last::Thought };
        if self.open_part.as_deref() != Some(part_id) {
            self.begin(last, out);
            self.wrap.begin(0);
            if kind == TextKind::Thought {
                out.push_str(&self.style.thought("∴ "));
                self.wrap.begin(2);
            }
            self.open_part = Some(part_id.to_owned());
        }
        self.trailing = trailing(&piece, self.trailing);
        let piece = self.wrap.push(&piece);
        out.push_str(&if kind == TextKind::Thought { self.style.thought(&piece) } else { piece });
    }
}
