//! This project's daemon, by its own interface.

use super::Server;
use crate::bench::daemon::{Daemon, Durability};
use crate::bench::figures::send;
use crate::wire::Endpoint;

/// A daemon of the release binary in a scratch home.
pub(crate) struct Tenure {
    daemon: Daemon,
    name: String,
}

impl Tenure {
    pub(crate) fn start(durability: Durability) -> anyhow::Result<Self> {
        let daemon = Daemon::start(durability)?;
        Ok(Self { daemon, name: format!("tenure ({})", durability.word()) })
    }
}

impl Server for Tenure {
    fn name(&self) -> &str {
        &self.name
    }

    fn create(&mut self) -> anyhow::Result<String> {
        self.daemon.session(&mut self.daemon.client()?)
    }

    fn send(&mut self, session: &str, text: &str) -> anyhow::Result<()> {
        send(&mut self.daemon.client()?, session, text, "accepted").map(drop)
    }

    fn follow(&self, session: &str) -> anyhow::Result<(Endpoint, String)> {
        let path = format!("/v1/sessions/{session}/events/stream?after=0&types=tool.*");
        Ok((self.daemon.endpoint().clone(), path))
    }
}
