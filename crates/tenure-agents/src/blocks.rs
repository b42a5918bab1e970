//! Content blocks that a tool call gave, as Claude Code and Pi both have them. How an image stands in a block is the
//! protocol's own affair.

use serde_json::{Value, json};
use tenure_event::PartBody;

use crate::field;

/// Text where there is nothing but text, else the blocks.
pub(crate) fn output(blocks: &[Value], image: fn(&Value) -> Option<PartBody>) -> Value {
    let texts: Vec<&str> = blocks.iter().filter_map(text_of).collect();
    if texts.len() == blocks.len() {
        return Value::String(texts.join("\n"));
    }
    Value::Array(blocks.iter().map(|block| shown(block, image)).collect())
}

fn text_of(block: &Value) -> Option<&str> {
    if field::text(block, "type") == Some("text") { field::text(block, "text") } else { None }
}

fn shown(block: &Value, image: fn(&Value) -> Option<PartBody>) -> Value {
    match image(block) {
        Some(PartBody::Image { data, mime_type }) => {
            json!({"type": "image", "data": data, "mime_type": mime_type})
        }
        _ => block.clone(),
    }
}

/// Why a call failed, for people.
pub(crate) fn why(output: Option<&Value>) -> Option<String> {
    let text = output.and_then(Value::as_str)?.trim();
    (!text.is_empty()).then(|| field::clip(text, 2000))
}
