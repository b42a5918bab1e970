//! Cutting what is large in an event beside the texts and outputs that have blobs of their own: what a tool is called
//! with, what it changed, why it failed. It stores nothing.

use serde_json::Value;
use tenure_event::{FileDiff, Kind, Part, PartBody, ToolPart, Whole};

use super::{KEPT, LARGE, beginning};

/// Whether something in an event is too large for it.
pub(super) fn is_large(kind: &Kind) -> bool {
    let heaviest = match kind {
        Kind::ToolStarted(t) => weight(&t.input).max(t.title.len()),
        Kind::ToolCompleted(t) => {
            let (input, error) =
                (t.input.as_ref().map_or(0, weight), t.error.as_ref().map_or(0, String::len));
            let changes: usize = t.diffs.iter().map(change).sum();
            input.max(error).max(changes).max(t.title.len())
        }
        Kind::AskOpened(e) => e.ask.input.as_ref().map_or(0, weight).max(e.ask.title.len()),
        Kind::MessageCompleted(m) => m.parts.iter().map(part_weight).max().unwrap_or(0),
        _ => 0,
    };
    heaviest > LARGE
}

/// Cuts it, and notes where the whole of it stands.
pub(super) fn shorten(kind: &mut Kind, whole: Whole) {
    match kind {
        Kind::ToolStarted(t) => {
            value(&mut t.input);
            text(&mut t.title);
            t.whole = Some(whole);
        }
        Kind::ToolCompleted(t) => {
            t.input.iter_mut().for_each(value);
            t.error.iter_mut().for_each(text);
            text(&mut t.title);
            changes(&mut t.diffs);
            t.whole = Some(whole);
        }
        Kind::AskOpened(e) => {
            e.ask.input.iter_mut().for_each(value);
            text(&mut e.ask.title);
            e.whole = Some(whole);
        }
        Kind::MessageCompleted(m) => {
            m.parts.iter_mut().for_each(part);
            m.whole = Some(whole);
        }
        _ => {}
    }
}

fn part_weight(part: &Part) -> usize {
    match &part.body {
        PartBody::Tool(ToolPart { title, input, output, error, .. }) => {
            let output = output.as_ref().map_or(0, weight);
            weight(input).max(output).max(error.as_ref().map_or(0, String::len)).max(title.len())
        }
        PartBody::Other { value } => weight(value),
        PartBody::ResourceLink { uri, .. } => uri.len(),
        _ => 0,
    }
}

fn part(part: &mut Part) {
    match &mut part.body {
        PartBody::Tool(tool) => {
            value(&mut tool.input);
            tool.output.iter_mut().for_each(value);
            tool.error.iter_mut().for_each(text);
            text(&mut tool.title);
        }
        PartBody::Other { value: other } => value(other),
        PartBody::ResourceLink { uri, .. } => text(uri),
        _ => {}
    }
}

fn text(text: &mut String) {
    if text.len() > LARGE {
        *text = beginning(text);
    }
}

fn change(diff: &FileDiff) -> usize {
    diff.path.len() + diff.new_text.len() + diff.old_text.as_ref().map_or(0, String::len)
}

/// Texts are cut; those that are too many even so are left out.
fn changes(diffs: &mut Vec<FileDiff>) {
    if diffs.iter().map(change).sum::<usize>() <= LARGE {
        return;
    }
    for diff in diffs.iter_mut() {
        let old = diff.old_text.as_mut();
        [&mut diff.path, &mut diff.new_text].into_iter().chain(old).for_each(keep);
    }
    let mut left = LARGE;
    diffs.retain(|diff| {
        let fits = change(diff) <= left;
        left = left.saturating_sub(change(diff));
        fits
    });
}

/// A structure keeps its form while its texts are cut; if that is not enough, its beginning is left.
fn value(value: &mut Value) {
    if weight(value) <= LARGE {
        return;
    }
    let json = value.to_string();
    keep_all(value);
    if weight(value) > LARGE {
        *value = Value::String(beginning(&json));
    }
}

/// About so many bytes of JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| weight(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(k, v)| k.len() + weight(v) + 4).sum::<usize>() + 2,
        _ => 8,
    }
}

fn keep_all(value: &mut Value) {
    match value {
        Value::String(text) => keep(text),
        Value::Array(items) => items.iter_mut().for_each(keep_all),
        Value::Object(fields) => fields.values_mut().for_each(keep_all),
        _ => {}
    }
}

fn keep(text: &mut String) {
    if text.len() > KEPT {
        *text = beginning(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_small_stays_and_what_is_large_keeps_its_form() {
        let mut small = json!({"path": "/a", "content": "x".repeat(60_000)});
        let before = small.clone();
        value(&mut small);
        assert_eq!(small, before);
        let mut large =
            json!({"path": "/a", "content": "ä".repeat(40_000), "edits": [{"new": "y".repeat(5000)}]});
        value(&mut large);
        assert_eq!(
            (large["path"].as_str(), large["content"].as_str().map(str::len)),
            (Some("/a"), Some(KEPT))
        );
        assert_eq!(large["edits"][0]["new"].as_str().map(str::len), Some(KEPT));
        let mut many = Value::from((0..100_000).collect::<Vec<_>>());
        value(&mut many);
        assert!(many.as_str().is_some_and(|text| text.starts_with("[0,1,2") && text.len() == KEPT));
        let change = |n: usize| FileDiff { path: n.to_string(), old_text: None, new_text: "z".repeat(9000) };
        let mut list: Vec<_> = (0..100).map(change).collect();
        changes(&mut list);
        assert!(list.iter().map(|d| d.new_text.len()).sum::<usize>() <= LARGE && list.len() > 10);
    }
}
