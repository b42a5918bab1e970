//! Parts over 64 KB stand in blobs, not in events: events stay small, and every reader
//! of a stream is spared what it may not want.

mod cut;

use bytes::Bytes;
use serde_json::Value;
use tenure_event::{Kind, Part, PartBody, SessionId, ToolCompleted, Whole};
use tenure_log::{EventLog, LogError, SqliteLog};

/// Texts longer than this go to a blob.
const LARGE: usize = 64 * 1024;
/// How much of it stays in the event.
const KEPT: usize = 4 * 1024;

/// Moves what is large in an event to blobs, and leaves its beginning and its hash.
pub(super) async fn shrink(log: &SqliteLog, id: &SessionId, kind: &mut Kind) -> Result<(), LogError> {
    if cut::is_large(kind) {
        let data = kind.data_json().map_err(|e| LogError::Corrupt(format!("an event is no JSON: {e}")))?;
        let bytes = data.len() as u64;
        let blob = log.put_blob(id, Bytes::from(data)).await?;
        cut::shorten(kind, Whole { blob, bytes });
    }
    match kind {
        Kind::MessageCompleted(m) => shrink_parts(log, id, &mut m.parts).await,
        Kind::InputAdmitted(i) => shrink_parts(log, id, &mut i.parts).await,
        Kind::ToolCompleted(t) => shrink_output(log, id, t).await,
        _ => Ok(()),
    }
}

pub(super) async fn shrink_parts(
    log: &SqliteLog,
    id: &SessionId,
    parts: &mut [Part],
) -> Result<(), LogError> {
    for part in parts {
        let text = match &mut part.body {
            PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => text,
            PartBody::Image { data, .. } => data,
            PartBody::File { text: Some(text), .. } => text,
            PartBody::File { data: Some(data), .. } => data,
            _ => continue,
        };
        if text.len() <= LARGE {
            continue;
        }
        let whole = std::mem::take(text);
        if !matches!(part.body, PartBody::Image { .. }) {
            set_text(&mut part.body, beginning(&whole));
        }
        part.bytes = Some(whole.len() as u64);
        part.blob = Some(log.put_blob(id, Bytes::from(whole)).await?);
    }
    Ok(())
}

fn set_text(body: &mut PartBody, kept: String) {
    match body {
        PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => *text = kept,
        PartBody::File { text: Some(text), .. } => *text = kept,
        _ => {}
    }
}

async fn shrink_output(log: &SqliteLog, id: &SessionId, tool: &mut ToolCompleted) -> Result<(), LogError> {
    let Some(output) = &tool.output else { return Ok(()) };
    let (whole, is_text) = match output {
        Value::String(text) => (text.clone(), true),
        other => (other.to_string(), false),
    };
    if whole.len() <= LARGE {
        return Ok(());
    }
    tool.output = is_text.then(|| Value::String(beginning(&whole)));
    tool.bytes = Some(whole.len() as u64);
    tool.blob = Some(log.put_blob(id, Bytes::from(whole)).await?);
    Ok(())
}

fn beginning(text: &str) -> String {
    let mut end = KEPT.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Gives parts their whole content back.
pub(crate) async fn make_whole(log: &SqliteLog, id: &SessionId, parts: &mut [Part]) -> Result<(), LogError> {
    for part in parts {
        let Some(hash) = part.blob.clone() else { continue };
        if let Some(bytes) = log.blob(id, &hash).await? {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            match &mut part.body {
                PartBody::Image { data, .. } => *data = text,
                PartBody::File { text: None, data, .. } => *data = Some(text),
                body => set_text(body, text),
            }
            (part.blob, part.bytes) = (None, None);
        }
    }
    Ok(())
}
