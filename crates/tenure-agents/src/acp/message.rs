//! Chunks gathered into messages, and when a message is whole.
//!
//! A message is a run of chunks of one speaker, and of one `messageId` where agents give
//! one. A tool call, another message or the turn's end completes it.

use serde_json::Value;
use tenure_core::agent::{Decoded, MessageDone, Signal, Wait};
use tenure_event::{MessageId, PartBody, Role, TextKind, WaitReason};

use super::AcpCodec;
use super::agent::Family;
use super::content::{Block, read_block};
use crate::gather::{Open, OpenMeta};
use crate::json::{at, str_at, string_at};

/// So many messages are gathered at once: one for the agent, one for each subagent.
const MAX_OPEN: usize = 64;

/// What a chunk is.
pub(super) enum Said {
    /// A piece of a message.
    Piece {
        /// Who speaks.
        role: Role,
        /// Text or thought, where it is text.
        kind: TextKind,
        /// What is said.
        block: Block,
    },
    /// No message at all, although it comes as one.
    Aside(Aside),
    /// Nothing.
    Nothing,
}

/// Chunks by which some programs tell something other than their model's words.
pub(super) enum Aside {
    /// The mode changed.
    Mode(String),
    /// The model call failed and is tried again in so many milliseconds.
    Retry(u64),
    /// No more retries.
    RetriesOver,
}

impl AcpCodec {
    /// A chunk came.
    pub(super) fn chunk(&mut self, offset: u64, update: &Value, out: &mut Decoded) {
        if let Some(at) = self.piece(offset, update, out)
            && self.open[at].is_full()
        {
            self.close(at, false, out);
        }
    }

    /// Takes a chunk into the message that it belongs to, and gives that.
    pub(super) fn piece(&mut self, offset: u64, update: &Value, out: &mut Decoded) -> Option<usize> {
        let (role, kind, block) = match self.said(update) {
            Said::Piece { role, kind, block } => (role, kind, block),
            Said::Aside(aside) => {
                self.aside(aside, out);
                return None;
            }
            Said::Nothing => return None,
        };
        let parent = parent(update);
        let replayed = self.replays();
        if role == Role::User && !replayed {
            // An echo of what was sent; it only ends what was said before.
            self.state.turn.echoed = true;
            self.close_of(parent.as_deref(), out);
            return None;
        }
        self.tell_held(out);
        let at = self.open_for(offset, update, role, parent, replayed, out);
        let bytes = match &block {
            Block::Text(_) => 0,
            Block::Whole(_) => update.to_string().len(),
        };
        let delta = append(&mut self.open[at], kind, block, bytes);
        if !replayed {
            self.state.turn.said |= kind == TextKind::Text;
            self.state.turn.retried = false;
            out.extend(delta.map(Signal::Delta));
        }
        Some(at)
    }

    /// What a chunk says. A function of the chunk and of what was told at the greeting
    /// only, so that reading it again says the same.
    pub(super) fn said(&self, update: &Value) -> Said {
        let (role, kind) = match str_at(update, &["sessionUpdate"]) {
            Some("user_message_chunk") => (Role::User, TextKind::Text),
            Some("agent_thought_chunk") => (Role::Assistant, TextKind::Thought),
            _ => (Role::Assistant, TextKind::Text),
        };
        let Some(content) = at(update, &["content"]) else { return Said::Nothing };
        let block = read_block(content);
        match &block {
            Block::Text(text) if text.is_empty() => Said::Nothing,
            Block::Text(text) if kind == TextKind::Text && role == Role::Assistant => {
                match aside(self.state.about.family, text) {
                    Some(aside) => Said::Aside(aside),
                    None => Said::Piece { role, kind, block },
                }
            }
            _ => Said::Piece { role, kind, block },
        }
    }

    fn aside(&mut self, aside: Aside, out: &mut Decoded) {
        match aside {
            Aside::Mode(mode) => self.mode_changed(mode, out),
            Aside::Retry(ms) => {
                self.state.turn.retried = true;
                let wait = Wait { reason: WaitReason::Retry, until: None, for_ms: Some(ms) };
                out.push(Signal::Waiting(Some(wait)));
            }
            Aside::RetriesOver => out.push(Signal::Waiting(None)),
        }
    }

    /// The open message that a chunk belongs to; a new one if it belongs to none.
    fn open_for(
        &mut self,
        offset: u64,
        update: &Value,
        role: Role,
        parent: Option<String>,
        replayed: bool,
        out: &mut Decoded,
    ) -> usize {
        let native = native_id(update);
        if let Some(at) = self.position(parent.as_deref()) {
            let meta = &mut self.open[at].meta;
            let same = match (&native, meta.native_ids.first()) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            };
            if same && meta.role == role && meta.replayed == replayed {
                if meta.native_ids.is_empty() {
                    meta.native_ids.extend(native);
                }
                return at;
            }
            self.close(at, false, out);
        }
        if self.open.len() >= MAX_OPEN {
            self.close(0, false, out);
        }
        let native_ids = native.into_iter().collect();
        self.state.callers.remove(parent.as_deref().unwrap_or(""));
        self.open
            .push(Open::new(&self.record, OpenMeta { offset, index: 0, role, native_ids, parent, replayed }));
        self.open.len() - 1
    }

    /// Where the open message of a speaker stands.
    pub(super) fn position(&self, parent: Option<&str>) -> Option<usize> {
        self.open.iter().position(|open| open.meta.parent.as_deref() == parent)
    }

    /// Completes the open message of a speaker, if there is one.
    pub(super) fn close_of(&mut self, parent: Option<&str>, out: &mut Decoded) {
        if let Some(at) = self.position(parent) {
            self.close(at, false, out);
        }
    }

    /// Completes all open messages.
    pub(super) fn close_all(&mut self, partial: bool, out: &mut Decoded) {
        while !self.open.is_empty() {
            self.close(0, partial, out);
        }
    }

    pub(super) fn close(&mut self, at: usize, partial: bool, out: &mut Decoded) {
        let open = self.open.remove(at);
        let caller = open.meta.parent.clone().unwrap_or_default();
        let done = self.settle(open.finish(partial));
        if done.parts.is_empty() {
            return;
        }
        if !done.replayed {
            self.remember_caller(caller, done.message_id.clone());
        }
        if self.state.about.two {
            self.state.remember_told(&done.native_ids);
        }
        out.push(Signal::Message(done));
    }

    /// A replayed message holds its tools; those that were never seen to end did not.
    fn settle(&self, mut done: MessageDone) -> MessageDone {
        for part in &mut done.parts {
            if let PartBody::Tool(tool) = &mut part.body
                && matches!(tool.state, tenure_event::ToolState::Pending | tenure_event::ToolState::Running)
            {
                tool.state = tenure_event::ToolState::Cancelled;
            }
        }
        done
    }

    /// Remembers the message that the next tool of a speaker belongs to.
    pub(super) fn remember_caller(&mut self, caller: String, message: MessageId) {
        if self.state.callers.len() >= MAX_OPEN {
            self.state.callers.clear();
        }
        self.state.callers.insert(caller, message);
    }
}

/// Appends to a message; a piece of text makes a delta.
pub(super) fn append(
    open: &mut Open,
    kind: TextKind,
    block: Block,
    bytes: usize,
) -> Option<tenure_event::MessageDelta> {
    match block {
        Block::Text(text) => Some(open.text(kind, &text)),
        Block::Whole(body) => {
            open.whole(body, bytes);
            None
        }
    }
}

/// The tool call of the subagent that speaks.
pub(super) fn parent(update: &Value) -> Option<String> {
    string_at(update, &["_meta", "claudeCode", "parentToolUseId"])
}

/// The agent's id of the message; goose keeps it in a corner of its own.
fn native_id(update: &Value) -> Option<String> {
    string_at(update, &["messageId"]).or_else(|| string_at(update, &["_meta", "goose", "messageId"]))
}

fn aside(family: Family, text: &str) -> Option<Aside> {
    match family {
        Family::Gemini => text.strip_prefix("[MODE_UPDATE] ").map(|mode| Aside::Mode(mode.trim().to_owned())),
        Family::Pi if text == "Retry finished, resuming." => Some(Aside::RetriesOver),
        Family::Pi => {
            let wait = text.strip_prefix("Retrying (attempt ")?.strip_suffix("s)...")?;
            let seconds: u64 = wait.rsplit_once("waiting ")?.1.parse().ok()?;
            Some(Aside::Retry(seconds.saturating_mul(1000)))
        }
        Family::Plain | Family::Goose | Family::OpenCode | Family::Copilot => None,
    }
}
