//! The words for what Pi says, for those who read it elsewhere than from a running program: its session files
//! hold the same messages. Nothing is remembered here.

use serde_json::Value;
use tenure_event::{PartBody, ToolPart, Usage};

use super::{field, gathering, tools, usage};

/// A content block of a message as a part; none for one that says nothing. A call is `running`. Paths are shown below `cwd`.
#[must_use]
pub fn part(cwd: &str, block: &Value) -> Option<PartBody> {
    gathering::body(cwd, block)
}

/// How a call ended, by its `toolResult` message.
#[must_use]
pub fn ended(message: &Value) -> ToolPart {
    let tool_id = field::id(message, "toolCallId").unwrap_or_default().to_owned();
    let mut part = ToolPart { tool_id, ..ToolPart::default() };
    tools::end(&mut part, Some(message));
    part
}

/// What a call of the model used and cost; none if it counts nothing.
#[must_use]
pub fn counted(told: &Value) -> Option<Usage> {
    usage::read(told)
}
