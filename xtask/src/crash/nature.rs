//! What makes sessions, and runs, unlike each other: agents with habits, permissions, limits, and the daemon's own
//! configuration. Chosen by the session's number and by the seed, so that every run has some of each.

use serde_json::{Value, json};

use super::daemon::Place;
use super::dice::Dice;

/// How a session is, by its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature(u64);

impl Nature {
    pub(super) fn of(session: &str) -> Self {
        Self(session.trim_start_matches('s').parse().unwrap_or(0) % 8)
    }

    /// It is seldom closed, killed or suspended: its processes outlive many daemons.
    pub(super) fn is_calm(self) -> bool {
        self.0.is_multiple_of(2)
    }

    /// Answers to its asks come after so many milliseconds, at most.
    pub(super) fn answers_within_ms(self) -> u64 {
        if self.0 == 6 { 2500 } else { 400 }
    }

    /// The request that creates it.
    pub(super) fn creates(self, id: &str, place: &Place) -> Value {
        let mut env = json!({
            "PATH": "/usr/bin:/bin", "HOME": place.mark(),
            "TENURE_SCRIPTED_RECORD": place.record(id).to_string_lossy(),
        });
        let mut body = json!({
            "agent": "scripted", "id": id, "cwd": place.workspace(id).to_string_lossy(), "inherit_env": [],
        });
        match self.0 {
            1 => body["restart"] = json!("on_crash"),
            2 => body["limits"] = json!({"idle_seconds": 1}),
            // Such an agent tells the whole conversation again when it is taken up.
            3 => env["TENURE_SCRIPTED_NO_RESUME"] = json!("1"),
            4 => env["TENURE_SCRIPTED_NO_MESSAGE_ID"] = json!("1"),
            5 => env["TENURE_SCRIPTED_STRING_IDS"] = json!("1"),
            6 => body["permissions"] = json!({"ask_timeout_seconds": 1}),
            7 => body["permissions"] = json!({"default": "allow"}),
            _ => {}
        }
        body["env"] = env;
        body
    }
}

/// A `config.toml` for the run.
pub(super) fn configuration(dice: &mut Dice) -> String {
    let durability = if dice.chance(50) { "power" } else { "process" };
    let cgroups = dice.chance(70);
    // A small one holds agents that write while there is no daemon.
    let quota: u64 = if dice.chance(40) { 150_000 } else { 256 << 20 };
    format!(
        "[log]\ndurability = \"{durability}\"\n\n[sessions]\ncgroups = {cgroups}\nspool_quota_bytes = {quota}\n"
    )
}
