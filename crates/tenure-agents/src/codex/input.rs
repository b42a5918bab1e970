//! What a person sends, as Codex takes it: text, and images as data URLs. A file is said
//! with its name.
//!
//! What it does not take is handed over all the same, under a kind that says what it is: the
//! program refuses the prompt by that name, and the turn fails instead of never beginning.

use serde_json::{Value, json};
use tenure_event::{Part, PartBody};

/// The input of a turn.
pub(super) fn write_input(parts: &[Part]) -> Vec<Value> {
    parts.iter().map(|part| write_part(&part.body)).collect()
}

fn write_part(body: &PartBody) -> Value {
    match body {
        PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => plain(text),
        PartBody::Image { data, mime_type } => image(mime_type, data),
        PartBody::File { uri, text: Some(text), .. } => plain(&format!("File {uri}:\n\n{text}")),
        PartBody::File { mime_type: Some(mime), data: Some(data), .. } if mime.starts_with("image/") => {
            image(mime, data)
        }
        PartBody::File { uri, mime_type, data: Some(_), .. } => {
            let kind = mime_type.as_deref().unwrap_or("no stated type");
            json!({"type": format!("file of {kind} ({uri})")})
        }
        PartBody::File { uri, .. } => plain(uri),
        PartBody::ResourceLink { uri, name: Some(name), .. } => plain(&format!("{name}: {uri}")),
        PartBody::ResourceLink { uri, name: None, .. } => plain(uri),
        PartBody::Tool(_) => json!({"type": "tool call"}),
        PartBody::Other { .. } => json!({"type": "part of an unknown kind"}),
    }
}

fn plain(text: &str) -> Value {
    json!({"type": "text", "text": text, "text_elements": []})
}

fn image(mime: &str, data: &str) -> Value {
    json!({"type": "image", "url": format!("data:{mime};base64,{data}")})
}
