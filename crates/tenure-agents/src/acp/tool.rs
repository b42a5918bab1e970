//! One tool call: what a line says of it, and what is known of it so far.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{ToolEnd, ToolStart};
use tenure_event::{FileDiff, MessageId, ToolKind, ToolState};

use super::content::plain_text;
use crate::json::{at, clip, list_at, str_at, string_at};

/// Text that a tool put out piece by piece is gathered up to here; past it only its
/// beginning is kept, so that neither memory nor spool has to hold the rest.
const MAX_GATHERED: usize = 1 << 20;
/// What is kept then, and of text that comes whole while the tool still runs.
const KEPT: usize = 64 << 10;

/// What one line says of a tool call. What it does not say is `None`.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) kind: Option<ToolKind>,
    pub(super) state: Option<ToolState>,
    pub(super) input: Option<Value>,
    pub(super) locations: Option<Vec<String>>,
    pub(super) text: Option<String>,
    pub(super) diffs: Vec<FileDiff>,
    pub(super) output: Option<Value>,
    /// The terminal that shows what it does.
    terminal: Option<String>,
    exit: Option<i64>,
    denied: bool,
}

impl Facts {
    pub(super) fn read(update: &Value) -> Self {
        let content = list_at(update, &["content"]);
        let texts: Vec<String> =
            content.iter().filter_map(|entry| plain_text(at(entry, &["content"])?)).collect();
        let locations = at(update, &["locations"]).and_then(Value::as_array);
        Self {
            name: string_at(update, &["name"])
                .or_else(|| string_at(update, &["_meta", "claudeCode", "toolName"]))
                .or_else(|| string_at(update, &["_meta", "goose", "toolCall", "toolName"])),
            title: string_at(update, &["title"]),
            kind: kind(update),
            state: str_at(update, &["status"]).and_then(state),
            input: at(update, &["rawInput"]).cloned(),
            locations: locations.map(|list| list.iter().filter_map(|l| string_at(l, &["path"])).collect()),
            text: at(update, &["content"]).is_some_and(Value::is_array).then(|| texts.join("\n")),
            diffs: content.iter().flat_map(diffs).collect(),
            output: at(update, &["rawOutput"]).cloned(),
            terminal: content.iter().find_map(|entry| string_at(entry, &["terminalId"])),
            exit: at(update, &["_meta", "terminal_exit", "exit_code"]).and_then(Value::as_i64),
            denied: matches!(
                str_at(update, &["_meta", "claudeCode", "nonExecutionKind"]),
                Some("permission-rule" | "user-rejected")
            ),
        }
    }

    /// Whether the call ends with this.
    pub(super) fn ends(&self) -> bool {
        self.state.is_some_and(|state| !matches!(state, ToolState::Pending | ToolState::Running))
    }
}

/// The kind of a call. Goose tells it only of a tool that has written, and names tools of its own before.
fn kind(update: &Value) -> Option<ToolKind> {
    let told = at(update, &["kind"]).and_then(|kind| ToolKind::deserialize(kind).ok());
    if !matches!(told, None | Some(ToolKind::Other)) {
        return told;
    }
    let call = at(update, &["_meta", "goose", "toolCall"]);
    let named =
        call.and_then(|call| match (str_at(call, &["extensionName"])?, str_at(call, &["toolName"])?) {
            ("developer", "shell") => Some(ToolKind::Execute),
            ("developer", "write" | "edit") => Some(ToolKind::Edit),
            ("developer", "read" | "tree") | ("analyze", "analyze") => Some(ToolKind::Read),
            _ => None,
        });
    named.or(told)
}

fn state(word: &str) -> Option<ToolState> {
    match word {
        "pending" => Some(ToolState::Pending),
        "in_progress" => Some(ToolState::Running),
        "completed" => Some(ToolState::Completed),
        "failed" => Some(ToolState::Failed),
        "cancelled" => Some(ToolState::Cancelled),
        _ => None,
    }
}

fn diffs(entry: &Value) -> Vec<FileDiff> {
    if str_at(entry, &["type"]) != Some("diff") {
        return Vec::new();
    }
    if at(entry, &["changes"]).is_some() {
        return super::two::diffs(entry);
    }
    let one = || {
        Some(FileDiff {
            path: string_at(entry, &["path"])?,
            old_text: string_at(entry, &["oldText"]),
            new_text: string_at(entry, &["newText"])?,
        })
    };
    one().into_iter().collect()
}

/// A tool call that has not ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tool {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    message: MessageId,
    name: Option<String>,
    title: Option<String>,
    kind: ToolKind,
    state: ToolState,
    pub(super) input: Value,
    locations: Vec<String>,
    /// Its start was told.
    pub(super) told: bool,
    /// Its input changed since.
    input_changed: bool,
    text: Option<String>,
    output: Option<Value>,
    pub(super) diffs: Vec<FileDiff>,
    #[serde(default)]
    terminal: Option<String>,
    exit: Option<i64>,
    denied: bool,
    gathered_from: Option<u64>,
    /// The beginning of output that grew too long.
    head: Option<String>,
    #[serde(skip)]
    gathered: String,
    /// The beginning of a character whose rest is still to come.
    #[serde(skip)]
    torn: Vec<u8>,
}

impl Tool {
    pub(super) fn new(id: &str, parent: Option<String>, message: MessageId) -> Self {
        Self {
            id: id.to_owned(),
            parent,
            message,
            name: None,
            title: None,
            kind: ToolKind::Other,
            state: ToolState::Pending,
            input: Value::Null,
            locations: Vec::new(),
            told: false,
            input_changed: false,
            text: None,
            output: None,
            diffs: Vec::new(),
            terminal: None,
            exit: None,
            denied: false,
            gathered_from: None,
            head: None,
            gathered: String::new(),
            torn: Vec::new(),
        }
    }

    /// Where the first line begins whose output is still being gathered.
    pub(super) fn gathered_from(&self) -> Option<u64> {
        self.gathered_from
    }

    /// Takes in a piece of terminal output, if the line has one; gives the piece back.
    pub(super) fn gather(&mut self, offset: u64, update: &Value) -> Option<String> {
        let piece = str_at(update, &["_meta", "terminal_output_delta", "data"])
            .or_else(|| str_at(update, &["_meta", "terminal_output", "data"]))
            .filter(|piece| !piece.is_empty())?;
        self.keep(offset, piece);
        Some(piece.to_owned())
    }

    /// Takes in more bytes of its output; gives the text that they make.
    pub(super) fn add(&mut self, offset: u64, bytes: &[u8]) -> Option<String> {
        self.torn.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.torn) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.torn.len(),
        };
        let rest = self.torn.split_off(whole);
        let piece = String::from_utf8_lossy(&std::mem::replace(&mut self.torn, rest)).into_owned();
        self.keep(offset, &piece);
        (!piece.is_empty()).then_some(piece)
    }

    /// Takes in all of its output so far; gives what is new in it.
    pub(super) fn replace(&mut self, offset: u64, bytes: &[u8]) -> Option<String> {
        let before = std::mem::take(&mut self.gathered);
        (self.head, self.gathered_from) = (None, None);
        self.torn.clear();
        let all = String::from_utf8_lossy(bytes);
        self.keep(offset, &all);
        let more = all.strip_prefix(before.as_str()).unwrap_or(&all);
        (!more.is_empty()).then(|| more.to_owned())
    }

    fn keep(&mut self, offset: u64, piece: &str) {
        if self.head.is_some() {
            return;
        }
        self.gathered_from.get_or_insert(offset);
        self.gathered.push_str(piece);
        if self.gathered.len() > MAX_GATHERED {
            self.head = Some(format!("{}\n[the rest was too long to keep]", clip(&self.gathered, KEPT)));
            self.gathered_from = None;
            self.gathered = String::new();
        }
    }

    /// Whether it shows this terminal. Some programs call both by one id.
    pub(super) fn shows(&self, terminal: &str) -> bool {
        self.terminal.as_deref().unwrap_or(&self.id) == terminal
    }

    /// Its command ended so.
    pub(super) fn exited(&mut self, code: Option<i64>) {
        self.exit = code.or(self.exit);
    }

    /// Takes in what a line says. Gives what is new to look at: a title, and output that
    /// goes on from what was there.
    pub(super) fn learn(&mut self, facts: Facts) -> (Option<String>, Option<String>) {
        let ends = facts.ends();
        let first = self.title.is_none();
        let title = facts.title.filter(|title| self.title.as_ref() != Some(title));
        if self.name.is_none() || facts.name.is_some() {
            let guess = bare_word(title.as_deref())
                .filter(|_| first)
                .or_else(|| name_in_id(&self.id).filter(|_| first));
            self.name = facts.name.or(guess).or_else(|| self.name.take());
        }
        self.title = title.clone().or_else(|| self.title.take());
        self.kind = facts.kind.unwrap_or(self.kind);
        if let Some(input) = facts.input.filter(|input| says(input) && *input != self.input) {
            self.input = input;
            self.input_changed |= self.told;
        }
        self.locations = facts.locations.unwrap_or_else(|| std::mem::take(&mut self.locations));
        if !facts.diffs.is_empty() {
            self.diffs = facts.diffs;
        }
        self.output = facts.output.or_else(|| self.output.take());
        // What was gathered is read again by the terminal that it came from.
        if self.gathered_from.is_none() && self.head.is_none() {
            self.terminal = facts.terminal.or_else(|| self.terminal.take());
        }
        self.exit = facts.exit.or(self.exit);
        self.denied |= facts.denied;
        if facts.state != Some(ToolState::Pending) {
            self.state = facts.state.unwrap_or(self.state);
        }
        (title, facts.text.and_then(|text| self.learn_text(text, ends)))
    }

    /// Takes in the whole text so far; gives what is new in it. What is told of a call that
    /// does not run yet describes it and is no output.
    fn learn_text(&mut self, text: String, ends: bool) -> Option<String> {
        if self.state == ToolState::Pending {
            return None;
        }
        let before = self.text.as_deref().unwrap_or("");
        let more = text.strip_prefix(before).unwrap_or(&text).to_owned();
        self.text = Some(if ends { text } else { clip(&text, KEPT).to_owned() });
        (!more.is_empty()).then_some(more)
    }

    /// Takes in what a request for permission says of the call: only what is not known
    /// yet, because requests say less than the call itself.
    pub(super) fn learn_missing(&mut self, mut facts: Facts) {
        if self.title.is_some() {
            facts.title = None;
        }
        if says(&self.input) {
            facts.input = None;
        }
        if !self.locations.is_empty() {
            facts.locations = None;
        }
        facts.text = None;
        self.learn(facts);
    }

    /// Enough is known to tell its start: before that it has neither input nor work.
    pub(super) fn is_ripe(&self) -> bool {
        self.state != ToolState::Pending || says(&self.input)
    }

    /// Its start, as it is known now.
    pub(super) fn start(&self) -> ToolStart {
        let tool = self.name.clone().unwrap_or_else(|| word_of(self.kind));
        ToolStart {
            tool_id: self.id.clone(),
            message_id: self.message.clone(),
            title: self.title.clone().unwrap_or_else(|| tool.clone()),
            tool,
            kind: self.kind,
            state: if self.state == ToolState::Pending { ToolState::Pending } else { ToolState::Running },
            input: self.input.clone(),
            locations: self.locations.clone(),
            parent_tool_id: self.parent.clone(),
        }
    }

    /// Its end.
    pub(super) fn end(self) -> ToolEnd {
        let start = self.start();
        let state = match self.state {
            ToolState::Failed if self.denied => ToolState::Denied,
            ToolState::Pending | ToolState::Running => ToolState::Cancelled,
            state => state,
        };
        let error = (state == ToolState::Failed || state == ToolState::Denied).then(|| self.why()).flatten();
        let streamed = self.head.or_else(|| (!self.gathered.is_empty()).then_some(self.gathered));
        let text = self.text.filter(|text| !text.is_empty());
        let output = self.output.or_else(|| streamed.or(text).map(Value::from));
        ToolEnd {
            start,
            state,
            input: self.input_changed.then_some(self.input),
            output,
            // What did not complete may have changed nothing; its diffs were plans.
            diffs: if state == ToolState::Completed { self.diffs } else { Vec::new() },
            error,
        }
    }

    fn why(&self) -> Option<String> {
        let exit = || self.exit.map(|code| format!("exit code {code}"));
        let raw = self.output.as_ref().and_then(|output| {
            output.as_str().or_else(|| str_at(output, &["error"])).or_else(|| str_at(output, &["message"]))
        });
        let said =
            raw.map(ToOwned::to_owned).or_else(|| self.text.clone()).filter(|text| !text.trim().is_empty());
        said.map(|text| clip(text.trim(), KEPT).to_owned()).or_else(exit)
    }
}

/// Whether an input says anything yet: some agents announce a call before its arguments
/// are there, with nothing or with the directory alone.
pub(super) fn says(input: &Value) -> bool {
    match input {
        Value::Null => false,
        Value::Object(members) => members.keys().any(|key| key != "cwd"),
        _ => true,
    }
}

/// A title that is one word is the tool's name (opencode's first title is).
pub(super) fn bare_word(title: Option<&str>) -> Option<String> {
    let title = title?;
    let fits = !title.is_empty()
        && title.len() <= 64
        && title.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && title.starts_with(|c: char| c.is_ascii_lowercase());
    fits.then(|| title.to_owned())
}

/// Gemini gives no name, but its ids are `NAME__NAME_number_number`.
fn name_in_id(id: &str) -> Option<String> {
    let (name, rest) = id.split_once("__")?;
    rest.starts_with(name).then(|| bare_word(Some(name))).flatten()
}

/// The kind in a word, for tools without a name.
pub(super) fn word_of(kind: ToolKind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}
