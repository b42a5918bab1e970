//! A limit holds a session, and is raised: what waited is served, once.

use serde_json::{Value, json};

use super::{Doer, Done, expect};
use crate::crash::daemon::Place;

/// More turns than are ever asked for.
const MANY: u64 = 100;

impl Doer<'_> {
    pub(super) fn limits(&mut self, place: &Place, id: &str) -> Done {
        let dir = place.workspace(id);
        super::picture::furnish(&dir, "limited")?;
        self.create(place, id, json!({"cwd": dir.to_string_lossy(), "limits": {"turns": 1}}))?;
        if self.say(id, 1, "hello")? != "completed" {
            // Its agent was killed, perhaps before there was a turn to count.
            return self.destroy(id);
        }
        let (path, held) = (format!("/v1/sessions/{id}/inputs"), format!("{id}i2"));
        let body = json!({"input": "hello again", "id": held});
        self.insist("POST", &path, Some(&body), None, &[])?;
        // Not at once after a start of the daemon: what waits for its process to be found is held when that is.
        let waits =
            |view: &Value| view["limit_reached"] == "turns" && view["queue"][0]["input_id"] == held.as_str();
        self.shows(&format!("/v1/sessions/{id}"), "it is not held", waits)?;
        let raise = json!({"limits": {"turns": MANY}});
        self.insist("PATCH", &format!("/v1/sessions/{id}/config"), Some(&raise), None, &[])?;
        if self.say(id, 2, "hello again")? != "agent_exited" {
            self.once(id, "input.started", "input_id", &held);
        }
        let view = self.get(&format!("/v1/sessions/{id}"))?;
        expect(view["limit_reached"].is_null(), || format!("it is still held: {view}"))?;
        self.destroy(id)
    }
}
