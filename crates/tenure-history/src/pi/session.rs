//! A session file's entries in Tenure's words.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_agents::pi::words;
use tenure_event::{PartBody, Role, Timestamp, Usage};

use super::entry::{Entry, Inner, time_of};
use crate::fields::{self, flag, object, text, word};
use crate::follow::{self, Clock, Format, Spot};
use crate::said::{Draft, message_id};
use crate::{Counted, Item, Place, Said, ToolOutcome};

/// Session files.
pub(super) struct Session;

/// What is remembered of the lines before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    clock: Clock,
    cwd: String,
}

impl Format for Session {
    type Memory = Memory;

    fn line(&self, spot: &Spot<'_>, memory: &mut Memory, out: &mut Vec<Item>) -> bool {
        let Some(entry) = fields::parse::<Entry<'_>>(spot.text) else { return false };
        let inner: Option<Inner<'_>> = object(entry.message);
        let ts = follow::time_of(spot, time_of(&entry, inner.as_ref()), &mut memory.clock, out);
        let native = word(entry.id).unwrap_or_else(|| format!("at-{}", spot.offset));
        let scene = Scene { path: spot.path, offset: spot.offset, ts, cwd: &memory.cwd, native };
        match text(entry.kind).unwrap_or_default().as_ref() {
            "session" => memory.cwd = word(entry.cwd).unwrap_or_default(),
            "message" => inner.iter().for_each(|inner| scene.message(inner, entry.message, out)),
            "compaction" | "branch_summary" => scene.summary(&entry, out),
            "custom_message" => {
                let bodies = scene.bodies(entry.content);
                out.push(scene.said(Role::System, bodies, None, None, false, !flag(entry.display)));
            }
            "usage" => scene.used(&entry, out),
            _ => {}
        }
        true
    }
}

struct Scene<'a> {
    path: &'a Path,
    offset: u64,
    ts: Timestamp,
    cwd: &'a str,
    native: String,
}

impl Scene<'_> {
    fn place(&self) -> Place {
        Place { path: self.path.to_owned(), offset: self.offset }
    }

    fn said(
        &self,
        role: Role,
        bodies: Vec<PartBody>,
        model: Option<String>,
        usage: Option<Usage>,
        partial: bool,
        hidden: bool,
    ) -> Item {
        let draft = Draft {
            id: message_id(&self.native),
            native_ids: vec![self.native.clone()],
            role,
            ts: self.ts,
            model,
            usage,
            partial,
            parent_tool_id: None,
        };
        let said = Said { message: draft.says(bodies), hidden, subagent: None, place: self.place() };
        Item::Message(Box::new(said))
    }

    fn bodies(&self, content: fields::Field<'_>) -> Vec<PartBody> {
        match fields::value(content) {
            Some(Value::String(text)) => vec![PartBody::Text { text }],
            Some(Value::Array(blocks)) => {
                blocks.iter().filter_map(|block| words::part(self.cwd, block)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn message(&self, inner: &Inner<'_>, whole: fields::Field<'_>, out: &mut Vec<Item>) {
        match text(inner.role).unwrap_or_default().as_ref() {
            "user" => out.push(self.said(Role::User, self.bodies(inner.content), None, None, false, false)),
            "assistant" => self.assistant(inner, out),
            "toolResult" => out.push(self.ended(&fields::value(whole).unwrap_or_default())),
            "bashExecution" => out.push(self.said(Role::User, vec![shell(inner)], None, None, false, false)),
            "custom" => {
                let bodies = self.bodies(inner.content);
                out.push(self.said(Role::System, bodies, None, None, false, !flag(inner.display)));
            }
            // The prompt of the system, again and again.
            _ => {}
        }
    }

    fn assistant(&self, inner: &Inner<'_>, out: &mut Vec<Item>) {
        let usage = fields::value(inner.usage).as_ref().and_then(words::counted);
        let model = word(inner.model);
        let partial = text(inner.stop).as_deref() == Some("aborted");
        let item =
            self.said(Role::Assistant, self.bodies(inner.content), model.clone(), usage, partial, false);
        let Item::Message(mut said) = item else { return };
        said.message.native_ids.extend(word(inner.response));
        let id = said.message.id.clone();
        out.push(Item::Message(said));
        if let Some(usage) = usage {
            // A fork carries both along.
            let key = word(inner.response).unwrap_or_else(|| self.key());
            let message_id = Some(id);
            out.push(Item::Used(Counted { key, ts: self.ts, model, usage, message_id, subagent: None }));
        }
    }

    /// A name for what was counted: ids of entries are short and alone not unique.
    fn key(&self) -> String {
        format!("{}@{}", self.native, self.ts.as_millis())
    }

    fn ended(&self, message: &Value) -> Item {
        let end = words::ended(message);
        Item::ToolEnded(ToolOutcome {
            tool_id: end.tool_id,
            message_id: None,
            state: end.state,
            output: end.output,
            error: end.error,
            ts: self.ts,
            native_id: Some(self.native.clone()),
            subagent: None,
            place: self.place(),
        })
    }

    /// What a compaction, or a branch that was left, was summed up as.
    fn summary(&self, entry: &Entry<'_>, out: &mut Vec<Item>) {
        let body = word(entry.summary).map(|text| PartBody::Text { text });
        out.push(self.said(Role::System, body.into_iter().collect(), None, None, false, true));
        self.used(entry, out);
    }

    /// Tokens that no message used.
    fn used(&self, entry: &Entry<'_>, out: &mut Vec<Item>) {
        if let Some(usage) = fields::value(entry.usage).as_ref().and_then(words::counted) {
            let (key, model) = (self.key(), word(entry.model));
            out.push(Item::Used(Counted {
                key,
                ts: self.ts,
                model,
                usage,
                message_id: None,
                subagent: None,
            }));
        }
    }
}

/// A command that the person ran beside the model.
fn shell(inner: &Inner<'_>) -> PartBody {
    let said = |field| word(field).unwrap_or_default();
    PartBody::Text { text: format!("! {}\n{}", said(inner.command), said(inner.output)) }
}
