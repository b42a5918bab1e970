//! Keeps known secrets out of events: the values of a session's environment and of its tool servers' headers, and
//! what its agent is given under names that mean a secret, are replaced before anything is stored or sent.

use tenure_event::{Kind, NewEvent};

/// Values shorter than this are no secrets, and would hit ordinary text.
const SHORTEST: usize = 8;

/// Replaces known values.
#[derive(Default)]
pub(super) struct Redactor {
    /// The value as it stands inside a JSON string, and what stands there instead.
    values: Vec<(String, String)>,
}

impl Redactor {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut values: Vec<(String, String)> = secrets
            .filter(|(name, value)| value.len() >= SHORTEST && !is_ordinary(name, value))
            .filter_map(|(name, value)| Some((inside_json(value)?, format!("[{name}]"))))
            .collect();
        // Longer ones first: one may hold another.
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { values }
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
        let read = Kind::read(event.kind.name(), &clean);
        // A value that is a word of ours is no secret, and an event must stay what it is.
        if !matches!(read, Kind::Unknown { .. }) || matches!(event.kind, Kind::Unknown { .. }) {
            event.kind = read;
        }
    }

    /// A view as JSON. It stays one that can be read.
    pub(super) fn view<T: serde::de::DeserializeOwned>(&self, view: String) -> String {
        let clean = self.text(&view);
        if clean == view || serde_json::from_str::<T>(&clean).is_err() { view } else { clean }
    }

    /// Text in which values stand as they stand in JSON strings.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, instead) in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), instead);
            }
        }
        text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Paths, plain words and addresses on this machine are given in the environment too, and are no secrets: `production`
/// is to stay readable. A word under a name that says what it is stays hidden.
fn is_ordinary(name: &str, value: &str) -> bool {
    let word = value.bytes().all(|b| b.is_ascii_lowercase()) || value.bytes().all(|b| b.is_ascii_digit());
    let name = name.to_ascii_uppercase();
    let telling = ["KEY", "TOKEN", "SECRET", "PASS", "PWD", "AUTH", "CRED", "COOKIE", "SESSION"];
    value.starts_with('/')
        || value.starts_with("http://127.")
        || value.starts_with("http://localhost")
        || (word && !telling.iter().any(|part| name.contains(part)))
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
