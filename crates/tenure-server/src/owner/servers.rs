//! Another set of tool servers: its secrets are kept before the set is asked for, under a number of its own, and the
//! number is what the machine knows. So a crash in between leaves a set that nobody names, and it goes with the next one.

use tenure_api::{ErrorCode, Problem, SetMcpServers};
use tenure_core::agent::{EncodeContext, McpServerSpec, McpTransport};
use tenure_core::machine::McpRequest;
use tenure_core::{Reply, Request};
use tenure_event::{Kind, NewEvent};
use tokio::sync::oneshot;

use super::stored::session_dir;
use super::{Owner, off_thread};
use crate::node::{IdempotencyKey, ServerSet};
use crate::problem;

impl Owner {
    pub(super) async fn set_servers(
        &mut self,
        set: SetMcpServers,
        key: Option<IdempotencyKey>,
    ) -> Result<Reply, Problem> {
        if let Some(known) = self.shared.remembered::<Reply>(key.as_ref()).await? {
            return Ok(known);
        }
        let state = self.machine.state();
        if state.changes_servers() {
            let what = "the agent is changing its tool servers; try again when it has";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.id));
        }
        let now = state.servers.set;
        let old = self.private.mcp_sets.get(&now).cloned().unwrap_or_default();
        let new = replaced(&old, &set)?;
        let request = |number: u32, changed: Vec<String>| {
            Request::Mcp(McpRequest::Set { set: number, servers: new.names(), changed })
        };
        if new == old {
            return self.ask(request(now, Vec::new()), key).await;
        }
        let changed = old.servers.iter().map(|server| server.name.clone());
        let changed =
            changed.filter(|name| new.one(name).is_some() && new.one(name) != old.one(name)).collect();
        let number = self.private.mcp_sets.keys().copied().fold(now, u32::max) + 1;
        self.keep_set(now, number, new.clone()).await?;
        self.ask(request(number, changed), key).await
    }

    /// Keeps the secrets of a set beside those of the set that is in force.
    async fn keep_set(&mut self, now: u32, number: u32, set: ServerSet) -> Result<(), Problem> {
        let mut private = self.private.clone();
        private.mcp_sets.retain(|kept, _| *kept == now);
        private.mcp_sets.insert(number, set);
        let (dir, copy) = (session_dir(&self.shared.home, &self.id), private.clone());
        off_thread(move || copy.write(&dir)).await.map_err(|e| {
            let advice = problem::remedy(&e, "make the home writable");
            let what = format!("the session's private file cannot be written: {e}; {advice}");
            Problem::new(ErrorCode::Storage, what).about(&self.id)
        })?;
        self.private = private;
        self.redactor.learn(self.private.secret_values());
        self.secrets = self.private.context(&self.id);
        Ok(())
    }

    /// What of a step makes it worth a look at the servers' processes: they are there now, whatever becomes of them.
    pub(super) fn look_at_servers(&self, events: &[NewEvent]) {
        let has = !self.private.mcp_servers.is_empty() || !self.private.mcp_sets.is_empty();
        let tells = |event: &NewEvent| matches!(event.kind, Kind::McpChanged(_) | Kind::TurnCompleted(_));
        if has && events.iter().any(tells) {
            let (shared, id) = (std::sync::Arc::clone(&self.shared), self.id.clone());
            self.shared.tasks.spawn(async move { shared.ended_servers(&id).await });
        }
    }

    /// Answers once the agent has told how its servers stand, or will not.
    pub(super) fn servers_told(&mut self, reply: oneshot::Sender<()>) {
        self.asking.retain(|waiting| !waiting.is_closed());
        self.asking.push(reply);
        self.tell_servers_told();
    }

    pub(super) fn tell_servers_told(&mut self) {
        if !self.asking.is_empty() && !self.machine.state().asks_for_servers() {
            for waiting in self.asking.drain(..) {
                // Whoever does not wait any more needs no answer.
                let _ = waiting.send(());
            }
        }
    }
}

/// The variable that tells which tool server a process is.
pub(crate) const SERVER_MARK: &str = "TENURE_MCP_SERVER";

/// A server whose process, if it is one, can be told by its environment.
pub(super) fn marked(server: McpServerSpec) -> McpServerSpec {
    let McpServerSpec { name, mut transport } = server;
    if let McpTransport::Stdio { env, .. } = &mut transport {
        env.insert(SERVER_MARK.to_owned(), name.clone());
    }
    McpServerSpec { name, transport }
}

/// The set that takes the place of the old one.
fn replaced(old: &ServerSet, wanted: &SetMcpServers) -> Result<ServerSet, Problem> {
    let mut set = ServerSet::new(&wanted.mcp_servers);
    for (at, name) in wanted.keep.iter().enumerate() {
        let field = || format!("keep[{at}]");
        if set.one(name).is_some() {
            return Err(Problem::invalid(field(), format!("the server `{name}` is named twice")));
        }
        let Some((server, secrets)) = old.one(name) else {
            let what = format!("no earlier request has set a server `{name}`, so there is nothing to keep");
            return Err(Problem::invalid(field(), what));
        };
        set.servers.push(server.clone());
        set.secrets.insert(name.clone(), secrets.cloned().unwrap_or_default());
    }
    set.servers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(set)
}

impl super::Private {
    /// What is filled in when commands are put into words.
    pub(super) fn context(&self, id: &tenure_event::SessionId) -> EncodeContext {
        let sets = self.mcp_sets.keys().map(|number| (*number, self.marked_set(id, *number)));
        EncodeContext { mcp_secrets: self.placeholders(id), mcp_sets: sets.collect() }
    }
}
