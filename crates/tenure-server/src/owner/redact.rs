//! Keeps known secrets out of events: the values of a session's environment and of its tool
//! servers' headers are replaced before anything is stored or sent.

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
            .filter(|(_, value)| value.len() >= SHORTEST && !is_ordinary(value))
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
        if clean != data {
            event.kind = Kind::read(event.kind.name(), &clean);
        }
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

/// Paths, flags and addresses on this machine are given in the environment too, and are no secrets.
fn is_ordinary(value: &str) -> bool {
    value.starts_with('/') || value.starts_with("http://127.") || value.starts_with("http://localhost")
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
        let redactor = Redactor::new([("A", "yes"), ("HOME", "/home/someone")].into_iter());
        assert!(redactor.is_empty());
    }
}
