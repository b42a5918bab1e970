//! Parts that were too large for their event, made whole again.
//!
//! A blob holds what stood in the part: text as UTF-8, an image or file as the base64
//! text (or its plain bytes), a structure as JSON.

use serde_json::Value;
use tenure_event::{Part, PartBody, ToolCompleted};

/// Puts the content of its blob into a part.
pub fn fill_part(part: &mut Part, blob: &[u8]) {
    let text = || String::from_utf8_lossy(blob).into_owned();
    match &mut part.body {
        PartBody::Text { text: t } | PartBody::Thought { text: t } | PartBody::Plan { text: t } => {
            *t = text()
        }
        PartBody::Image { data, .. } => *data = text(),
        PartBody::File { text: t, data, .. } => {
            if t.is_some() || data.is_none() {
                *t = Some(text());
            } else {
                *data = Some(text());
            }
        }
        PartBody::Tool(tool) => tool.output = Some(structure(tool.output.as_ref(), text())),
        PartBody::Other { value } => *value = structure(Some(value), text()),
        PartBody::ResourceLink { .. } => {}
    }
    part.blob = None;
    part.bytes = None;
}

/// Puts the content of its blob into the end of a tool call.
pub fn fill_tool(tool: &mut ToolCompleted, blob: &[u8]) {
    let text = String::from_utf8_lossy(blob).into_owned();
    tool.output = Some(structure(tool.output.as_ref(), text));
    tool.blob = None;
    tool.bytes = None;
}

// What the event shows tells what the blob is: the beginning of a text, or of nothing known.
fn structure(shown: Option<&Value>, text: String) -> Value {
    match shown {
        Some(Value::String(begin)) if text.starts_with(begin.as_str()) => Value::String(text),
        _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}
