//! What the codec remembers between lines, apart from text that is being gathered: small,
//! bounded, and saved with every commit. Nothing here reads lines.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{ToolEnd, ToolStart};
use tenure_event::{AccountInfo, McpServer, MessageId, ModelInfo, ToolKind, ToolState, WaitReason};

use crate::field::tail;

/// Tool calls that are followed at once; the oldest gives way.
pub(super) const CALLS_MAX: usize = 256;
/// Most that is remembered of what a command wrote that has not ended, in bytes; it is saved with every commit.
const WRITTEN_MAX: usize = 8 * 1024;
/// Background commands that are followed at once; the oldest gives way.
pub(super) const TASKS_MAX: usize = 256;
/// Turns whose names are remembered.
const TURNS_MAX: usize = 256;
/// Inputs of one turn.
const INPUTS_MAX: usize = 256;
/// Turns that were answered for and have not begun, and names of ended ones.
const FEW: usize = 8;
/// A call's input that is longer, in bytes of JSON, is not remembered.
pub(super) const INPUT_MAX: usize = 128 * 1024;

/// How far the handshake has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Nothing was answered yet.
    #[default]
    Greeting,
    /// A thread is being opened.
    Opening,
    /// It is being taken back to a point.
    Returning,
    /// What was said before is being read.
    Reading,
    /// The thread is open; something else is still wanted.
    Opened,
    /// Prompts may be sent.
    Ready,
    /// The handshake failed.
    Failed,
}

/// The codec's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Where the last line began that was read for the first time.
    pub seen: Option<u64>,
    pub phase: Phase,
    /// The answer to `initialize`.
    pub greeting: Option<Value>,
    /// The thread's id as the process confirmed it.
    pub thread: Option<String>,
    pub settings: Settings,
    /// Models to choose from, once they were told.
    pub models: Option<Vec<ModelInfo>>,
    /// Who is logged in, once that was told.
    pub account: Option<AccountInfo>,
    /// `account/read` was answered.
    pub account_known: bool,
    /// The turn that runs.
    pub turn: Option<Turn>,
    /// Turns that were answered for and have not begun: their names, and the command's number.
    pub coming: VecDeque<(String, u64)>,
    /// Names of the last turns that ended.
    pub ended: VecDeque<String>,
    /// The last turns and the input that began each.
    pub turns: VecDeque<(String, Option<String>)>,
    /// Tool calls that have not ended, oldest first.
    pub calls: Vec<Call>,
    /// Commands that run on without a turn: item and process.
    pub tasks: Vec<(String, String)>,
    /// What commands wrote that have not ended: the end of it, and whether there was more.
    pub written: BTreeMap<String, (String, bool)>,
    /// The message that the next call belongs to.
    pub caller: Option<MessageId>,
    pub servers: Vec<McpServer>,
    /// Servers of the session of which it was not told yet whether they came up.
    pub awaited: Vec<String>,
    /// Servers that are waited for while they start again.
    pub reloading: Vec<Reloading>,
    /// Use of the context window as it was told last.
    pub context: Option<(u64, Option<u64>)>,
    /// When the account's limit is lifted, in seconds since 1970, as last told.
    pub limit_until: Option<i64>,
    /// What the agent waits for.
    pub waiting: Option<WaitReason>,
    pub title: Option<String>,
    /// Messages that were told of before this process.
    pub replayed: u64,
    /// The last turn that is kept of the conversation, once it was found.
    pub kept: Option<String>,
    /// The turn after the ones that were looked through for it.
    pub after_kept: Option<String>,
}

/// Model, effort and permissions in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub model: Option<String>,
    pub effort: Option<String>,
    pub mode: Option<String>,
}

/// A tool server that starts again because a client wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reloading {
    /// The number of the command.
    pub n: u64,
    /// The server's name.
    pub server: String,
    /// Something was told of it since.
    pub heard: bool,
}

/// The turn that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Turn {
    pub id: String,
    /// Number of the prompt command that began it.
    pub n: Option<u64>,
    /// Our inputs that it took in.
    pub inputs: Vec<String>,
    /// Inputs that it was steered with and has not taken in: the command's number, and the input.
    pub steered: Vec<(u64, String)>,
    /// Text was said, or a tool was called.
    pub said: bool,
    /// Totals of the thread before it.
    pub before: Option<Counts>,
    /// Totals of the thread as told last.
    pub now: Option<Counts>,
}

/// Tokens as Codex counts them: what was read from a cache is part of the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub input: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// A tool call as it was told when it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    pub id: String,
    pub message: MessageId,
    pub tool: String,
    pub kind: ToolKind,
    pub title: String,
    /// Null if it was too large to remember.
    pub input: Value,
    pub locations: Vec<String>,
    /// It is a command, which may outlive its turn.
    pub command: bool,
}

impl Call {
    /// In the words of the agent vocabulary.
    pub(super) fn start(&self) -> ToolStart {
        ToolStart {
            tool_id: self.id.clone(),
            message_id: self.message.clone(),
            tool: self.tool.clone(),
            kind: self.kind,
            title: self.title.clone(),
            state: ToolState::Running,
            input: self.input.clone(),
            locations: self.locations.clone(),
            parent_tool_id: None,
        }
    }

    /// Its end when the agent tells none.
    pub(super) fn ends(&self, state: ToolState, output: Option<&str>) -> ToolEnd {
        ToolEnd { output: output.map(Value::from), ..self.start().ended(state) }
    }
}

impl Memory {
    /// Notes that a prompt was answered with the name of its turn.
    pub(super) fn expect(&mut self, turn: &str, n: u64) {
        if self.ended.iter().any(|ended| ended == turn) {
            return;
        }
        match &mut self.turn {
            Some(running) if running.id == turn => running.n = Some(n),
            _ => push_bounded(&mut self.coming, (turn.to_owned(), n), FEW),
        }
    }

    /// A turn begins.
    pub(super) fn begin(&mut self, turn: &str) {
        let at = self.coming.iter().position(|(id, _)| id == turn);
        let n = at.and_then(|at| self.coming.remove(at)).map(|(_, n)| n);
        self.turn = Some(Turn { id: turn.to_owned(), n, ..Turn::default() });
        self.caller = None;
        push_bounded(&mut self.turns, (turn.to_owned(), None), TURNS_MAX);
    }

    /// The turn of this name ends; nothing if it did already.
    pub(super) fn end(&mut self, turn: &str) -> Option<Turn> {
        if self.ended.iter().any(|ended| ended == turn) {
            return None;
        }
        if self.turn.as_ref().is_none_or(|running| running.id != turn) {
            self.begin(turn);
        }
        push_bounded(&mut self.ended, turn.to_owned(), FEW);
        self.turn.take()
    }

    /// The turn took an input in. Whether that is news.
    pub(super) fn take(&mut self, turn: &str, input: &str) -> bool {
        if let Some((_, first)) = self.turns.iter_mut().rev().find(|(id, _)| id == turn) {
            first.get_or_insert_with(|| input.to_owned());
        }
        let Some(running) = self.turn.as_mut().filter(|running| running.id == turn) else { return true };
        if running.inputs.iter().any(|known| known == input) || running.inputs.len() >= INPUTS_MAX {
            return false;
        }
        running.steered.retain(|(_, steered)| steered != input);
        running.inputs.push(input.to_owned());
        true
    }

    /// A command wrote more.
    pub(super) fn writes(&mut self, item: &str, piece: &str) {
        let (text, cut) = self.written.entry(item.to_owned()).or_default();
        text.push_str(piece);
        let end = tail(text, WRITTEN_MAX);
        if end.len() < text.len() {
            (*text, *cut) = (end.to_owned(), true);
        }
    }

    /// Forgets what commands wrote that have ended.
    pub(super) fn forget_written(&mut self) {
        let (calls, tasks) = (&self.calls, &self.tasks);
        self.written.retain(|item, _| {
            calls.iter().any(|call| call.id == *item) || tasks.iter().any(|(task, _)| task == item)
        });
    }

    /// Remembers a turn of the past.
    pub(super) fn remember_turn(&mut self, turn: &str, input: Option<String>) {
        if !self.turns.iter().any(|(id, _)| id == turn) {
            push_bounded(&mut self.turns, (turn.to_owned(), input), TURNS_MAX);
        }
    }

    /// The name of the turn that runs or is about to. None is known in the moment between a prompt and its
    /// answer; the program then takes an empty name for whatever it is about to run.
    pub(super) fn running(&self) -> &str {
        let coming = || self.coming.back().map(|(id, _)| id.as_str());
        self.turn.as_ref().map(|turn| turn.id.as_str()).or_else(coming).unwrap_or_default()
    }

    /// The turn of this name, or the one that this input began.
    pub(super) fn turn_of<'a>(&'a self, id: &'a str) -> &'a str {
        let began = |(_, input): &&(String, Option<String>)| input.as_deref() == Some(id);
        self.turns.iter().find(began).map_or(id, |(turn, _)| turn)
    }
}

fn push_bounded<T>(list: &mut VecDeque<T>, item: T, max: usize) {
    if list.len() >= max {
        list.pop_front();
    }
    list.push_back(item);
}
