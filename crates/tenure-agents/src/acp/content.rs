//! Content blocks of the protocol and parts of messages, each as the other.

use serde_json::{Value, json};
use tenure_core::agent::CodecError;
use tenure_event::{Part, PartBody};

use super::NAME;
use super::agent::Accepts;
use crate::json::{str_at, string_at};

/// What a content block holds.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    /// Text that is gathered.
    Text(String),
    /// Anything else, whole.
    Whole(PartBody),
}

/// Reads a content block. What is not known is kept as it is.
pub(super) fn read_block(block: &Value) -> Block {
    let text = |key: &str| string_at(block, &[key]);
    match str_at(block, &["type"]) {
        Some("text") => match text("text") {
            Some(text) => Block::Text(text),
            None => other(block),
        },
        Some("image") => match (text("data"), text("mimeType")) {
            (Some(data), Some(mime_type)) => Block::Whole(PartBody::Image { data, mime_type }),
            _ => other(block),
        },
        Some("resource_link") => match text("uri") {
            Some(uri) => {
                Block::Whole(PartBody::ResourceLink { uri, name: text("name"), mime_type: text("mimeType") })
            }
            None => other(block),
        },
        Some("resource") => match string_at(block, &["resource", "uri"]) {
            Some(uri) => Block::Whole(PartBody::File {
                uri,
                mime_type: string_at(block, &["resource", "mimeType"]),
                text: string_at(block, &["resource", "text"]),
                data: string_at(block, &["resource", "blob"]),
            }),
            None => other(block),
        },
        _ => other(block),
    }
}

fn other(block: &Value) -> Block {
    Block::Whole(PartBody::Other { value: block.clone() })
}

/// Text of blocks, joined by line breaks; links and files by their names.
pub(super) fn plain_text(block: &Value) -> Option<String> {
    match read_block(block) {
        Block::Text(text) => Some(text),
        Block::Whole(PartBody::ResourceLink { uri, .. }) => Some(uri),
        Block::Whole(PartBody::File { text: Some(text), .. }) => Some(text),
        Block::Whole(_) => None,
    }
}

/// The prompt of an input.
///
/// # Errors
/// When a part is of a kind that this agent does not take: nothing is left out in silence.
pub(super) fn write_prompt(parts: &[Part], accepts: Accepts) -> Result<Vec<Value>, CodecError> {
    parts.iter().map(|part| write_block(&part.body, accepts)).collect()
}

fn write_block(body: &PartBody, accepts: Accepts) -> Result<Value, CodecError> {
    Ok(match body {
        PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => text_block(text),
        PartBody::Image { data, mime_type } if accepts.images => {
            json!({"type": "image", "data": data, "mimeType": mime_type})
        }
        PartBody::Image { .. } => return Err(cannot("images", "it does not take images")),
        PartBody::ResourceLink { uri, name, mime_type } => link(uri, name.as_deref(), mime_type.as_deref()),
        PartBody::File { uri, mime_type, text, data } => {
            file(uri, mime_type.as_deref(), text.as_deref(), data.as_deref(), accepts)?
        }
        PartBody::Tool(_) | PartBody::Other { .. } => {
            return Err(cannot("send this part", "only text, images, files and links can be sent"));
        }
    })
}

/// A file goes as an embedded resource. An agent that takes none gets a text file as text
/// under its name; a binary one cannot be said.
fn file(
    uri: &str,
    mime_type: Option<&str>,
    text: Option<&str>,
    data: Option<&str>,
    accepts: Accepts,
) -> Result<Value, CodecError> {
    if accepts.embedded {
        let mut resource = json!({"uri": uri});
        if let Some(mime_type) = mime_type {
            resource["mimeType"] = json!(mime_type);
        }
        match (text, data) {
            (None, Some(data)) => resource["blob"] = json!(data),
            (text, _) => resource["text"] = json!(text.unwrap_or("")),
        }
        return Ok(json!({"type": "resource", "resource": resource}));
    }
    match (text, data) {
        (Some(text), _) => Ok(text_block(&format!("File {uri}:\n\n{text}"))),
        (None, None) => Ok(link(uri, None, mime_type)),
        (None, Some(_)) => Err(cannot(
            "files",
            "it does not take embedded files; send a resource_link to a path it can read",
        )),
    }
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn link(uri: &str, name: Option<&str>, mime_type: Option<&str>) -> Value {
    let name = name.unwrap_or_else(|| uri.rsplit('/').find(|part| !part.is_empty()).unwrap_or(uri));
    let mut block = json!({"type": "resource_link", "uri": uri, "name": name});
    if let Some(mime_type) = mime_type {
        block["mimeType"] = json!(mime_type);
    }
    block
}

fn cannot(verb: &'static str, why: &str) -> CodecError {
    CodecError::Unsupported { agent: NAME, verb, why: why.to_owned() }
}
