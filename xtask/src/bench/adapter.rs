//! What a comparison asks of a server, whichever it is: create a session of the built-in agent, send it an input,
//! follow it. `tenure` is this project's own; `generic` is any server of HTTP and server-sent events that a file
//! describes. The agent, its script and the client that measures are the same for all.

mod generic;
mod tenure;

pub(super) use generic::Generic;
pub(super) use tenure::Tenure;

use crate::wire::Endpoint;

/// A server under comparison.
pub(super) trait Server {
    /// For people.
    fn name(&self) -> &str;
    /// A new session of the built-in agent; its id.
    fn create(&mut self) -> anyhow::Result<String>;
    /// Sends an input; returns when the server has taken it.
    fn send(&mut self, session: &str, text: &str) -> anyhow::Result<()>;
    /// Where the session's events are streamed. Each `data:` line holds an event; those that carry a mark of the
    /// agent are counted.
    fn follow(&self, session: &str) -> anyhow::Result<(Endpoint, String)>;
}
