//! Going to a point of a thread: finding the turn that is the last one kept, and cutting off what followed. A thread
//! that stands there already is left as it is.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Command, Decoded, Signal};

use super::CodexCodec;
use super::fault::fault;
use super::handshake::own;
use super::id::Asked;
use super::memory::Phase;
use crate::json::{list_at, str_at, string_at};

/// Turns of one page.
const PAGE: u64 = 20;

/// Asks for a page of turns, newest first.
pub(super) fn page(thread: &str, cursor: Option<&str>) -> Signal {
    let params = json!({
        "threadId": thread, "limit": PAGE, "sortDirection": "desc", "itemsView": "full", "cursor": cursor,
    });
    own(Asked::Point, "thread/turns/list", &params)
}

impl CodexCodec {
    /// A page of turns, newest first.
    pub(super) fn point_sought(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.no_point(&error.message, out),
        };
        for turn in list_at(answer, &["data"]) {
            let Some(id) = string_at(turn, &["id"]) else { continue };
            if self.is_kept(turn) {
                self.memory.kept = Some(id);
                return self.point_found(out);
            }
            self.memory.after_kept = Some(id);
        }
        match (string_at(answer, &["nextCursor"]), self.thread_of_the_point()) {
            (Some(cursor), Some(thread)) => out.push(page(&thread, Some(&cursor))),
            _ => self.no_point("the thread has no such turn", out),
        }
    }

    fn is_kept(&self, turn: &Value) -> bool {
        let Some(point) = self.record.resume.point() else { return false };
        let named = |item: &Value, key: &str| {
            str_at(item, &[key]).is_some_and(|id| point.kept.iter().any(|kept| kept == id))
        };
        list_at(turn, &["items"]).iter().any(|item| named(item, "clientId") || named(item, "id"))
    }

    fn thread_of_the_point(&self) -> Option<String> {
        match &self.record.resume {
            tenure_core::agent::ResumeHow::Fork(fork) => Some(fork.from.clone()),
            how => how.continues().map(str::to_owned),
        }
    }

    fn point_found(&mut self, out: &mut Decoded) {
        if self.memory.phase == Phase::Opening {
            return out.push(Signal::Send(Command::Open { how: self.record.resume.clone() }));
        }
        match (self.memory.thread.clone(), self.memory.after_kept.clone()) {
            (Some(thread), Some(before)) => {
                let params = json!({"threadId": thread, "beforeTurnId": before});
                out.push(own(Asked::Revert, "thread/revert", &params));
            }
            // Nothing followed.
            _ => self.returned(Ok(&Value::Null), out),
        }
    }

    /// What followed is cut off.
    pub(super) fn returned(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        match (outcome, self.memory.thread.clone()) {
            (Err(error), _) => self.no_point(&error.message, out),
            (Ok(_), thread) => {
                out.push(Signal::AtPoint { lasting: true });
                self.goes_on(&thread.unwrap_or_default(), out);
            }
        }
    }

    fn no_point(&mut self, why: &str, out: &mut Decoded) {
        self.fail(
            fault("resume_failed", format!("Codex could not go to that point of the thread: {why}")),
            out,
        );
    }
}
