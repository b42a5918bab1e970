//! The log as it is read: one line per event with what matters of it, longer texts below it.

use tenure_event::{Axes, ErrorInfo, Event, Kind, Message, Part, PartBody, SessionChanged, ToolState};

use crate::style::Style;
use crate::text::{clean, indent, one_line};

const WIDEST: usize = 400;

/// The event in a line, and what it says in full below.
pub(crate) fn event_line(style: Style, event: &Event) -> String {
    let time = event.ts.to_string();
    let time = time.get(11..23).unwrap_or(&time);
    let (summary, full) = describe(&event.kind);
    let name = style.cyan(&format!("{:<24}", event.kind.name()));
    let line = format!(
        "{} {} {name} {}",
        style.dim(&format!("{:>5}", event.seq)),
        style.dim(time),
        one_line(&summary, WIDEST)
    );
    with_below(&line, &full)
}

/// A message of a conversation that has no events, in the same way.
pub(crate) fn message_line(style: Style, message: &Message) -> String {
    let time = message.ts.to_string().replace('T', " ");
    let time = time.get(..19).unwrap_or(&time);
    let partial = if message.partial { " (cut short)" } else { "" };
    let line = format!("{} {}{partial}", style.dim(time), style.cyan(&word(&message.role)));
    with_below(&line, &parts(&message.parts))
}

fn with_below(line: &str, full: &str) -> String {
    let full =
        if full.trim().is_empty() { String::new() } else { indent(clean(full).trim_end(), "      │ ") };
    format!("{}\n{full}", line.trim_end())
}

/// What happened, and text that belongs to it.
fn describe(kind: &Kind) -> (String, String) {
    let short = |s: String| (s, String::new());
    match kind {
        Kind::SessionCreated(e) => short(format!("{} in {}{}", e.agent, e.cwd, axes(&e.axes))),
        Kind::SessionUpdated(e) => short(format!("{}{}", e.title.as_deref().unwrap_or(""), axes(&e.axes))),
        Kind::SessionActivityChanged(SessionChanged { axes: a })
        | Kind::SessionHealthChanged(SessionChanged { axes: a })
        | Kind::SessionResumed(SessionChanged { axes: a })
        | Kind::SessionDestroyed(SessionChanged { axes: a }) => short(axes(a)),
        Kind::SessionNativeBound(e) => short(e.native_id.clone().unwrap_or_else(|| "let go".into())),
        Kind::SessionSuspended(e) => short(format!("{:?}", e.by).to_lowercase()),
        Kind::SessionClosed(e) => short(format!("hit {:?}, remained {:?}", e.hit, e.remained)),
        Kind::SessionFailed(e) => error(&e.error),
        Kind::InputAdmitted(e) => {
            (format!("{} {:?} at {}", e.input_id, e.delivery, e.position), parts(&e.parts))
        }
        Kind::InputStarted(e) => short(format!("{} in {}", e.input_id, e.turn_id)),
        Kind::InputCancelled(e) => short(format!("{}: {}", e.input_id, e.reason)),
        Kind::TurnStarted(e) => short(format!("{} by {}", e.turn_id, word(&e.origin))),
        Kind::TurnCompleted(e) => match &e.error {
            Some(error) => {
                (format!("{} {}: {}", e.turn_id, e.outcome.as_str(), error.code), error.message.clone())
            }
            None => short(format!("{} {}", e.turn_id, e.outcome.as_str())),
        },
        Kind::MessageCompleted(e) => {
            let partial = if e.partial { " (cut short)" } else { "" };
            (format!("{}{partial}", word(&e.role)), parts(&e.parts))
        }
        Kind::ToolStarted(e) => short(format!("{}: {}", e.tool, e.title)),
        Kind::ToolCompleted(e) => {
            let mark = if e.state == ToolState::Completed { "✓" } else { "✗" };
            (
                format!("{mark} {}: {} ({})", e.tool, e.title, word(&e.state)),
                e.error.clone().unwrap_or_default(),
            )
        }
        Kind::AskOpened(e) => short(format!("{} {}: {}", e.ask.id, word(&e.ask.kind), e.ask.title)),
        Kind::AskResolved(e) => (
            format!("{} {} ({}) by {}", e.ask_id, word(&e.decision), word(&e.scope), e.by),
            e.message.clone().unwrap_or_default(),
        ),
        Kind::AskExpired(e) | Kind::AskWithdrawn(e) => short(format!("{}: {}", e.ask_id, e.reason)),
        other => rest(other),
    }
}

fn rest(kind: &Kind) -> (String, String) {
    let short = |s: String| (s, String::new());
    match kind {
        Kind::TodosUpdated(e) => {
            let lines: Vec<String> =
                e.todos.iter().map(|t| format!("{} ({})", t.content, word(&t.status))).collect();
            (String::new(), lines.join("\n"))
        }
        Kind::TaskStarted(e) => short(format!("{} {}: {}", e.task_id, e.kind, e.title)),
        Kind::TaskCompleted(e) => {
            (format!("{} {}", e.task_id, word(&e.status)), e.summary.clone().unwrap_or_default())
        }
        Kind::ProcessStarted(e) => short(format!("pid {}, generation {}", e.pid, e.generation)),
        Kind::ProcessExited(e) => {
            let how = match (e.code, e.signal) {
                (Some(code), _) => format!("exit code {code}"),
                (_, Some(signal)) => format!("signal {signal}"),
                _ => "nobody saw how".to_owned(),
            };
            (format!("generation {}: {how}", e.generation), e.stderr_tail.clone())
        }
        Kind::WarningRaised(e) => short(format!("{}: {}", e.code, e.message)),
        Kind::CheckpointCreated(e) => {
            let changes = format!("+{} ~{} −{}", e.added, e.modified, e.deleted);
            let label = e.label.as_ref().map(|l| format!(" {l}")).unwrap_or_default();
            (format!("{} {}{label}, {changes}", e.checkpoint_id, word(&e.cause)), e.not_covered.join("\n"))
        }
        Kind::RewindCompleted(e) | Kind::RewindUndone(e) => {
            let done = format!("{} to {}: {} taken back", e.rewind_id, e.to, e.files_total);
            short(format!("{done}, {} left", e.conflicts_total))
        }
        other => short(other.data_json().unwrap_or_default()),
    }
}

fn error(error: &ErrorInfo) -> (String, String) {
    (error.code.clone(), error.message.clone())
}

fn axes(axes: &Axes) -> String {
    let activity = match &axes.activity {
        Some(a) => match a.reason {
            Some(reason) => format!(" {} ({})", a.state.as_str(), word(&reason)),
            None => format!(" {}", a.state.as_str()),
        },
        None => String::new(),
    };
    let health = if axes.health.state == tenure_event::HealthState::Healthy {
        String::new()
    } else {
        let why = axes.health.why.map(|why| format!(" ({})", word(&why))).unwrap_or_default();
        format!(", {}{why}", word(&axes.health.state))
    };
    format!(" {}{activity}{health}", axes.lifecycle.as_str())
}

fn parts(parts: &[Part]) -> String {
    let text = |part: &Part| match &part.body {
        PartBody::Text { text } | PartBody::Plan { text } => Some(text.clone()),
        PartBody::Thought { text } => Some(format!("∴ {text}")),
        PartBody::Tool(tool) => Some(format!("[{}: {}]", tool.tool, tool.title)),
        PartBody::Image { mime_type, .. } => Some(format!("[{mime_type}]")),
        PartBody::File { uri, .. } | PartBody::ResourceLink { uri, .. } => Some(format!("[{uri}]")),
        PartBody::Other { .. } => None,
    };
    parts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// The word of an enum as it is on the wire.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
