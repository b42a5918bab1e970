//! A transcript for people, as Markdown. What agents say is passed on as they wrote it:
//! whoever shows it as HTML must treat it as hostile.

use std::fmt::Write;

use serde_json::Value;
use tenure_event::{Message, Part, PartBody, Role, ToolPart, ToolState};

/// The heading of a transcript.
#[must_use]
pub fn markdown_title(title: &str) -> String {
    format!("# {}\n", title.lines().next().unwrap_or("Session"))
}

/// One message with its heading. Begins with an empty line.
#[must_use]
pub fn markdown_message(message: &Message) -> String {
    let who = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
        Role::System => "System",
    };
    let mut out = format!("\n## {who}\n");
    for part in &message.parts {
        write_part(&mut out, part);
    }
    if message.partial {
        out.push_str("\n*(cut short)*\n");
    }
    out
}

fn write_part(out: &mut String, part: &Part) {
    // Writing to a string cannot fail.
    let _ = match &part.body {
        PartBody::Text { text } | PartBody::Plan { text } => writeln!(out, "\n{}", text.trim_end()),
        PartBody::Thought { text } => {
            out.push('\n');
            text.trim_end().lines().try_for_each(|line| writeln!(out, "> {line}"))
        }
        PartBody::Tool(tool) => write_tool(out, tool),
        PartBody::Image { mime_type, .. } => writeln!(out, "\n*(image, {mime_type})*"),
        PartBody::File { uri, text: Some(text), .. } => {
            let _ = writeln!(out, "\n`{uri}`");
            fenced(out, text)
        }
        PartBody::File { uri, .. } => writeln!(out, "\n*(file `{uri}`)*"),
        PartBody::ResourceLink { uri, name, .. } => {
            writeln!(out, "\n[{}]({uri})", name.as_deref().unwrap_or(uri))
        }
        PartBody::Other { value } => fenced(out, &value.to_string()),
    };
}

fn write_tool(out: &mut String, tool: &ToolPart) -> std::fmt::Result {
    let state = state_word(tool.state);
    let title = if tool.title.is_empty() { &tool.tool } else { &tool.title };
    writeln!(out, "\n**{}** ({state})", title.replace('\n', " "))?;
    if !tool.input.is_null() {
        fenced(out, &plain(&tool.input))?;
    }
    if let Some(output) = &tool.output {
        fenced(out, &plain(output))?;
    }
    tool.error.as_deref().map_or(Ok(()), |error| fenced(out, error))
}

pub(super) fn state_word(state: ToolState) -> &'static str {
    match state {
        ToolState::Pending => "pending",
        ToolState::Running => "running",
        ToolState::Completed => "completed",
        ToolState::Failed => "failed",
        ToolState::Denied => "denied",
        ToolState::Cancelled => "cancelled",
    }
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

// The fence is longer than any run of backticks inside.
fn fenced(out: &mut String, text: &str) -> std::fmt::Result {
    let (mut longest, mut run) = (2, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    writeln!(out, "\n{fence}\n{}\n{fence}", text.trim_end())
}
