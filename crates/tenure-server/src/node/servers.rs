//! Tool servers as clients give them: whether they can be had, and what of them is secret.

mod alive;

use std::collections::{BTreeMap, BTreeSet};

use tenure_agents::catalog::known_supports;
use tenure_api::{McpServerConfig, McpTransportConfig, Problem, SetMcpServers};
use tenure_core::agent::{McpServerSpec, McpTransport};
use tenure_core::machine::McpName;
use tenure_core::{Reply, Request, machine::McpRequest};
use tenure_event::{McpServer, SessionId};
use tokio::sync::oneshot;

use super::{IdempotencyKey, Node, agents::AgentDef};
use crate::owner::Mail;

pub(crate) use alive::Seen;

/// Tool servers that one session may have.
const MOST: usize = 64;
/// Characters of a server's name.
const LONGEST: usize = 100;

/// Tool servers, and beside them what is secret of each: the values of its environment, or of its headers.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ServerSet {
    /// The servers, without these values.
    pub servers: Vec<McpServerSpec>,
    /// The values, by server.
    pub secrets: BTreeMap<String, BTreeMap<String, String>>,
}

impl ServerSet {
    pub(crate) fn new(configs: &[McpServerConfig]) -> Self {
        let mut secrets = BTreeMap::new();
        let servers = configs.iter().map(|server| {
            let transport = match server.transport.clone() {
                McpTransportConfig::Stdio { command, args, env } => {
                    McpTransport::Stdio { command, args, env }
                }
                McpTransportConfig::Http { url, headers } => McpTransport::Http { url, headers },
                McpTransportConfig::Sse { url, headers } => McpTransport::Sse { url, headers },
            };
            let values = transport.values().clone();
            let blank = values.keys().map(|name| (name.clone(), String::new())).collect();
            secrets.insert(server.name.clone(), values);
            McpServerSpec { name: server.name.clone(), transport: transport.with_values(blank) }
        });
        Self { servers: servers.collect(), secrets }
    }

    /// What the machine knows of them.
    pub(crate) fn names(&self) -> Vec<McpName> {
        names(&self.servers)
    }

    /// A server with its secrets, to compare it by.
    pub(crate) fn one(&self, name: &str) -> Option<(&McpServerSpec, Option<&BTreeMap<String, String>>)> {
        let server = self.servers.iter().find(|server| server.name == name)?;
        Some((server, self.secrets.get(name)))
    }
}

/// What the machine knows of tool servers.
pub(super) fn names(servers: &[McpServerSpec]) -> Vec<McpName> {
    let name = |server: &McpServerSpec| McpName {
        name: server.name.clone(),
        kind: server.transport.kind().to_owned(),
    };
    servers.iter().map(name).collect()
}

/// Whether a session of this agent can have these servers, as far as that is known before its handshake.
pub(super) fn check(servers: &[McpServerConfig], agent: &AgentDef) -> Result<(), Problem> {
    if servers.len() > MOST {
        return Err(Problem::invalid("mcp_servers", format!("give at most {MOST} servers")));
    }
    let supports = known_supports(agent.protocol);
    let mut names = BTreeSet::new();
    for (at, server) in servers.iter().enumerate() {
        let name = server.name.as_str();
        let invalid = |what: &str| Err(Problem::invalid(format!("mcp_servers[{at}].name"), what));
        if name.is_empty() || name.chars().count() > LONGEST || name.contains(char::is_control) {
            return invalid("a name has 1 to 100 characters, none of them a control character");
        }
        if !names.insert(name) {
            return Err(Problem::invalid("mcp_servers", format!("the name `{name}` is given twice")));
        }
        let verb = format!("mcp_{}", server.transport.kind());
        if let Some(tenure_event::Support::No(why)) = supports.get(&verb) {
            let problem = Problem::unsupported(&agent.name, &verb, why);
            return Err(Problem { field: Some("mcp_servers".into()), ..problem });
        }
    }
    Ok(())
}

impl Node {
    /// Replaces the tool servers that such requests have set.
    ///
    /// # Errors
    /// What the session's machine refuses, and `storage` where the secrets cannot be kept.
    pub async fn set_servers(
        &self,
        id: &SessionId,
        agent: &str,
        set: SetMcpServers,
        key: Option<IdempotencyKey>,
    ) -> Result<Reply, Problem> {
        if let Some(known) = self.shared.remembered::<Reply>(key.as_ref()).await? {
            return Ok(known);
        }
        if let Some(agent) = self.shared.agent(agent) {
            check(&set.mcp_servers, &agent)?;
        }
        let (reply, answer) = oneshot::channel();
        self.shared.post(id, Mail::Servers { set, key, reply }, answer).await
    }

    /// How a session's tool servers stand, as far as that is known now.
    ///
    /// # Errors
    /// As [`Node::inside`].
    pub async fn servers(&self, id: &SessionId) -> Result<Vec<McpServer>, Problem> {
        let state = self.state_of(id).await?;
        Ok(self.with_ended(&state).await)
    }

    /// Has the agent told how its tool servers stand, where it can tell that when asked; ends when it has answered.
    ///
    /// # Errors
    /// As [`Node::call`].
    pub async fn refresh_servers(&self, id: &SessionId) -> Result<(), Problem> {
        self.call(id, Request::Mcp(McpRequest::Refresh), None).await?;
        self.told(id, |reply| Mail::ServersTold { reply }).await
    }
}
