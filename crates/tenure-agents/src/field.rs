//! Reading fields of a frame that may be anything: a wrong type reads as absent, and
//! text that is shown or remembered is cut to a bound. No frame is understood here.

use serde_json::Value;
use tenure_event::TaskOutput;

/// Longest id, in bytes, that is taken for one.
const ID_MAX: usize = 256;

/// A text, whatever its length.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A text that is not empty and short enough for an id.
pub(crate) fn id<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    text(value, key).filter(|id| !id.is_empty() && id.len() <= ID_MAX)
}

/// A number that counts something.
pub(crate) fn count(value: &Value, key: &str) -> Option<u64> {
    let value = value.get(key)?;
    // A count beyond 2^53 or with a fraction is no count that anybody sent on purpose.
    value.as_u64().or_else(|| value.as_f64().filter(|n| (0.0..9e15).contains(n)).map(|n| n as u64))
}

/// `true`, and nothing else.
pub(crate) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The items of a list, none if it is no list.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Most that is remembered of what a task wrote, in bytes.
pub(crate) const OUTPUT_MAX: usize = 32 * 1024;

/// The end of what a task wrote.
pub(crate) fn task_output(text: &str) -> TaskOutput {
    let end = tail(text, OUTPUT_MAX);
    TaskOutput::Text { text: end.to_owned(), truncated: end.len() < text.len() }
}

/// The last bytes of a text, cut at a character's edge.
pub(crate) fn tail(text: &str, max: usize) -> &str {
    let mut start = text.len().saturating_sub(max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// A list of ids; what is no id is left out.
pub(crate) fn ids(value: &Value, key: &str) -> Option<Vec<String>> {
    let list = value.get(key)?.as_array()?;
    Some(
        list.iter()
            .filter_map(Value::as_str)
            .filter(|id| !id.is_empty() && id.len() <= ID_MAX)
            .map(str::to_owned)
            .collect(),
    )
}

/// `text` cut to `max` characters, with an ellipsis where it was cut.
pub(crate) fn clip(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The first line of `text` that says anything, cut to what fits a line for people.
pub(crate) fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { clip(&format!("{first} …"), 200) } else { clip(first, 200) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_read_as_absent() {
        let value = json!({"a": 1, "b": "x", "c": [1, "y", ""], "d": -3, "e": 2.5, "f": "true"});
        assert_eq!(text(&value, "a"), None);
        assert_eq!(id(&value, "b"), Some("x"));
        assert_eq!(ids(&value, "c"), Some(vec!["y".to_owned()]));
        assert_eq!(ids(&value, "b"), None);
        assert_eq!(count(&value, "d"), None);
        assert_eq!(count(&value, "e"), Some(2));
        assert!(!flag(&value, "f"));
        assert!(items(&value, "b").is_empty());
    }

    #[test]
    fn lines_for_people_are_one_line_and_short() {
        assert_eq!(one_line("\n  ls -la\n"), "ls -la");
        assert_eq!(one_line("cat <<E\nx\nE"), "cat <<E …");
        assert_eq!(one_line(&"ü".repeat(300)).chars().count(), 201);
    }

    #[test]
    fn the_end_of_a_text_begins_with_a_whole_character() {
        assert_eq!((tail("aéb", 3), tail("aéb", 2), tail("aéb", 9), tail("", 3)), ("éb", "b", "aéb", ""));
        let long = "x".repeat(OUTPUT_MAX + 1);
        let TaskOutput::Text { text, truncated } = task_output(&long) else { panic!() };
        assert_eq!((text.len(), truncated), (OUTPUT_MAX, true));
    }
}
