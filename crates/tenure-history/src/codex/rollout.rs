//! A rollout's lines in Tenure's words. What the model gave in one answer (thoughts, text, calls) is one message, which
//! begins with its first item and ends where tokens are counted, a result comes or somebody else speaks.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_agents::codex::words;
use tenure_event::{PartBody, Role, Timestamp, Usage};

use super::record::{Counts, Line, Payload};
use super::{place, result};
use crate::fields::{self, object, text, time, word};
use crate::follow::{Clock, Format, Spot, time_of};
use crate::said::{Draft, message_id};
use crate::{Counted, Item, Place, ReadError, Said, ToolOutcome, follow};

/// Ends of calls that are remembered, since what the model got follows them.
const ENDED_MAX: usize = 64;

/// Rollouts.
pub(super) struct Rollout;

/// What is remembered of the lines before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    clock: Clock,
    thread: String,
    /// The conversation whose records these are: those of an old fork's base are carried along.
    counts_for: String,
    model: Option<String>,
    /// The model's message that is being told, by its first item.
    open: Option<String>,
    /// The last prompt.
    asked: Option<String>,
    ended: VecDeque<String>,
    /// Tokens are counted by records of their own.
    by_record: bool,
}

impl Format for Rollout {
    type Memory = Memory;

    fn line(&self, spot: &Spot<'_>, memory: &mut Memory, out: &mut Vec<Item>) -> bool {
        let Some(line) = fields::parse::<Line<'_>>(spot.text) else { return false };
        let ts = time_of(spot, time(line.at), &mut memory.clock, out);
        let kind = text(line.kind).unwrap_or_default();
        let payload: Option<Payload<'_>> = match line.payload {
            Some(_) => object(line.payload),
            None => fields::parse(spot.text),
        };
        let Some(payload) = payload else { return true };
        let mut scene = Scene { spot, ts, memory, out, summary: result::is_summary(line.metadata) };
        match kind.as_ref() {
            "session_meta" => scene.meta(&payload),
            "turn_context" => scene.memory.model = word(payload.model).or(scene.memory.model.take()),
            "response_item" => scene.response(&payload),
            "event_msg" => scene.event(&payload),
            "token_usage_record" => scene.counted(&payload),
            "compacted" => scene.compacted(&payload),
            // The oldest rollouts: the first line is the conversation's, all others are items.
            "" => scene.meta(&payload),
            _ if line.payload.is_none() => scene.response(&payload),
            _ => {}
        }
        true
    }
}

struct Scene<'a, 'b> {
    spot: &'a Spot<'a>,
    ts: Timestamp,
    memory: &'b mut Memory,
    out: &'b mut Vec<Item>,
    summary: bool,
}

impl Scene<'_, '_> {
    fn place(&self) -> Place {
        Place { path: self.spot.path.to_owned(), offset: self.spot.offset }
    }

    fn meta(&mut self, payload: &Payload<'_>) {
        let id = word(payload.id).unwrap_or_default();
        if self.memory.thread.is_empty() {
            self.memory.thread.clone_from(&id);
        }
        self.memory.counts_for = id;
    }

    /// The id of an item, or one by its place.
    fn native(&self, payload: &Payload<'_>) -> String {
        word(payload.id).unwrap_or_else(|| {
            let thread = place::id_of(self.spot.path).unwrap_or(&self.memory.thread);
            format!("{thread}.{}", self.spot.offset)
        })
    }

    fn message(
        &mut self,
        key: &str,
        native: &str,
        role: Role,
        bodies: Vec<PartBody>,
        usage: Option<Usage>,
        hidden: bool,
    ) {
        let of_model = role == Role::Assistant;
        let draft = Draft {
            id: message_id(key),
            native_ids: vec![native.to_owned()],
            role,
            ts: self.ts,
            model: self.memory.model.clone().filter(|_| of_model),
            usage,
            partial: false,
            parent_tool_id: None,
        };
        let said = Said { message: draft.says(bodies), hidden, subagent: None, place: self.place() };
        self.out.push(Item::Message(Box::new(said)));
    }

    /// Something of the model's message.
    fn told(&mut self, payload: &Payload<'_>, bodies: Vec<PartBody>) {
        let native = self.native(payload);
        let key = self.memory.open.get_or_insert_with(|| native.clone()).clone();
        self.message(&key, &native, Role::Assistant, bodies, None, self.summary);
    }

    fn response(&mut self, payload: &Payload<'_>) {
        match text(payload.kind).unwrap_or_default().as_ref() {
            "message" => self.said(payload),
            "reasoning" => self.told(payload, thoughts(payload)),
            "function_call" => {
                let input = fields::word(payload.arguments).unwrap_or_default();
                let input = serde_json::from_str(&input).unwrap_or(Value::String(input));
                self.call(payload, word(payload.name), input);
            }
            "custom_tool_call" => {
                self.call(payload, word(payload.name), fields::value(payload.input).unwrap_or_default());
            }
            "local_shell_call" => {
                self.call(
                    payload,
                    Some("local_shell".to_owned()),
                    fields::value(payload.action).unwrap_or_default(),
                );
            }
            "web_search_call" => {
                self.call(
                    payload,
                    Some("web_search".to_owned()),
                    fields::value(payload.action).unwrap_or_default(),
                );
            }
            "function_call_output" | "custom_tool_call_output" => self.got(payload),
            _ => {}
        }
    }

    fn said(&mut self, payload: &Payload<'_>) {
        let bodies = contents(payload);
        match text(payload.role).as_deref() {
            Some("assistant") => self.told(payload, bodies),
            Some("user") => {
                self.memory.open = None;
                let native = self.native(payload);
                let by_program = result::is_by_program(payload, first_text(&bodies));
                if !by_program {
                    self.memory.asked = Some(native.clone());
                }
                self.message(&native, &native, Role::User, bodies, None, by_program);
            }
            _ => {
                let native = self.native(payload);
                self.message(&native, &native, Role::System, bodies, None, true);
            }
        }
    }

    fn call(&mut self, payload: &Payload<'_>, name: Option<String>, input: Value) {
        let name = name.unwrap_or_else(|| "unknown".to_owned());
        let name = word(payload.namespace).map_or_else(|| name.clone(), |space| format!("{space}.{name}"));
        let Some(id) = word(payload.call).or_else(|| word(payload.id)) else { return };
        let mut part = words::call(&id, &name, input);
        if name == "web_search" {
            part.state = tenure_event::ToolState::Completed;
        }
        self.told(payload, vec![PartBody::Tool(part)]);
    }

    /// What the model got from a call.
    fn got(&mut self, payload: &Payload<'_>) {
        self.memory.open = None;
        let Some(id) = word(payload.call) else { return };
        if !self.memory.ended.contains(&id) {
            let ended = result::of_output(payload.output);
            self.ended(id, word(payload.id), ended);
        }
    }

    fn ended(&mut self, tool_id: String, native_id: Option<String>, ended: result::Ended) {
        self.out.push(Item::ToolEnded(ToolOutcome {
            tool_id,
            message_id: None,
            state: ended.state,
            output: ended.output,
            error: ended.error,
            ts: self.ts,
            native_id,
            subagent: None,
            place: self.place(),
        }));
    }

    fn event(&mut self, payload: &Payload<'_>) {
        match text(payload.kind).unwrap_or_default().as_ref() {
            "item_completed" => {
                if let Some(item) = object::<Payload<'_>>(payload.item) {
                    self.item(&item);
                }
            }
            "exec_command_end" | "patch_apply_end" | "mcp_tool_call_end" => {
                if let Some(id) = word(payload.call) {
                    self.remember(id.clone());
                    self.ended(id, None, result::of_item(payload));
                }
            }
            "token_count" => self.token_count(payload),
            "task_started" | "task_complete" | "turn_aborted" => self.memory.open = None,
            _ => {}
        }
    }

    fn item(&mut self, item: &Payload<'_>) {
        match text(item.kind).unwrap_or_default().as_ref() {
            "UserMessage" => {
                // The same prompt under the name that the program shows.
                if let (Some(asked), Some(native)) = (self.memory.asked.clone(), word(item.id)) {
                    self.message(&asked, &native, Role::User, Vec::new(), None, false);
                }
            }
            "CommandExecution" | "FileChange" | "McpToolCall" | "DynamicToolCall" => {
                if let Some(id) = word(item.id) {
                    self.remember(id.clone());
                    self.ended(id, None, result::of_item(item));
                }
            }
            _ => {}
        }
    }

    fn remember(&mut self, id: String) {
        self.memory.ended.push_back(id);
        if self.memory.ended.len() > ENDED_MAX {
            self.memory.ended.pop_front();
        }
    }

    fn counted(&mut self, payload: &Payload<'_>) {
        self.memory.by_record = true;
        let usage = fields::value(payload.usage).as_ref().and_then(words::usage);
        let key = word(payload.response);
        if let (Some(usage), Some(key)) = (usage, key) {
            self.used(key, usage);
        }
        self.memory.open = None;
    }

    /// Totals of the conversation, and of its last model call; told more than once.
    fn token_count(&mut self, payload: &Payload<'_>) {
        if self.memory.by_record {
            return;
        }
        let Some(counts) = object::<Counts<'_>>(payload.info) else { return };
        let usage = fields::value(counts.last).as_ref().and_then(words::usage);
        let total = fields::value(counts.total).as_ref().and_then(words::usage);
        if let (Some(usage), Some(total)) = (usage, total) {
            let key = format!("{}:{}:{}", self.memory.counts_for, total.tokens(), total.output_tokens);
            self.used(key, usage);
        }
        self.memory.open = None;
    }

    fn used(&mut self, key: String, usage: Usage) {
        let open = self.memory.open.clone();
        self.out.push(Item::Used(Counted {
            key,
            ts: self.ts,
            model: self.memory.model.clone(),
            usage,
            message_id: open.as_deref().map(message_id),
            subagent: None,
        }));
        if let Some(open) = open {
            self.message(&open, &open, Role::Assistant, Vec::new(), Some(usage), false);
        }
    }

    /// What a compaction left of what was said before.
    fn compacted(&mut self, payload: &Payload<'_>) {
        self.memory.open = None;
        let Some(text) = word(payload.message) else { return };
        let native = self.native(payload);
        self.message(&native, &native, Role::System, vec![PartBody::Text { text }], None, true);
    }
}

fn first_text(bodies: &[PartBody]) -> &str {
    let text = bodies.iter().find_map(|body| match body {
        PartBody::Text { text } => Some(text.as_str()),
        _ => None,
    });
    text.unwrap_or_default()
}

fn contents(payload: &Payload<'_>) -> Vec<PartBody> {
    let blocks = match fields::value(payload.content) {
        Some(Value::Array(blocks)) => blocks,
        Some(Value::String(text)) => return vec![PartBody::Text { text }],
        _ => Vec::new(),
    };
    blocks.into_iter().filter_map(content).collect()
}

fn content(block: Value) -> Option<PartBody> {
    match block["type"].as_str() {
        Some("input_text" | "output_text" | "text") => block["text"]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(|text| PartBody::Text { text: text.to_owned() }),
        Some("input_image") => Some(image(block["image_url"].as_str().unwrap_or_default())),
        _ => Some(PartBody::Other { value: block }),
    }
}

fn image(url: &str) -> PartBody {
    match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
        Some((mime, data)) => PartBody::Image { data: data.to_owned(), mime_type: mime.to_owned() },
        None => PartBody::ResourceLink { uri: url.to_owned(), name: None, mime_type: None },
    }
}

fn thoughts(payload: &Payload<'_>) -> Vec<PartBody> {
    let texts = |field| match fields::value(field) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let mut all = texts(payload.summary);
    if all.is_empty() {
        all = texts(payload.content);
    }
    let thought = |item: Value| item["text"].as_str().map(|text| PartBody::Thought { text: text.to_owned() });
    all.into_iter().filter_map(thought).collect()
}

/// Stretches of files that were taken back: the last turns, as often as the program was told so.
pub(super) fn dropped(files: &[(PathBuf, u64)]) -> Result<Vec<(PathBuf, Range<u64>)>, ReadError> {
    let mut turns: Vec<(PathBuf, u64)> = Vec::new();
    let mut dropped = Vec::new();
    for (path, limit) in files {
        each_line(path, *limit, &mut |offset, text| {
            // Cheap to see, and nearly never there.
            if !text.contains("task_started") && !text.contains("thread_rolled_back") {
                return;
            }
            let Some(line) = fields::parse::<Line<'_>>(text) else { return };
            let Some(payload) = object::<Payload<'_>>(line.payload) else { return };
            match fields::text(payload.kind).as_deref() {
                Some("task_started") => turns.push((path.clone(), offset)),
                Some("thread_rolled_back") => {
                    let count = payload.turns.and_then(|raw| raw.get().parse::<usize>().ok()).unwrap_or(0);
                    let keep = turns.len().saturating_sub(count);
                    for (from, begun) in turns.split_off(keep) {
                        let end = if from == *path { offset } else { u64::MAX };
                        dropped.push((from, begun..end));
                    }
                }
                _ => {}
            }
        })?;
    }
    Ok(dropped)
}

fn each_line(path: &std::path::Path, limit: u64, each: &mut dyn FnMut(u64, &str)) -> Result<(), ReadError> {
    let (source, _) = crate::source::open(path)?;
    let mut lines = crate::lines::Lines::new(source, 0);
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        if line.end > limit {
            break;
        }
        if let Ok(text) = follow::whole(path, &line) {
            each(line.offset, &text);
        }
    }
    Ok(())
}
