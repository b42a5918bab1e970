//! Going to a point of a session. Pi keeps what was said as a tree in one file, and goes over to another file that ends
//! before a prompt; so the point is found among the entries that lead to the last one, and the prompt that follows it.

use serde_json::Value;
use tenure_core::agent::{AgentError, Command, Signal};

use super::memory::error;
use super::{PiCodec, field, write};

impl PiCodec {
    /// The answer to `get_entries`.
    pub(super) fn entries_told(&mut self, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        if self.memory.ready || self.memory.failed {
            return;
        }
        let entries = match result {
            Ok(entries) => entries,
            Err(failure) => return self.of_no_use(failure, out),
        };
        match self.first_left(entries) {
            Ok(Some(entry)) => out.push(Signal::Send(Command::Raw(write::leave(&entry)))),
            Ok(None) => self.at_the_point(out),
            Err(why) => self.of_no_use(error("resume_failed", why, None), out),
        }
    }

    /// The prompt that is the first to be left behind; none if nothing followed the point.
    fn first_left(&self, told: &Value) -> Result<Option<String>, &'static str> {
        let kept = self.record.resume.point().map_or(&[][..], |point| &point.kept);
        let path = path(told);
        let said = |entry: &&Value, key: &str| {
            let id = entry.get("message").and_then(|message| field::id(message, key));
            id.is_some_and(|id| kept.iter().any(|kept| kept == id))
        };
        let Some(at) = path.iter().rposition(|entry| said(entry, "responseId")) else {
            return Err(
                "Pi has no answer with this name, so it cannot be told where to go; its model's provider names none",
            );
        };
        let is_prompt = |entry: &Value| {
            entry.get("message").and_then(|message| field::text(message, "role")) == Some("user")
        };
        let prompt = path[at..].iter().find(|entry| is_prompt(entry));
        Ok(prompt.and_then(|entry| field::id(entry, "id")).map(str::to_owned))
    }

    /// The answer to our word to go there.
    pub(super) fn left(&mut self, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        if self.memory.ready || self.memory.failed {
            return;
        }
        match result {
            Ok(data) if field::flag(data, "cancelled") => {
                let what = "An extension of Pi forbade to go to that point of the session.";
                self.of_no_use(error("resume_failed", what, None), out);
            }
            Ok(_) => self.at_the_point(out),
            Err(failure) => self.of_no_use(error("resume_failed", &failure.message, failure.data), out),
        }
    }

    fn at_the_point(&mut self, out: &mut Vec<Signal>) {
        out.push(Signal::AtPoint { lasting: true });
        let questions = write::questions_after(&self.record);
        out.extend(questions.map(|line| Signal::Send(Command::Raw(line))));
    }
}

/// The entries that lead to the last one, oldest first.
fn path(told: &Value) -> Vec<&Value> {
    let entries = field::items(told, "entries");
    let by_id: std::collections::HashMap<&str, &Value> =
        entries.iter().filter_map(|entry| Some((field::id(entry, "id")?, entry))).collect();
    let mut path = Vec::new();
    let mut at = field::id(told, "leafId");
    // A path is no longer than the list: one that leads in a circle ends.
    while let Some(entry) = at.and_then(|id| by_id.get(id)).filter(|_| path.len() < entries.len()) {
        path.push(*entry);
        at = field::id(entry, "parentId");
    }
    path.reverse();
    path
}
