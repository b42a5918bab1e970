//! Whether the processes of tool servers live. An agent may say of one that died that it is connected, until it wants to
//! use it; others say nothing at all. A process is told by a variable that it was started with, so one whose environment
//! was taken from it (`sudo`, `env -i`) was never seen, and is not judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tenure_core::machine::State;
use tenure_event::{McpServer, McpStatus, SessionId, Support};
use tenure_host::{PidRef, process};

use crate::node::{Node, Shared};
use crate::owner::SERVER_MARK;

/// What is said of a server whose process has ended.
const ENDED: &str = "its process has ended; reconnect to it, if the agent does not start it again by itself when it uses \
                     it next";

/// The servers whose processes were seen, by session, with the agent's process that started them.
#[derive(Default)]
pub(crate) struct Seen {
    sessions: Mutex<BTreeMap<SessionId, (PidRef, BTreeSet<String>)>>,
}

impl Seen {
    /// Looks which of an agent's servers live; gives those that did, and do no more. Blocks on `/proc`.
    fn look(&self, id: &SessionId, agent: PidRef) -> BTreeSet<String> {
        let tree = process::tree(agent.pid);
        let alive: BTreeSet<String> =
            tree.iter().filter_map(|process| process::variable(process, SERVER_MARK)).collect();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.get(id).is_none_or(|(known, _)| *known != agent) {
            sessions.retain(|_, (agent, _)| agent.is_alive());
            sessions.insert(id.clone(), (agent, BTreeSet::new()));
        }
        let Some((_, seen)) = sessions.get_mut(id) else { return BTreeSet::new() };
        seen.extend(alive.iter().cloned());
        seen.difference(&alive).cloned().collect()
    }
}

impl Shared {
    /// The servers of a session whose processes have ended.
    pub(crate) async fn ended_servers(self: &Arc<Self>, id: &SessionId) -> BTreeSet<String> {
        let Some(agent) = self.processes.agent_of(id) else { return BTreeSet::new() };
        let (shared, id) = (Arc::clone(self), id.clone());
        let looked = tokio::task::spawn_blocking(move || shared.servers_seen.look(&id, agent));
        looked.await.unwrap_or_default()
    }
}

impl Node {
    /// What is told of a session's tool servers, corrected by what can be seen of their processes.
    pub(super) async fn with_ended(&self, state: &State) -> Vec<McpServer> {
        let mut servers = state.inside().mcp;
        if servers.iter().any(|server| may_have_ended(server, state)) {
            let ended = self.shared.ended_servers(&state.spec.id).await;
            let gone =
                |server: &&mut McpServer| may_have_ended(server, state) && ended.contains(&server.name);
            for server in servers.iter_mut().filter(gone) {
                server.status = McpStatus::Failed;
                server.error = Some(ENDED.to_owned());
            }
        }
        servers
    }
}

/// Whether it is a process, and the agent does not say itself that it does not work.
fn may_have_ended(server: &McpServer, state: &State) -> bool {
    let is_told = matches!(state.supports.get("mcp_status"), Some(Support::Yes(true)));
    let runs = server.status == McpStatus::Connected || (server.status == McpStatus::Pending && !is_told);
    runs && server.kind.as_deref() == Some("stdio")
}
