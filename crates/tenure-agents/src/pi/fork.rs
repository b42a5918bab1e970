//! A copy of the conversation. The program goes over to a copy as soon as it has made one, so
//! it is asked which one that is, and sent back to where it was.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Command, Signal};

use super::id::Asked;
use super::memory::error;
use super::{PiCodec, field, write};

impl PiCodec {
    /// The answer to `clone`.
    pub(super) fn cloned(&mut self, n: u64, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        out.push(match result {
            Ok(data) if field::flag(data, "cancelled") => refused(n, "an extension forbade the copy"),
            Ok(_) => Signal::Send(Command::Raw(write::own_line(n, &Asked::Copy, "get_state"))),
            Err(error) => Signal::Answered { n, result: Err(error) },
        });
    }

    /// The copy, as it was asked for. Whatever it is: this is not where we were.
    pub(super) fn copy_told(&mut self, n: u64, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        let copy = result.ok().and_then(|state| field::id(state, "sessionId")).unwrap_or_default();
        let path = self.memory.session_file.as_deref().unwrap_or_default();
        let line = write::back(n, copy, path);
        out.push(Signal::Send(Command::Raw(line)));
    }

    /// The answer to our word to go back.
    pub(super) fn back(
        &mut self,
        n: u64,
        copy: &str,
        result: Result<&Value, AgentError>,
        out: &mut Vec<Signal>,
    ) {
        let is_back = result.is_ok_and(|data| !field::flag(data, "cancelled"));
        if !is_back {
            // What it would be told now would be said in the copy.
            let what = "Pi made a copy of the conversation and did not come back from it.";
            out.push(refused(n, what));
            return out.push(Signal::HandshakeFailed(error("agent_error", what, None)));
        }
        let is_copy = !copy.is_empty() && self.memory.native_id.as_deref() != Some(copy);
        out.push(if is_copy {
            Signal::Answered { n, result: Ok(json!({"native_id": copy})) }
        } else {
            refused(n, "Pi did not say which conversation the copy is")
        });
    }
}

fn refused(n: u64, why: &str) -> Signal {
    Signal::Answered { n, result: Err(error("agent_error", why, None)) }
}
