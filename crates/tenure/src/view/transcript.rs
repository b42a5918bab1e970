//! The conversation as it is read: streamed text, thoughts, tools, asks, inputs, ends of turns. Text of a message is
//! shown once, whether it comes as deltas, with the completed message, or first the one and then the other.

use std::collections::{BTreeMap, HashMap};

use tenure_event::{
    ActivityState, Ask, AskId, Axes, Decision, Delivery, Ephemeral, EphemeralKind, Event, InputId, Kind,
    MessageCompleted, MessageDelta, Outcome, Part, PartBody, Role, TextKind, Timestamp, Todo, TodoStatus,
    TurnCompleted, WaitReason,
};

use super::status::waits_for;
use super::wrap::Wrap;
use super::{Status, ask_block, how_to_answer, todo, tool};
use crate::style::Style;
use crate::text::{self, Cleaner, clean, indent, one_line};

/// What stands last in the output: decides where an empty line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Text,
    Thought,
    Line,
    Input,
}

/// A part of a message as far as it is shown.
#[derive(Debug, Default)]
struct Written {
    chars: u64,
    cleaner: Cleaner,
}

#[derive(Debug)]
struct OpenTool {
    id: String,
    title: String,
    since: Timestamp,
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
    asks: HashMap<AskId, String>,
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
                self.tools.push(OpenTool { id: t.tool_id.clone(), title, since: event.ts });
            }
            Kind::ToolCompleted(t) => {
                let open =
                    self.tools.iter().position(|open| open.id == t.tool_id).map(|i| self.tools.remove(i));
                let ms = open.map(|open| event.ts.millis_since(open.since));
                let text = tool::completed(self.style, t, ms, &self.cwd);
                self.block(Last::Line, &text, &mut out);
            }
            Kind::AskOpened(opened) => self.ask_opened(&opened.ask, &mut out),
            Kind::AskResolved(r) => {
                self.asks.remove(&r.ask_id);
                let by = if r.by == "policy" { " by policy" } else { "" };
                self.ask_ended(r.decision, &format!("{}{by}", decided(r.decision)), &mut out);
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

    fn other_event(&mut self, event: &Event, out: &mut String) {
        match &event.kind {
            Kind::InputAdmitted(i) => {
                self.inputs.insert(i.input_id.clone(), words(&i.parts));
                self.status.queued += 1;
                if i.delivery == Delivery::Queue
                    && i.position > 0
                    && self.known_input.as_ref() != Some(&i.input_id)
                {
                    let line = format!("· queued: {}", one_line(&words(&i.parts), 120));
                    self.quiet(&line, out);
                }
            }
            Kind::InputStarted(i) => {
                self.status.queued = self.status.queued.saturating_sub(1);
                self.input(&i.input_id, out);
            }
            Kind::InputCancelled(i) => {
                self.status.queued = self.status.queued.saturating_sub(1);
                let text = self.inputs.remove(&i.input_id).unwrap_or_default();
                self.quiet(&format!("· not sent ({}): {}", i.reason, one_line(&text, 80)), out);
            }
            Kind::TurnStarted(t) => {
                self.status.turn_since = Some(event.ts);
                if t.input_ids.is_empty() {
                    self.quiet("· the agent goes on by itself", out);
                }
            }
            Kind::TurnCompleted(t) => {
                let ms = self.status.turn_since.take().map(|since| event.ts.millis_since(since));
                self.status.usage = t.usage.or(self.status.usage);
                self.tools.clear();
                let line = result_line(self.style, t, ms);
                self.block(Last::Text, &format!("{line}\n"), out);
                self.last = Last::Input;
            }
            Kind::UsageUpdated(u) => {
                self.status.usage = u.usage.or(self.status.usage);
                self.status.context = u.context.or(self.status.context);
            }
            Kind::TaskStarted(t) if t.background => {
                self.quiet(&format!("· task started: {}", one_line(&t.title, 120)), out);
            }
            Kind::TaskCompleted(t) => {
                let summary =
                    t.summary.as_deref().map(|s| format!(": {}", one_line(s, 120))).unwrap_or_default();
                let status = format!("{:?}", t.status).to_lowercase();
                self.quiet(&format!("· task {status}{summary}"), out);
            }
            Kind::CompactionCompleted(c) => {
                let line = match (&c.error, c.tokens_before, c.tokens_after) {
                    (Some(error), ..) => format!("· compaction failed: {}", one_line(error, 120)),
                    (_, Some(b), Some(a)) => {
                        format!("· compacted: {} → {} tokens", text::count(b), text::count(a))
                    }
                    _ => "· compacted".to_owned(),
                };
                self.quiet(&line, out);
            }
            Kind::ConfigChanged(c) if c.by == "client" || self.status.turn_since.is_some() => {
                let name = |what: &str, v: &Option<String>| {
                    v.as_ref().map(|v| format!("{what} {}", one_line(v, 40)))
                };
                let all = [name("model", &c.model), name("mode", &c.mode), name("effort", &c.effort)];
                let changed: Vec<String> = all.into_iter().flatten().collect();
                if !changed.is_empty() {
                    self.quiet(&format!("· {}", changed.join(", ")), out);
                }
            }
            Kind::WarningRaised(w) => {
                let line = format!("{}\n", self.style.yellow(&format!("! {}", one_line(&w.message, 400))));
                self.block(Last::Line, &line, out);
            }
            _ => self.session_event(event, out),
        }
    }

    fn session_event(&mut self, event: &Event, out: &mut String) {
        let before = self.status.activity.clone();
        match &event.kind {
            Kind::SessionCreated(e) => self.take_axes(&e.axes),
            Kind::SessionUpdated(e) => self.take_axes(&e.axes),
            Kind::SessionNativeBound(e) => self.take_axes(&e.axes),
            Kind::SessionActivityChanged(e) | Kind::SessionHealthChanged(e) => {
                self.take_axes(&e.axes);
                self.outside_wait(before.and_then(|a| a.reason), out);
            }
            Kind::SessionSuspended(e) => {
                self.take_axes(&e.axes);
                let by = format!("{:?}", e.by).to_lowercase();
                self.quiet(&format!("· suspended ({by}); an input brings it back"), out);
            }
            Kind::SessionResumed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· resumed", out);
            }
            Kind::SessionClosed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· closed", out);
            }
            Kind::SessionCleared(e) => {
                self.take_axes(&e.axes);
                self.quiet("· cleared: a new conversation begins", out);
            }
            Kind::SessionDestroyed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· destroyed", out);
            }
            Kind::SessionFailed(e) => {
                self.take_axes(&e.axes);
                let text = format!("✗ {}", clean(&e.error.message));
                let text = format!("{}\n", self.style.red(text.trim_end()));
                self.block(Last::Line, &text, out);
            }
            Kind::ProcessExited(e) if e.code != Some(0) && !e.stderr_tail.trim().is_empty() => {
                let tail = clean(&e.stderr_tail);
                let lines: Vec<&str> = tail.trim_end().lines().rev().take(8).collect();
                let lines: Vec<&str> = lines.into_iter().rev().collect();
                let text = self.style.dim(&indent(&lines.join("\n"), "  | "));
                self.block(Last::Line, &text, out);
            }
            _ => {}
        }
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

    fn delta(&mut self, delta: &MessageDelta, out: &mut String) {
        let shown = self.written.get(&delta.part_id).map_or(0, |w| w.chars);
        // Text that was missed comes with the whole message; what is known already is skipped.
        let Some(skip) = shown.checked_sub(delta.offset) else { return };
        let new: String = delta.text.chars().skip(usize::try_from(skip).unwrap_or(usize::MAX)).collect();
        self.write(&delta.part_id, delta.kind, &new, out);
    }

    fn message(&mut self, message: &MessageCompleted, out: &mut String) {
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
    fn rest(&mut self, part: &Part, kind: TextKind, text: &str, out: &mut String) {
        let shown = self.written.get(&part.id).map_or(0, |w| w.chars);
        let rest: String = text.chars().skip(usize::try_from(shown).unwrap_or(usize::MAX)).collect();
        if !rest.is_empty() {
            self.write(&part.id, kind, &rest, out);
        }
        if part.blob.is_some() && shown < text.chars().count() as u64 {
            self.quiet("· (the whole text: tenure show --transcript)", out);
        }
    }

    fn write(&mut self, part_id: &str, kind: TextKind, piece: &str, out: &mut String) {
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

    fn ask_opened(&mut self, ask: &Ask, out: &mut String) {
        self.asks.insert(ask.id.clone(), ask.title.clone());
        let mut text = ask_block(self.style, ask, &self.cwd);
        if !self.answers_here {
            text.push_str(&format!("  {}\n", self.style.dim(&how_to_answer(ask))));
        }
        self.begin(Last::Line, out);
        out.push_str(&text);
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

    fn input(&mut self, id: &InputId, out: &mut String) {
        let Some(text) = self.inputs.remove(id) else { return };
        if self.known_input.as_ref() == Some(id) {
            self.known_input = None;
            return;
        }
        self.said(&text, out);
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

    /// A wait that no ask tells of.
    fn outside_wait(&mut self, before: Option<WaitReason>, out: &mut String) {
        let Some(activity) = self.status.activity.clone() else { return };
        let outside =
            matches!(activity.reason, Some(WaitReason::RateLimit | WaitReason::Auth | WaitReason::Retry));
        if activity.state == ActivityState::Waiting && outside && activity.reason != before {
            let until = activity.until.map(|t| format!(" until {t}")).unwrap_or_default();
            let line = self.style.yellow(&format!("! waits for {}{until}", waits_for(&activity)));
            self.block(Last::Line, &format!("{line}\n"), out);
        }
    }

    fn show_held(&mut self, out: &mut String) {
        let Some(todos) = self.held.take() else { return };
        let text = todo::changed(self.style, &self.todos, &todos);
        self.todos = todos;
        self.block(Last::Line, &text, out);
    }

    fn take_axes(&mut self, axes: &Axes) {
        self.status.activity.clone_from(&axes.activity);
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
        Outcome::Interrupted | Outcome::Limit => style.yellow(&format!("⊘ {outcome}")),
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
