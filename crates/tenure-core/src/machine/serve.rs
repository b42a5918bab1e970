//! Requests of the agent that Tenure serves: remembered until they are served, so that a daemon which was
//! away in between serves them again, or says that they are lost. Serving is the owner's business.

use super::{Act, Step};
use crate::agent::{AgentError, AgentRequest, Answer, Command, FsAnswer};

/// Requests that may be served at once.
const BOUND: usize = 256;
/// Bytes of a text to write that is kept with the state.
const KEPT_BYTES: usize = 64 * 1024;

impl Step<'_> {
    pub(super) fn serve(&mut self, token: String, request: AgentRequest) {
        if self.s.serving.len() >= BOUND && !self.s.serving.contains_key(&token) {
            self.refuse(token, "overloaded", "too many requests are open; wait for their answers");
            return;
        }
        let small = match &request {
            AgentRequest::FsRead { .. } => true,
            AgentRequest::FsWrite { content, .. } => content.len() <= KEPT_BYTES,
            // A command ends with its daemon: nothing of it can be had again.
            AgentRequest::Terminal(_) => false,
        };
        self.s.serving.insert(token.clone(), small.then(|| request.clone()));
        self.out.acts.push(Act::Serve { token, request });
    }

    /// A request was served: the agent gets its answer, once.
    pub(super) fn served(&mut self, token: String, answer: FsAnswer) {
        if self.s.serving.remove(&token).is_some() {
            self.send(Command::Answer(Answer::Fs { token, answer }));
        }
    }

    /// Nobody knows how far the requests came that were open when the daemon went away.
    pub(super) fn serve_again(&mut self) {
        for (token, request) in self.s.serving.clone() {
            if let Some(request) = request {
                self.out.acts.push(Act::Serve { token, request });
            } else {
                self.s.serving.remove(&token);
                self.refuse(
                    token,
                    "agent_error",
                    "the host was restarted meanwhile and this was lost, its commands too; ask again",
                );
            }
        }
    }

    fn refuse(&mut self, token: String, code: &str, message: &str) {
        let error = AgentError { code: code.to_owned(), message: message.to_owned(), data: None };
        self.send(Command::Answer(Answer::Fs { token, answer: FsAnswer::Error(error) }));
    }
}
