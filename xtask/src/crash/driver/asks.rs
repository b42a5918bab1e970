//! Answering asks: after a random while, sometimes twice, and again when the first answer's fate is unknown.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Driver;
use crate::crash::nature::Nature;
use crate::crash::told::Answered;

/// When each open ask is to be answered.
#[derive(Debug, Default)]
pub(in crate::crash) struct Desk {
    due: BTreeMap<String, Instant>,
}

impl Driver<'_> {
    /// Answers what is due; with `all`, everything.
    pub(super) fn answer_asks(&mut self, all: bool) {
        let open: Vec<(String, Instant)> =
            self.seen.hold().now.open_asks.iter().map(|(id, at)| (id.clone(), *at)).collect();
        self.asks.due.retain(|id, _| open.iter().any(|(open, _)| open == id));
        let within = Nature::of(&self.id).answers_within_ms();
        for (id, opened) in open {
            let dice = &mut self.dice;
            let due = *self.asks.due.entry(id.clone()).or_insert_with(|| opened + dice.millis(0, within));
            if all || due <= Instant::now() {
                self.answer(&id);
                // The follower hears of it a little later.
                self.asks.due.insert(id, Instant::now() + Duration::from_millis(500));
            }
        }
    }

    fn answer(&mut self, ask_id: &str) {
        let decision = *self.dice.pick(&["allow", "allow", "deny", "cancel"]).unwrap_or(&"allow");
        self.decide(ask_id, decision);
        if self.dice.chance(20) {
            let other = if decision == "allow" { "deny" } else { "allow" };
            self.decide(ask_id, other);
        }
    }

    /// Whoever is told 200 was the one who decided; 409 tells what was decided before.
    fn decide(&mut self, ask_id: &str, decision: &'static str) {
        self.told.sent_decisions.insert((ask_id.to_owned(), decision));
        let body = json!({"decision": decision, "scope": "once"});
        let Some(reply) = self.ask("POST", &format!("/v1/asks/{ask_id}"), Some(&body)) else { return };
        match reply.status {
            200 => self.told.answers.push(Answered { ask_id: ask_id.to_owned(), decision }),
            409 => {
                let told = reply.json();
                let before = told["data"]["decision"].as_str().unwrap_or_default();
                let ours = ["allow", "deny", "cancel"].iter().find(|word| **word == before);
                let known =
                    ours.is_none_or(|word| self.told.sent_decisions.contains(&(ask_id.to_owned(), *word)));
                if told["data"]["state"] == "resolved" && !known {
                    self.odd(&format!("ask {ask_id} was decided by nobody"), &reply);
                }
            }
            _ => self.odd(&format!("answer to {ask_id}"), &reply),
        }
    }
}
