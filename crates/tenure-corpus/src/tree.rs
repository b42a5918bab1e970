//! The records of one conversation while it is made up: each hangs on the one before, unless it is told where else.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// A transcript that grows.
pub(crate) struct Tree {
    pub(crate) dice: Dice,
    pub(crate) session: String,
    pub(crate) cwd: String,
    pub(crate) branch: String,
    pub(crate) lines: Vec<String>,
    /// The record that the next one hangs on.
    pub(crate) leaf: Option<String>,
    /// Milliseconds since 1970 of the last record.
    now: i64,
    /// Of a subagent.
    pub(crate) agent: Option<String>,
}

impl Tree {
    pub(crate) fn new(dice: Dice, session: &str, cwd: &str, now: i64) -> Self {
        let (session, cwd) = (session.to_owned(), cwd.to_owned());
        Self {
            dice,
            session,
            cwd,
            branch: "main".to_owned(),
            lines: Vec::new(),
            leaf: None,
            now,
            agent: None,
        }
    }

    /// Milliseconds since 1970 of the last record.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now
    }

    /// Lets time go by.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.now += ms;
    }

    pub(crate) fn now(&mut self) -> String {
        self.now += 1 + i64::try_from(self.dice.below(4000)).unwrap_or(0);
        let (ms, seconds) = (self.now.rem_euclid(1000), self.now.div_euclid(1000));
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, date) = civil(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    /// A record without a place in the tree.
    pub(crate) fn aside(&mut self, record: Value) {
        self.lines.push(record.to_string());
    }

    /// A record of the tree, hung on the leaf; its name.
    pub(crate) fn hang(&mut self, kind: &str, more: Value) -> String {
        let (uuid, at) = (self.dice.uuid(), self.now());
        let mut record = Map::new();
        record.insert("parentUuid".into(), self.leaf.clone().map_or(Value::Null, Value::from));
        record.insert("isSidechain".into(), Value::from(self.agent.is_some()));
        if let Some(agent) = &self.agent {
            record.insert("agentId".into(), Value::from(agent.clone()));
        }
        record.insert("type".into(), Value::from(kind));
        if let Value::Object(more) = more {
            record.extend(more);
        }
        let around = json!({
            "uuid": uuid, "timestamp": at, "userType": "external", "entrypoint": "cli", "cwd": self.cwd, "sessionId": self.session,
            "version": "2.1.328", "gitBranch": self.branch,
        });
        if let Value::Object(around) = around {
            record.extend(around);
        }
        self.lines.push(Value::Object(record).to_string());
        self.leaf = Some(uuid.clone());
        uuid
    }

    /// Tells where a resume goes on.
    pub(crate) fn point(&mut self, leaf: &str) {
        let (session, text) = (self.session.clone(), self.dice.text(30));
        self.aside(
            json!({"type": "last-prompt", "lastPrompt": text, "leafUuid": leaf, "sessionId": session}),
        );
    }
}

/// Year, month and day of a day since 1970.
fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}
