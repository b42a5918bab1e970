//! The conversation as it is read: streamed text, thoughts, tools, asks, inputs, ends of turns. Text of a message is
//! shown once, whether it comes as deltas, with the completed message, or first the one and then the other.

mod session;
mod speech;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tenure_event::{
    Ask, AskId, AskResolved, Axes, Decision, Ephemeral, EphemeralKind, Event, InputId, Kind, Outcome, Part,
    PartBody, Timestamp, Todo, TodoStatus, TurnCompleted,
};

use self::speech::Written;
use super::wrap::Wrap;
use super::{Status, ask_block, how_to_answer, shows_changes, todo, tool};
use crate::style::Style;
use crate::text::{self, clean, indent, one_line};

/// What stands last in the output: decides where an empty line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Text,
    Thought,
    Line,
    Input,
}

#[derive(Debug)]
struct OpenAsk {
    tool_id: Option<String>,
    shows_changes: bool,
}

#[derive(Debug)]
struct OpenTool {
    id: String,
    title: String,
    since: Timestamp,
    /// What it changes was shown when it was asked for.
    diffs_were_shown: bool,
}

/// Turns events into text. One per session; events in order, deltas anywhere between.
pub(crate) struct Transcript {
    style: Style,
    cwd: String,
    /// Asks are answered in place, so their lines need not say how.
    answers_here: bool,
    /// An input that is on the screen already.
    known_input: Option<InputId>,
    wrap: Wrap,
    last: Last,
    /// Line ends at the end of the output.
    trailing: usize,
    open_part: Option<String>,
    written: HashMap<String, Written>,
    tools: Vec<OpenTool>,
    asks: HashMap<AskId, OpenAsk>,
    inputs: HashMap<InputId, String>,
    todos: Vec<Todo>,
    /// A new list that came while a text was being written: shown once that is whole.
    held: Option<Vec<Todo>>,
    status: Status,
    /// Asks that were denied, by anyone.
    pub(crate) denied: usize,
    /// All text that was shown as the agent's, by part; only when asked for.
    pub(crate) spoken: Option<BTreeMap<String, String>>,
}

impl Transcript {
    pub(crate) fn new(style: Style, cwd: &str, answers_here: bool) -> Self {
        Self {
            style,
            cwd: cwd.to_owned(),
            answers_here,
            known_input: None,
            wrap: Wrap::default(),
            last: Last::Nothing,
            trailing: 1,
            open_part: None,
            written: HashMap::new(),
            tools: Vec::new(),
            asks: HashMap::new(),
            inputs: HashMap::new(),
            todos: Vec::new(),
            held: None,
            status: Status::default(),
            denied: 0,
            spoken: None,
        }
    }

    /// Streamed text is broken between words for a terminal of so many columns.
    pub(crate) fn set_columns(&mut self, columns: Option<usize>) {
        self.wrap.set_columns(columns);
    }

    /// Asks need no word on how to answer them.
    pub(crate) fn answered_here(&mut self) {
        self.answers_here = true;
    }

    /// This input was written by the person who looks on: it is not repeated.
    pub(crate) fn know_input(&mut self, input: InputId) {
        self.known_input = Some(input);
    }

    /// Begins in the middle of a session: with its state as it is.
    pub(crate) fn join(&mut self, axes: &Axes, queued: usize) {
        self.take_axes(axes);
        self.status.queued = queued;
    }

    /// What the session does at this moment.
    pub(crate) fn status(&self) -> Status {
        let tool = self.tools.last().map(|t| t.title.clone());
        let todo = || {
            let now = self.todos.iter().find(|t| t.status == TodoStatus::InProgress);
            now.map(|t| t.content.clone())
        };
        Status { doing: tool.or_else(todo), ..self.status.clone() }
    }

    pub(crate) fn status_mut(&mut self) -> &mut Status {
        &mut self.status
    }

    /// A durable event.
    pub(crate) fn event(&mut self, event: &Event) -> String {
        let mut out = String::new();
        if !matches!(event.kind, Kind::MessageCompleted(_) | Kind::TodosUpdated(_)) {
            self.show_held(&mut out);
        }
        match &event.kind {
            Kind::MessageCompleted(message) => {
                self.message(message, &mut out);
                self.show_held(&mut out);
            }
            Kind::ToolStarted(t) => {
                let title = tool::title(&t.title, &t.tool, &self.cwd);
                self.tools.push(OpenTool {
                    id: t.tool_id.clone(),
                    title,
                    since: event.ts,
                    diffs_were_shown: false,
                });
            }
            Kind::ToolCompleted(t) => {
                let open =
                    self.tools.iter().position(|open| open.id == t.tool_id).map(|i| self.tools.remove(i));
                let ms = open.as_ref().map(|open| event.ts.millis_since(open.since));
                let shown = open.is_some_and(|open| open.diffs_were_shown);
                let text = tool::completed(self.style, t, ms, &self.cwd, shown);
                self.block(Last::Line, &text, &mut out);
            }
            Kind::AskOpened(opened) => self.ask_opened(&opened.ask, &mut out),
            Kind::AskResolved(r) => {
                self.ask_answered(r, event.ts);
                let by = if r.by == "policy" { " by policy" } else { "" };
                let message =
                    r.message.as_deref().map(|m| format!(": {}", one_line(m, 200))).unwrap_or_default();
                let answers =
                    r.answers.as_ref().map(answers).unwrap_or_else(|| decided(r.decision).to_owned());
                self.ask_ended(r.decision, &format!("{answers}{by}{message}"), &mut out);
            }
            Kind::AskExpired(e) => {
                self.asks.remove(&e.ask_id);
                self.ask_ended(Decision::Deny, "denied: nobody answered in time", &mut out);
            }
            Kind::AskWithdrawn(e) => {
                if self.asks.remove(&e.ask_id).is_some() {
                    let why = one_line(&e.reason.replace('_', " "), 60);
                    self.block(
                        Last::Line,
                        &format!("  {}\n", self.style.dim(&format!("→ withdrawn: {why}"))),
                        &mut out,
                    );
                }
            }
            Kind::TodosUpdated(t) => {
                self.held = Some(t.todos.clone());
                if self.open_part.is_none() {
                    self.show_held(&mut out);
                }
            }
            _ => self.other_event(event, &mut out),
        }
        out
    }

    /// An event without a number.
    pub(crate) fn ephemeral(&mut self, event: &Ephemeral) -> String {
        let mut out = String::new();
        match &event.kind {
            EphemeralKind::MessageDelta(delta) if delta.parent_tool_id.is_none() => {
                self.delta(delta, &mut out)
            }
            EphemeralKind::ToolProgressed(t) => {
                let open = self.tools.iter_mut().find(|open| open.id == t.tool_id);
                if let (Some(open), Some(title)) = (open, &t.title) {
                    open.title = tool::title(title, "", &self.cwd);
                }
            }
            _ => {}
        }
        out
    }

    /// A dim line of our own.
    pub(crate) fn note(&mut self, line: &str) -> String {
        let mut out = String::new();
        self.quiet(line, &mut out);
        out
    }

    /// Whether the output stops in the middle of a line.
    pub(crate) fn end_line(&mut self) -> String {
        let mut out = String::new();
        self.close_line(&mut out);
        out
    }

    fn ask_opened(&mut self, ask: &Ask, out: &mut String) {
        let open = OpenAsk { tool_id: ask.tool_id.clone(), shows_changes: shows_changes(ask) };
        self.asks.insert(ask.id.clone(), open);
        let mut text = ask_block(self.style, ask, &self.cwd);
        if !self.answers_here {
            text.push_str(&format!("  {}\n", self.style.dim(&how_to_answer(ask))));
        }
        self.begin(Last::Line, out);
        out.push_str(&text);
    }

    /// The tool that was asked for begins now; the time until the answer was the person's.
    fn ask_answered(&mut self, answer: &AskResolved, at: Timestamp) {
        let Some(ask) = self.asks.remove(&answer.ask_id) else { return };
        if let Some(tool) = self.tools.iter_mut().find(|tool| ask.tool_id.as_ref() == Some(&tool.id)) {
            tool.since = at;
            tool.diffs_were_shown = ask.shows_changes && answer.updated_input.is_none();
        }
    }

    fn ask_ended(&mut self, decision: Decision, words: &str, out: &mut String) {
        let words = format!("→ {words}");
        let line = match decision {
            Decision::Allow => self.style.green(&words),
            Decision::Deny => {
                self.denied += 1;
                self.style.red(&words)
            }
            Decision::Cancel => self.style.dim(&words),
        };
        self.block(Last::Line, &format!("  {line}\n"), out);
    }

    fn said(&mut self, text: &str, out: &mut String) {
        let text = clean(text);
        let mut lines = text.trim().lines();
        let first = lines.next().unwrap_or_default();
        let mut block = format!("{} {}\n", self.style.cyan("›"), self.style.bold(first));
        lines.for_each(|l| block.push_str(&format!("  {}\n", self.style.bold(l))));
        self.begin(Last::Input, out);
        out.push_str(&block);
    }

    fn show_held(&mut self, out: &mut String) {
        let Some(todos) = self.held.take() else { return };
        let text = todo::changed(self.style, &self.todos, &todos);
        self.todos = todos;
        self.block(Last::Line, &text, out);
    }

    fn take_axes(&mut self, axes: &Axes) {
        self.status.activity.clone_from(&axes.activity);
        self.status.lifecycle = Some(axes.lifecycle);
        self.status.tasks = axes.tasks_running;
    }

    fn quiet(&mut self, line: &str, out: &mut String) {
        let line = format!("{}\n", self.style.dim(line));
        self.block(Last::Line, &line, out);
    }

    fn block(&mut self, last: Last, text: &str, out: &mut String) {
        if !text.is_empty() {
            self.begin(last, out);
            out.push_str(text);
        }
    }

    /// Ends what is open, and leaves an empty line between things of different kinds.
    fn begin(&mut self, next: Last, out: &mut String) {
        self.close_line(out);
        self.open_part = None;
        let together = self.last == next && next == Last::Line;
        if self.last != Last::Nothing && !together && self.trailing < 2 {
            out.push('\n');
        }
        self.trailing = 1;
        self.last = next;
    }

    fn close_line(&mut self, out: &mut String) {
        if self.trailing == 0 {
            out.push('\n');
            self.trailing = 1;
        }
    }
}

/// Line ends at the end of the output after a piece of text.
fn trailing(piece: &str, before: usize) -> usize {
    let own = piece.len() - piece.trim_end_matches('\n').len();
    if own == piece.len() { before + own } else { own }
}

/// Answers to questions, as words.
fn answers(answers: &Value) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let all: Vec<String> = answers.as_object().into_iter().flatten().map(|(_, value)| word(value)).collect();
    one_line(&all.join(" · "), 200)
}

fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::Deny => "denied",
        Decision::Cancel => "given back unanswered",
    }
}

/// The text of an input.
fn words(parts: &[Part]) -> String {
    let word = |part: &Part| match &part.body {
        PartBody::Text { text } => text.clone(),
        PartBody::Image { mime_type, .. } => format!("[{mime_type}]"),
        PartBody::File { uri, .. } | PartBody::ResourceLink { uri, .. } => format!("[{uri}]"),
        _ => String::new(),
    };
    parts.iter().map(word).collect::<Vec<_>>().join("\n")
}

/// The end of a turn in a line: outcome, time, tokens, cost; and what went wrong.
fn result_line(style: Style, turn: &TurnCompleted, ms: Option<u64>) -> String {
    let outcome = match (&turn.outcome, &turn.limit) {
        (Outcome::Limit, Some(limit)) => format!("limit reached ({limit})"),
        (outcome, _) => outcome.as_str().to_owned(),
    };
    let mut line = match turn.outcome {
        Outcome::Completed => style.green(&format!("✓ {outcome}")),
        Outcome::Interrupted | Outcome::Limit | Outcome::Other(_) => style.yellow(&format!("⊘ {outcome}")),
        Outcome::Failed | Outcome::Crashed => style.red(&format!("✗ {outcome}")),
    };
    let mut rest = String::new();
    if let Some(ms) = ms {
        rest.push_str(&format!(" · {}", text::duration(ms)));
    }
    if let Some(u) = turn.usage.filter(|u| u.input_tokens + u.output_tokens + u.cache_read_tokens > 0) {
        let input = u.input_tokens + u.cache_read_tokens + u.cache_write_tokens;
        rest.push_str(&format!(" · {} in, {} out", text::count(input), text::count(u.output_tokens)));
    }
    if let Some(cost) = turn.cost_usd.or(turn.usage.and_then(|u| u.cost_usd)).filter(|c| *c > 0.0) {
        rest.push_str(&format!(" · {}", text::dollars(cost)));
    }
    line.push_str(&style.dim(&rest));
    if let Some(error) = &turn.error {
        let message = clean(&error.message);
        line.push_str(&format!("\n{}", indent(&style.red(message.trim_end()), "  ").trim_end()));
    }
    line
}

#[cfg(test)]
mod tests;
