//! Keeps known secrets out of events: the values of a session's environment and of its tool servers' headers, and
//! what its agent is given under names that mean a secret, are replaced before anything is stored or sent.

use bytes::Bytes;
use serde_json::Value;
use tenure_event::{Kind, NewEvent};

/// Values shorter than this are no secrets, and would hit ordinary text.
const SHORTEST: usize = 8;

/// What stands for a value that is kept begins so, and goes on with a space.
const MARK: &str = "<tenure-value";
/// The same where it was said by somebody: it is no mark then.
const SAID: &str = "<tenure-value_";
/// So much of a text, in bytes, is held back at most because it may be the beginning of a value.
const HELD: usize = 16 * 1024;

/// Replaces known values.
#[derive(Default)]
pub(super) struct Redactor {
    values: Vec<Known>,
}

/// A value, as it stands inside a JSON string.
struct Known {
    value: String,
    /// The value itself, and what stands there instead.
    raw: (String, String),
    /// Stands there instead in what is shown.
    instead: String,
    /// Stands there instead in what is kept and needed again, letter for letter.
    mark: String,
}

impl Redactor {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut redactor = Self::default();
        redactor.learn(secrets);
        redactor
    }

    /// Replaces these values, too.
    pub(super) fn learn<'a>(&mut self, secrets: impl Iterator<Item = (&'a str, &'a str)>) {
        let secrets = secrets.filter(|(name, value)| value.len() >= SHORTEST && !is_ordinary(name, value));
        for (name, value) in secrets {
            let raw = (value.to_owned(), format!("[{name}]"));
            let Some(value) = inside_json(value) else { continue };
            if self.values.iter().any(|known| known.value == value) {
                continue;
            }
            let instead = inside_json(&raw.1).unwrap_or_default();
            let nth = self.values.iter().filter(|known| known.instead == instead).count();
            let mark = inside_json(&format!("{MARK} {name} {nth}>")).unwrap_or_default();
            self.values.push(Known { value, raw, instead, mark });
        }
        // Longer ones first: one may hold another.
        self.values.sort_by_key(|known| std::cmp::Reverse(known.value.len()));
    }

    pub(super) fn event(&self, event: &mut NewEvent) {
        if self.values.is_empty() {
            return;
        }
        let Ok(data) = event.kind.data_json() else { return };
        let clean = self.text(&data);
        if clean == data {
            return;
        }
        let name = event.kind.name();
        let unknown = matches!(event.kind, Kind::Unknown { .. });
        let stays = |json: &String| unknown || !matches!(Kind::read(name, json), Kind::Unknown { .. });
        // A value that is a word of ours is no secret, and an event must stay what it is.
        if let Some(clean) = Some(clean).filter(&stays).or_else(|| self.by_strings(&data).filter(&stays)) {
            event.kind = Kind::read(name, &clean);
        }
    }

    /// Where a value seems to begin in the middle of an escape, the JSON cannot be changed as text.
    fn by_strings(&self, json: &str) -> Option<String> {
        let mut value = serde_json::from_str(json).ok()?;
        self.strings(&mut value);
        serde_json::to_string(&value).ok()
    }

    fn strings(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.raw(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.strings(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.strings(field)),
            _ => {}
        }
    }

    /// Text that is no JSON.
    pub(super) fn raw(&self, text: String) -> String {
        exchange(text, self.values.iter().map(|known| (&known.raw.0, &known.raw.1)))
    }

    /// How much of a text, in bytes, can be shown whatever comes after it: before what may be the beginning of a value.
    pub(super) fn certain(&self, text: &str) -> usize {
        let values = || self.values.iter().map(|known| known.raw.0.as_str());
        let begins = |value: &str| {
            let from = text.len().saturating_sub(HELD.min(value.len() - 1));
            starts(text, from).find(|at| value.starts_with(&text[*at..]))
        };
        let mut end = values().filter_map(begins).min().unwrap_or(text.len());
        // One that is whole is not cut in two.
        let across = |end: usize, value: &str| {
            let from = end.saturating_sub(value.len() - 1);
            starts(text, from)
                .take_while(|at| *at < end)
                .find(|at| text[*at..].starts_with(value) && at + value.len() > end)
        };
        while let Some(earlier) = values().find_map(|value| across(end, value)) {
            end = earlier;
        }
        end
    }

    /// A view as JSON. It stays one that can be read.
    pub(super) fn view<T: serde::de::DeserializeOwned>(&self, view: String) -> String {
        let clean = self.text(&view);
        if clean == view {
            return view;
        }
        let stays = |json: &String| serde_json::from_str::<T>(json).is_ok();
        Some(clean).filter(stays).or_else(|| self.by_strings(&view).filter(stays)).unwrap_or(view)
    }

    /// Text in which values stand as they stand in JSON strings.
    pub(super) fn text(&self, text: &str) -> String {
        exchange(text.to_owned(), self.values.iter().map(|known| (&known.value, &known.instead)))
    }

    /// The same for text that is no JSON.
    pub(super) fn plain(&self, text: String) -> String {
        self.raw(text)
    }

    /// JSON to be kept that must come back as it was: the private state has what an open ask needs, word for word.
    pub(super) fn hidden(&self, json: String) -> String {
        if self.values.is_empty() {
            return json;
        }
        let json = if json.contains(MARK) { json.replace(MARK, SAID) } else { json };
        exchange(json, self.values.iter().map(|known| (&known.value, &known.mark)))
    }

    /// What [`Self::hidden`] hid.
    pub(super) fn unhidden(&self, json: String) -> String {
        // Backwards: one may stand in another's mark.
        let json = exchange(json, self.values.iter().rev().map(|known| (&known.mark, &known.value)));
        if self.values.is_empty() || !json.contains(SAID) { json } else { json.replace(SAID, MARK) }
    }

    /// [`Self::hidden`] for a command that waits to be sent: it may repeat what the agent said.
    pub(super) fn hidden_bytes(&self, json: Vec<u8>) -> Bytes {
        if self.values.is_empty() {
            return json.into();
        }
        match String::from_utf8(json) {
            Ok(text) => self.hidden(text).into(),
            Err(other) => other.into_bytes().into(),
        }
    }

    /// What [`Self::hidden_bytes`] hid.
    pub(super) fn unhidden_bytes(&self, json: Bytes) -> Bytes {
        if self.values.is_empty() || memchr::memmem::find(&json, MARK.as_bytes()).is_none() {
            return json;
        }
        std::str::from_utf8(&json).map(|text| self.unhidden(text.to_owned()).into()).unwrap_or(json)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Paths, plain words and addresses on this machine are given in the environment too, and are no secrets: `production`
/// is to stay readable. A word under a name that says what it is stays hidden.
fn is_ordinary(name: &str, value: &str) -> bool {
    let word = value.bytes().all(|b| b.is_ascii_lowercase()) || value.bytes().all(|b| b.is_ascii_digit());
    value.starts_with('/')
        || value.starts_with("http://127.")
        || value.starts_with("http://localhost")
        || (word && !names_a_secret(name))
}

/// Whether a variable of this name carries a secret, as far as names tell.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let telling = ["KEY", "TOKEN", "SECRET", "PASS", "PWD", "AUTH", "CRED", "COOKIE", "SESSION"];
    telling.iter().any(|part| name.contains(part))
}

/// Where characters begin in a text, from here on.
fn starts(text: &str, from: usize) -> impl Iterator<Item = usize> {
    (from..text.len()).filter(|at| text.is_char_boundary(*at))
}

fn exchange<'a>(mut text: String, pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    for (from, to) in pairs {
        if text.contains(from.as_str()) {
            text = text.replace(from.as_str(), to);
        }
    }
    text
}

fn inside_json(value: &str) -> Option<String> {
    let quoted = serde_json::to_string(value).ok()?;
    Some(quoted.get(1..quoted.len().checked_sub(1)?)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_event::{Timestamp, WarningRaised};

    #[test]
    fn a_value_with_quotes_is_found_inside_json() {
        let secret = "pass\"word\\123";
        let redactor = Redactor::new([("TOKEN", secret)].into_iter());
        let kind =
            Kind::WarningRaised(WarningRaised { code: "x".into(), message: format!("it is {secret}!") });
        let mut event = NewEvent { ts: Timestamp::from_millis(0), turn_id: None, kind };
        redactor.event(&mut event);
        let Kind::WarningRaised(w) = event.kind else { panic!("another kind") };
        assert_eq!(w.message, "it is [TOKEN]!");
    }

    #[test]
    fn short_values_and_paths_are_left_alone() {
        let ordinary =
            [("A", "yes"), ("HOME", "/home/someone"), ("NODE_ENV", "production"), ("N", "1700000000")];
        assert!(Redactor::new(ordinary.into_iter()).is_empty());
        assert!(!Redactor::new([("DB_PASSWORD", "correcthorse")].into_iter()).is_empty());
    }

    #[test]
    fn what_is_kept_comes_back_letter_for_letter() {
        let pairs = [
            ("KEY", "secret-1\"x"),
            ("KEY", "secret-22"),
            ("LONGER", "secret-22-longer"),
            ("DIGIT", "4711-4712"),
        ];
        let redactor = Redactor::new(pairs.into_iter());
        let text = "secret-1\"x secret-22 secret-22-longer /srv/4711-4712 [KEY] <tenure-value KEY 0>";
        let json = serde_json::json!({"a": text, "secret-22": [text]}).to_string();
        let hidden = redactor.hidden(json.clone());
        assert!(["secret-", "4711"].iter().all(|part| !hidden.contains(part)), "{hidden}");
        assert_eq!(redactor.unhidden(hidden), json);
        assert_eq!(redactor.plain("it is secret-1\"x!".to_owned()), "it is [KEY]!");
    }

    /// The value seems to stand there once more, beginning in the middle of an escape.
    #[test]
    fn a_value_beside_an_escape_is_found() {
        let redactor = Redactor::new([("TOKEN", "nuggets-4711")].into_iter());
        let message = "nuggets-4711 and\nuggets-4711".to_owned();
        let kind = Kind::WarningRaised(WarningRaised { code: "x".into(), message });
        let mut event = NewEvent { ts: Timestamp::from_millis(0), turn_id: None, kind };
        redactor.event(&mut event);
        let Kind::WarningRaised(w) = event.kind else { panic!("another kind") };
        assert_eq!(w.message, "[TOKEN] and\nuggets-4711");
    }

    /// Whatever is called a secret, the log's own words stay.
    #[test]
    fn an_event_stays_what_it_is() {
        let redactor = Redactor::new([("API_KEY", "completed"), ("TOKEN", "turn_id\":\"t")].into_iter());
        let ended = r#"{"turn_id":"t","input_ids":[],"outcome":"completed"}"#;
        let kind = Kind::read("turn.completed", ended);
        assert!(matches!(kind, Kind::TurnCompleted(_)), "{kind:?}");
        let mut event = NewEvent { ts: Timestamp::from_millis(0), turn_id: None, kind: kind.clone() };
        redactor.event(&mut event);
        assert_eq!(event.kind, kind);
    }
}
