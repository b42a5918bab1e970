//! The words for what Claude Code says, for those who read it elsewhere than from a running program: its transcripts
//! hold the same blocks. Nothing is remembered here.

use serde_json::{Value, json};
use tenure_event::{PartBody, ToolPart, ToolState, Usage};

use super::{field, open, tools, turn};

/// A content block of a message as a part; none for one that says nothing. A call is `pending`. Paths are shown below `cwd`.
#[must_use]
pub fn part(cwd: &str, block: &Value) -> Option<PartBody> {
    let said = |key| field::text(block, key).filter(|text| !text.is_empty()).map(str::to_owned);
    match field::text(block, "type") {
        Some("text") => said("text").map(|text| PartBody::Text { text }),
        Some("thinking") => said("thinking").map(|text| PartBody::Thought { text }),
        Some("redacted_thinking") => None,
        _ => Some(match open::other_body(block) {
            PartBody::Tool(tool) => PartBody::Tool(tools::describe(cwd, tool)),
            other => other,
        }),
    }
}

/// How a call ended, by its result block and what the record tells beside it: whether it ran at all
/// (`toolDenialKind`), and the tool's own structure.
#[must_use]
pub fn ended(block: &Value, denial: Option<&str>, structure: Option<&Value>) -> ToolPart {
    let meta = denial.map(|kind| json!({ "non_execution_kind": kind }));
    let state = tools::state(block, meta.as_ref(), structure);
    let output = tools::output(block);
    let error = if state == ToolState::Completed { None } else { tools::why(output.as_ref()) };
    let tool_id = field::id(block, "tool_use_id").unwrap_or_default().to_owned();
    ToolPart { tool_id, state, output, error, ..ToolPart::default() }
}

/// Tokens as a message counts them; none if it counts none.
#[must_use]
pub fn usage(value: &Value) -> Option<Usage> {
    Some(turn::usage(value)).filter(turn::counts)
}
