//! The other verbs: interrupt, cancel, suspend, resume, close, kill, a new title. Each done one is kept with the event
//! that must tell of it.

use serde_json::json;

use super::Driver;
use crate::crash::told::DoneVerb;

impl Driver<'_> {
    pub(super) fn interrupt(&mut self) {
        let queue = if self.dice.chance(75) { "keep" } else { "discard" };
        let wait = if self.dice.chance(50) { "accepted" } else { "done" };
        let path = format!("/v1/sessions/{}/interrupt", self.id);
        let Some(reply) = self.ask("POST", &path, Some(&json!({"queue": queue, "wait": wait}))) else {
            return;
        };
        if !matches!(reply.status, 200 | 202) {
            self.odd("interrupt", &reply);
        }
    }

    /// Takes a queued input back, if one is queued.
    pub(super) fn cancel_one(&mut self) {
        let waiting: Vec<String> = self.seen.hold().now.waiting.iter().cloned().collect();
        let Some(id) = self.dice.pick(&waiting).cloned() else { return };
        let path = format!("/v1/sessions/{}/inputs/{id}", self.id);
        let Some(reply) = self.ask("DELETE", &path, None) else { return };
        match reply.status {
            200 => self.told.inputs.iter_mut().filter(|i| i.id == id).for_each(|i| i.cancelled = true),
            // It is being served, or was.
            404 | 409 => {}
            _ => self.odd(&format!("cancel {id}"), &reply),
        }
    }

    pub(super) fn suspend(&mut self) {
        // 409: closed.
        self.verb("suspend", Some("session.suspended"), &[409]);
    }

    pub(super) fn close(&mut self) {
        self.verb("close", Some("session.closed"), &[]);
    }

    pub(super) fn kill(&mut self) {
        self.verb("kill", Some("session.closed"), &[]);
    }

    pub(super) fn resume(&mut self) {
        // 409: its process is being ended at this moment, or ended before it was ready. 422: it did not start.
        self.verb("resume", None, &[409, 422]);
    }

    fn verb(&mut self, verb: &str, event: Option<&'static str>, also: &[u16]) {
        let after = self.seen.hold().now.last;
        let path = format!("/v1/sessions/{}/{verb}", self.id);
        let Some(reply) = self.ask("POST", &path, Some(&json!({}))) else { return };
        if reply.status != 200 {
            if !also.contains(&reply.status) {
                self.odd(verb, &reply);
            }
            return;
        }
        let hit = reply.json()["hit"].as_array().is_some_and(|hit| !hit.is_empty());
        if let Some(event) = event.filter(|_| hit) {
            self.told.verbs.push(DoneVerb { event, after });
        }
    }

    pub(super) fn retitle(&mut self) {
        let title = format!("{} title {}", self.id, self.told.titles.len() + 1);
        let path = format!("/v1/sessions/{}", self.id);
        let Some(reply) = self.ask("PATCH", &path, Some(&json!({"title": title}))) else { return };
        match reply.status {
            200 => self.told.titles.push(title),
            _ => self.odd("title", &reply),
        }
    }
}
