//! Parts as ACP content blocks.

use serde_json::{Value, json};
use tenure_event::PartBody;

/// A text block.
pub(super) fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// What comes after the first `sent` characters, if anything does.
pub(super) fn rest(whole: &str, sent: u64) -> Option<Value> {
    let rest: String = whole.chars().skip(usize::try_from(sent).ok()?).collect();
    (!rest.is_empty()).then(|| text(&rest))
}

/// Any other part.
pub(super) fn of(body: &PartBody) -> Option<Value> {
    match body {
        PartBody::Image { data, mime_type } => {
            Some(json!({"type": "image", "data": data, "mimeType": mime_type}))
        }
        PartBody::File { uri, mime_type, text, data } => {
            let mut resource = json!({"uri": uri});
            let fields = [("mimeType", mime_type), ("text", text), ("blob", data)];
            for (name, value) in fields {
                if let Some(value) = value {
                    resource[name] = json!(value);
                }
            }
            Some(json!({"type": "resource", "resource": resource}))
        }
        PartBody::ResourceLink { uri, name, mime_type } => {
            let mut link =
                json!({"type": "resource_link", "uri": uri, "name": name.as_deref().unwrap_or(uri)});
            if let Some(mime_type) = mime_type {
                link["mimeType"] = json!(mime_type);
            }
            Some(link)
        }
        // The agent's own structure, which is a content block where the agent speaks ACP.
        PartBody::Other { value } => Some(value.clone()),
        PartBody::Tool(_) | PartBody::Text { .. } | PartBody::Thought { .. } | PartBody::Plan { .. } => None,
    }
}
