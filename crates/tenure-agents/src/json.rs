//! Reading JSON that somebody else wrote: a wrong type is an absent value, never an
//! error, and nothing recurses or allocates without a bound.
//!
//! No protocol is known here.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The longest line that is read, in bytes. Longer ones never get here from a spool.
pub(crate) const MAX_LINE: usize = 32 << 20;

/// Why a line is no JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// Only white space: not worth a word.
    Empty,
    /// Longer than [`MAX_LINE`].
    Oversized,
    /// Not JSON, not UTF-8, or nested deeper than 127 levels.
    Malformed,
}

impl BadLine {
    /// The kind under which the line is kept; `None` for an empty one.
    pub(crate) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Oversized => Some("oversized"),
            Self::Malformed => Some("malformed"),
        }
    }
}

/// Parses one line.
pub(crate) fn parse_line(line: &[u8]) -> Result<Value, BadLine> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Err(BadLine::Empty);
    }
    if line.len() > MAX_LINE {
        return Err(BadLine::Oversized);
    }
    serde_json::from_slice(line).map_err(|_| BadLine::Malformed)
}

/// A value to be remembered as told: `null` as an empty object, since what is saved tells `null` as nothing.
pub(crate) fn told(value: &Value) -> Value {
    if value.is_null() { Value::Object(serde_json::Map::new()) } else { value.clone() }
}

/// The text of a member of the top object exactly as it stands in the line (`1.0` stays
/// `1.0`); `null` when it is null or cannot be told apart.
pub(crate) fn raw_member(line: &[u8], path: &[&str]) -> String {
    #[derive(Deserialize)]
    struct Members<'a>(#[serde(borrow)] std::collections::BTreeMap<String, &'a RawValue>);

    let mut text = std::str::from_utf8(line).unwrap_or("null").trim();
    for key in path {
        let Ok(Members(mut members)) = serde_json::from_str::<Members<'_>>(text) else { return null() };
        match members.remove(*key) {
            Some(found) => text = found.get(),
            None => return null(),
        }
    }
    text.to_owned()
}

fn null() -> String {
    "null".to_owned()
}

/// The value under a path of keys, unless it is absent or null.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let mut found = value;
    for key in path {
        found = found.get(key)?;
    }
    (!found.is_null()).then_some(found)
}

/// The text under a path of keys.
pub(crate) fn str_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The text under a path of keys, owned.
pub(crate) fn string_at(value: &Value, path: &[&str]) -> Option<String> {
    str_at(value, path).map(ToOwned::to_owned)
}

/// The whole number under a path of keys.
pub(crate) fn u64_at(value: &Value, path: &[&str]) -> Option<u64> {
    at(value, path)?.as_u64()
}

/// The number under a path of keys.
pub(crate) fn f64_at(value: &Value, path: &[&str]) -> Option<f64> {
    at(value, path)?.as_f64()
}

/// Whether `true` stands under a path of keys.
pub(crate) fn is_true(value: &Value, path: &[&str]) -> bool {
    at(value, path).and_then(Value::as_bool) == Some(true)
}

/// The list under a path of keys; empty if there is none.
pub(crate) fn list_at<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `text`, or its first `max` bytes cut at a character's edge.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_told_apart() {
        assert_eq!(parse_line(b" \r\n"), Err(BadLine::Empty));
        assert_eq!(parse_line(b"\xff\xfe{}"), Err(BadLine::Malformed));
        assert_eq!(parse_line(b"{\"a\":"), Err(BadLine::Malformed));
        assert_eq!(parse_line("[".repeat(4000).as_bytes()), Err(BadLine::Malformed));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse_line(deep.as_bytes()).is_ok());
    }

    #[test]
    fn members_keep_their_own_text() {
        let line = br#"{"id": 1.0, "params": {"requestId": "a\u0062"}, "x": null}"#;
        assert_eq!(raw_member(line, &["id"]), "1.0");
        assert_eq!(raw_member(line, &["params", "requestId"]), r#""a\u0062""#);
        assert_eq!(raw_member(line, &["x"]), "null");
        assert_eq!(raw_member(line, &["y"]), "null");
    }

    #[test]
    fn wrong_types_are_absent() {
        let value = serde_json::json!({"a": {"b": 3}, "c": null});
        assert_eq!(str_at(&value, &["a", "b"]), None);
        assert_eq!(u64_at(&value, &["a", "b"]), Some(3));
        assert_eq!(at(&value, &["c"]), None);
        assert_eq!(clip("aé", 2), "a");
    }
}
