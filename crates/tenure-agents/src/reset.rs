//! When a rate limit is reset, where an agent or its provider says so in words.

use serde_json::{Value, json};
use tenure_core::agent::AgentError;
use tenure_event::Timestamp;

/// Words after which a stretch of time stands.
const PHRASES: &[&str] =
    &["try again in ", "retry in ", "retry after ", "retry-after: ", "resets in ", "reset in ", "wait "];

/// Puts into the data of an error what its message says about the reset, unless it is there.
pub(crate) fn note_reset(mut error: AgentError) -> AgentError {
    if error.code != "rate_limited" || error.resets_at(Timestamp::default()).is_some() {
        return error;
    }
    let Some((name, number)) = find(&error.message) else { return error };
    let data = error.data.take().filter(Value::is_object);
    let mut data = data.unwrap_or_else(|| json!({}));
    data[name] = Value::from(number);
    error.data = Some(data);
    error
}

fn find(message: &str) -> Option<(&'static str, i64)> {
    let text = message.to_ascii_lowercase();
    epoch(&text).map(|at| ("resets_at_seconds", at)).or_else(|| Some(("resets_in_ms", stretch(&text)?)))
}

/// `usage limit reached|1795139670`, and a point of time as RFC 3339 has it.
fn epoch(text: &str) -> Option<i64> {
    let digits = text.split('|').skip(1).filter_map(|rest| rest.get(..10));
    let mut stamps = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit())).filter_map(|d| d.parse().ok());
    stamps.next().or_else(|| {
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ','));
        let words = words.map(|word| word.trim_end_matches('.')).filter(|word| word.len() >= 20);
        let mut points = words.filter_map(|word| word.to_ascii_uppercase().parse::<Timestamp>().ok());
        Some(points.next()?.as_millis() / 1000)
    })
}

/// `try again in 1m30s`, `retry after 20`, `resets in 2 hours 5 minutes`; in milliseconds.
fn stretch(text: &str) -> Option<i64> {
    let (at, phrase) = PHRASES.iter().filter_map(|phrase| Some((text.find(phrase)?, *phrase))).min()?;
    let mut rest = text[at + phrase.len()..].trim_start_matches("about ").trim_start();
    let mut total = None;
    while let Some((ms, after)) = amount(rest, total.is_none()) {
        total = Some(ms + total.unwrap_or(0.0));
        rest = after.trim_start().trim_start_matches("and ").trim_start();
    }
    let ms = total.filter(|ms: &f64| (1.0..1e12).contains(ms))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
    Some(ms.ceil() as i64)
}

/// One number with its unit; the first may stand alone and is seconds then.
fn amount(text: &str, first: bool) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].trim_end_matches('.').parse().ok()?;
    let after = text[end..].trim_start();
    let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
    let ms = match &after[..unit_end] {
        "ms" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" => 6e4,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3.6e6,
        "d" | "day" | "days" => 8.64e7,
        _ if first => return Some((number * 1e3, "")),
        _ => return None,
    };
    Some((number * ms, &after[unit_end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_a_reset_is_found() {
        let at = Some(("resets_at_seconds", 1_795_139_670));
        let ms = |ms| Some(("resets_in_ms", ms));
        for (text, found) in [
            ("Claude AI usage limit reached|1795139670", at),
            ("429: limited, resets at 2026-11-20T03:14:30Z.", Some(("resets_at_seconds", 1_795_144_470))),
            ("Rate limit reached. Please try again in 1.5s.", ms(1_500)),
            ("Please try again in 1m30s", ms(90_000)),
            ("You've hit your usage limit. Try again in 3 hours 2 minutes.", ms(10_920_000)),
            ("Try again in 2 days and 1 hour", ms(176_400_000)),
            ("retry after 20", ms(20_000)),
            ("Retry-After: 7", ms(7_000)),
            ("please wait 250 ms", ms(250)),
            ("rate limit", None),
            ("try again in a while", None),
            ("try again in 0s", None),
            ("a|b|12", None),
            ("retry after 99999999999999999999 days", None),
        ] {
            assert_eq!(find(text), found, "{text}");
        }
    }

    #[test]
    fn only_rate_limits_are_looked_at_and_what_was_told_stays() {
        let error = |code: &str, data| AgentError {
            code: code.to_owned(),
            message: "try again in 20s".to_owned(),
            data,
        };
        assert_eq!(note_reset(error("model_error", None)).data, None);
        assert_eq!(note_reset(error("rate_limited", None)).data, Some(json!({"resets_in_ms": 20_000})));
        let told = Some(json!({"resets_at_seconds": 5, "kind": "x"}));
        assert_eq!(note_reset(error("rate_limited", told.clone())).data, told);
        let other = note_reset(error("rate_limited", Some(json!({"kind": "x"}))));
        assert_eq!(other.data, Some(json!({"kind": "x", "resets_in_ms": 20_000})));
    }
}
