//! A tool call as one line with its outcome, and what belongs below it.

use serde_json::Value;
use tenure_event::{ToolCompleted, ToolState};

use super::diff::{below, diff};
use crate::style::Style;
use crate::text::{self, clean, one_line};

/// Quicker is not worth a word.
const WORTH_TELLING_MS: u64 = 100;
const WIDEST_TITLE: usize = 160;
/// Lines of an error that are shown.
const MOST_ERROR_LINES: usize = 6;

/// The line, and below it changes to files (unless an ask has shown them) or why it failed.
pub(crate) fn completed(
    style: Style,
    tool: &ToolCompleted,
    ms: Option<u64>,
    cwd: &str,
    diffs_were_shown: bool,
) -> String {
    let title = title(&tool.title, &tool.tool, cwd);
    let took = ms.filter(|ms| *ms >= WORTH_TELLING_MS);
    let took = took.map(|ms| style.dim(&format!("  {}", text::duration(ms)))).unwrap_or_default();
    let mut out = match tool.state {
        ToolState::Completed => format!("{} {title}{took}\n", style.green("✓")),
        ToolState::Denied => format!("{} {title}{}\n", style.red("✗"), style.red("  denied")),
        ToolState::Cancelled => format!("{} {title}{}\n", style.yellow("⊘"), style.dim("  cancelled")),
        _ => format!("{} {title}{took}\n", style.red("✗")),
    };
    if tool.state == ToolState::Completed && !diffs_were_shown {
        tool.diffs.iter().for_each(|d| out.push_str(&diff(style, d, cwd, " (new)")));
    }
    if tool.state == ToolState::Failed {
        let why = tool
            .error
            .as_deref()
            .or_else(|| tool.output.as_ref().and_then(Value::as_str))
            .unwrap_or("failed");
        out.push_str(&error_lines(style, why));
    }
    out
}

fn error_lines(style: Style, why: &str) -> String {
    let why = clean(why);
    let lines: Vec<&str> = why.lines().filter(|l| !l.trim().is_empty()).collect();
    let mut out = String::new();
    for line in lines.iter().take(MOST_ERROR_LINES) {
        out.push_str(&format!("  {}\n", style.red(&text::cut(line, WIDEST_TITLE))));
    }
    if lines.len() > MOST_ERROR_LINES {
        let more = format!("… {} more lines", lines.len() - MOST_ERROR_LINES);
        out.push_str(&format!("  {}\n", style.dim(&more)));
    }
    out
}

/// What the tool does, in a line: its title, its name where it has none, paths below the directory made short.
pub(crate) fn title(title: &str, tool: &str, cwd: &str) -> String {
    let line = one_line(title, WIDEST_TITLE * 2);
    let line = if line.is_empty() { one_line(tool, WIDEST_TITLE) } else { line };
    let shorter: Vec<&str> = line.split(' ').map(|word| below(cwd, word)).collect();
    text::cut(&shorter.join(" "), WIDEST_TITLE)
}
