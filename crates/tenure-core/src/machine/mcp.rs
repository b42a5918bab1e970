//! Tool servers: those that clients want, and how they stand. A set counts once the agent has it; without a process it is
//! what the next one starts with. How a server is reached, and its secrets, are kept elsewhere: here are names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_api::{ErrorCode, Problem};
use tenure_event::{Kind, Lifecycle, McpChange, McpChanged, McpServer, McpStatus, McpVerb};

use super::call::Call;
use super::{State, Step};
use crate::agent::Command;
use crate::{Reply, Until};

/// A tool server that a client wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpName {
    /// Its name.
    pub name: String,
    /// `stdio`, `http` or `sse`.
    pub kind: String,
}

/// The tool servers that clients want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServers {
    /// Those that the session was created with.
    pub given: Vec<McpName>,
    /// Those of the set that was put in place last.
    #[serde(default)]
    pub put: Vec<McpName>,
    /// The number of that set; 0 before there is one.
    #[serde(default)]
    pub set: u32,
    /// Names of those that are not to be used.
    #[serde(default)]
    pub off: BTreeSet<String>,
}

/// What clients can ask about tool servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum McpRequest {
    /// Put this set in the place of the last one.
    Set {
        /// Its number.
        set: u32,
        /// Its servers.
        servers: Vec<McpName>,
        /// Names of those that were there before, and otherwise.
        changed: Vec<String>,
    },
    /// Use it again.
    Enable {
        /// Which.
        name: String,
    },
    /// Use it no more.
    Disable {
        /// Which.
        name: String,
    },
    /// Connect to it again.
    Reconnect {
        /// Which.
        name: String,
    },
    /// Ask the agent how they stand.
    Refresh,
}

impl McpRequest {
    /// As capabilities name it.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Set { .. } | Self::Enable { .. } | Self::Disable { .. } => "mcp_change",
            Self::Reconnect { .. } => "mcp_reconnect",
            Self::Refresh => "mcp_status",
        }
    }

    /// What is told once it is done.
    fn change(&self) -> Option<McpChange> {
        let (verb, name) = match self {
            Self::Set { .. } => (McpVerb::Set, None),
            Self::Enable { name } => (McpVerb::Enable, Some(name.clone())),
            Self::Disable { name } => (McpVerb::Disable, Some(name.clone())),
            Self::Reconnect { name } => (McpVerb::Reconnect, Some(name.clone())),
            Self::Refresh => return None,
        };
        Some(McpChange { verb, name, added: Vec::new(), removed: Vec::new(), errors: BTreeMap::new() })
    }
}

impl McpServers {
    pub(super) fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    fn all(&self) -> impl Iterator<Item = &McpName> {
        self.given.iter().chain(&self.put)
    }

    fn has(&self, name: &str) -> bool {
        self.all().any(|server| server.name == name)
    }

    fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|server| server.name == name)
    }
}

impl State {
    /// Tool servers as they stand: those that clients want, and those of the agent's own configuration.
    pub(super) fn tool_servers(&self) -> Vec<McpServer> {
        let wanted = self.servers.all().map(|server| self.stands(server));
        let own = self.mcp.iter().filter(|told| !self.servers.has(&told.name)).cloned();
        wanted.chain(own).collect()
    }

    fn stands(&self, server: &McpName) -> McpServer {
        let off = self.servers.off.contains(&server.name);
        let told = self.mcp.iter().find(|told| told.name == server.name && !off).cloned();
        let silent = || McpServer {
            name: server.name.clone(),
            kind: None,
            status: if off { McpStatus::Disabled } else { McpStatus::Pending },
            error: None,
            server_info: None,
            scope: None,
            tools: Vec::new(),
        };
        let from = if self.servers.is_given(&server.name) { "create" } else { "put" };
        McpServer {
            kind: Some(server.kind.clone()),
            scope: Some(from.to_owned()),
            ..told.unwrap_or_else(silent)
        }
    }

    /// Whether the agent was asked how they stand, and has not answered.
    #[must_use]
    pub fn asks_for_servers(&self) -> bool {
        self.calls.values().any(|call| *call == Call::Mcp(McpRequest::Refresh))
    }

    /// Whether the agent is changing the set at this moment.
    #[must_use]
    pub fn changes_servers(&self) -> bool {
        self.calls.values().any(|call| matches!(call, Call::Mcp(request) if request.verb() == "mcp_change"))
    }
}

impl Step<'_> {
    pub(super) fn mcp(&mut self, request: McpRequest) -> Result<Reply, Problem> {
        if request == McpRequest::Refresh {
            return Ok(self.refresh_servers());
        }
        if self.s.lifecycle == Lifecycle::Failed {
            let what = "the session has failed; `resume` tries it again, then change its tool servers";
            return Err(Problem::new(ErrorCode::Closed, what).about(&self.s.spec.id));
        }
        self.check_servers(&request)?;
        let hit: Vec<String> = match &request {
            McpRequest::Set { .. } => vec![format!("session:{}", self.s.spec.id)],
            McpRequest::Enable { name } | McpRequest::Disable { name } | McpRequest::Reconnect { name } => {
                vec![format!("mcp:{name}")]
            }
            McpRequest::Refresh => Vec::new(),
        };
        if self.is_so(&request) {
            return Ok(self.done(Vec::new(), Until::Now));
        }
        self.out.full = true;
        let ours = request.verb() == "mcp_change" && self.is_ours(&request);
        if ours && self.s.process.is_none() {
            self.change_servers(request, None, None);
            return Ok(self.done(hit, Until::Now));
        }
        self.must_be_ready(request.verb())?;
        self.may_call_servers(&request)?;
        let n = self.call(Call::Mcp(request), None);
        Ok(self.done(hit, Until::Answers(vec![n])))
    }

    fn check_servers(&self, request: &McpRequest) -> Result<(), Problem> {
        match request {
            McpRequest::Set { servers, .. } => {
                for server in servers {
                    if self.s.servers.is_given(&server.name) {
                        let what = format!(
                            "the session was created with a server `{}`; give another name, or disable that one",
                            server.name
                        );
                        return Err(Problem::invalid("mcp_servers", what));
                    }
                    let way = format!("mcp_{}", server.kind);
                    if !self.s.supports.is_empty() && !self.supports(&way) {
                        return Err(self.unsupported(&way));
                    }
                }
                Ok(())
            }
            McpRequest::Enable { name } | McpRequest::Disable { name } | McpRequest::Reconnect { name } => {
                let again = matches!(request, McpRequest::Reconnect { .. });
                if again && !self.s.supports.is_empty() && !self.supports(request.verb()) {
                    return Err(self.unsupported(request.verb()));
                }
                if !self.s.servers.has(name) && !self.s.mcp.iter().any(|told| told.name == *name) {
                    let what = format!("the session has no tool server {name:?}; `mcp` lists them");
                    return Err(Problem::new(ErrorCode::NotFound, what).about(&self.s.spec.id));
                }
                let off =
                    matches!(request, McpRequest::Reconnect { .. }) && self.s.servers.off.contains(name);
                if off {
                    let what = format!("tool server {name:?} is disabled; enable it, which connects to it");
                    return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
                }
                Ok(())
            }
            McpRequest::Refresh => Ok(()),
        }
    }

    /// Whether it is as it was asked for.
    fn is_so(&self, request: &McpRequest) -> bool {
        let told = |name: &str| self.s.tool_servers().into_iter().find(|server| server.name == name);
        let off = |name: &str| told(name).is_some_and(|server| server.status == McpStatus::Disabled);
        match request {
            McpRequest::Set { set, .. } => *set == self.s.servers.set && !self.s.changes_servers(),
            McpRequest::Enable { name } => !off(name) && !self.s.changes_servers(),
            McpRequest::Disable { name } => off(name) && !self.s.changes_servers(),
            McpRequest::Reconnect { .. } | McpRequest::Refresh => false,
        }
    }

    /// Whether it is about servers that clients want, not about those of the agent's own configuration.
    fn is_ours(&self, request: &McpRequest) -> bool {
        match request {
            McpRequest::Enable { name } | McpRequest::Disable { name } => self.s.servers.has(name),
            _ => true,
        }
    }

    fn may_call_servers(&self, request: &McpRequest) -> Result<(), Problem> {
        let verb = request.verb();
        if verb == "mcp_change" && !self.supports(verb) && self.is_ours(request) && self.supports("resume") {
            let why = format!(
                "{}; `suspend` the session first: its next process starts with what you set then",
                self.why_not(verb)
            );
            return Err(Problem::unsupported(&self.s.spec.agent, verb, &why).about(&self.s.spec.id));
        }
        self.may_call(verb)?;
        if verb == "mcp_change" && self.s.changes_servers() {
            let what = "the agent is changing its tool servers; try again when it has";
            return Err(Problem::new(ErrorCode::Busy, what).about(&self.s.spec.id));
        }
        Ok(())
    }

    /// Asks the agent how they stand, where it tells that when asked.
    fn refresh_servers(&mut self) -> Reply {
        let can = self.must_be_ready("mcp_status").is_ok() && self.supports("mcp_status");
        if can && !self.s.asks_for_servers() && !self.calls_are_full() {
            self.call(Call::Mcp(McpRequest::Refresh), None);
        }
        self.done(Vec::new(), Until::Now)
    }

    /// What the agent is told of a request.
    pub(super) fn mcp_command(&self, request: &McpRequest) -> Command {
        let servers = &self.s.servers;
        let set_with = |off: BTreeSet<String>| Command::SetMcpServers {
            set: servers.set,
            off: off.into_iter().collect(),
        };
        let toggle = |name: &str, enabled| Command::ToggleMcp { name: name.to_owned(), enabled };
        match request {
            McpRequest::Set { set, .. } => {
                Command::SetMcpServers { set: *set, off: servers.off.iter().cloned().collect() }
            }
            McpRequest::Enable { name } if servers.has(name) => {
                set_with(servers.off.iter().filter(|off| *off != name).cloned().collect())
            }
            McpRequest::Disable { name } if servers.has(name) => {
                set_with(servers.off.iter().chain([name]).cloned().collect())
            }
            McpRequest::Enable { name } => toggle(name, true),
            McpRequest::Disable { name } => toggle(name, false),
            McpRequest::Reconnect { name } => Command::ReconnectMcp { name: name.clone() },
            McpRequest::Refresh => Command::McpStatus,
        }
    }

    /// The agent has done it.
    pub(super) fn mcp_done(&mut self, request: McpRequest, n: u64, answer: Option<&Value>) {
        self.out.full = true;
        if self.is_ours(&request) {
            self.change_servers(request, Some(n), answer);
        } else {
            self.tell_change(request.change(), Some(n), answer);
        }
    }

    /// What clients want from now on.
    fn change_servers(&mut self, request: McpRequest, n: Option<u64>, answer: Option<&Value>) {
        let mut change = request.change();
        let servers = &mut self.s.servers;
        match request {
            McpRequest::Set { set, servers: put, changed } => {
                let names = |list: &[McpName]| -> BTreeSet<String> {
                    list.iter().map(|server| server.name.clone()).collect()
                };
                let (before, after) = (names(&servers.put), names(&put));
                if let Some(change) = &mut change {
                    let new = |name: &&String| !before.contains(*name) || changed.contains(name);
                    let gone = |name: &&String| !after.contains(*name) || changed.contains(name);
                    change.added = after.iter().filter(new).cloned().collect();
                    change.removed = before.iter().filter(gone).cloned().collect();
                }
                (servers.put, servers.set) = (put, set);
                let known = names(&servers.given);
                servers.off.retain(|name| known.contains(name) || after.contains(name));
            }
            McpRequest::Enable { name } => {
                servers.off.remove(&name);
            }
            McpRequest::Disable { name } => {
                servers.off.insert(name);
            }
            McpRequest::Reconnect { .. } | McpRequest::Refresh => {}
        }
        self.tell_change(change, n, answer);
    }

    fn tell_change(&mut self, change: Option<McpChange>, command: Option<u64>, answer: Option<&Value>) {
        let servers = self.s.tool_servers();
        self.s.mcp_failed = servers.iter().any(|server| server.status == McpStatus::Failed);
        let change = change.map(|mut change| {
            let about = |name: &str| match &change.name {
                Some(one) => one == name,
                None => self.s.servers.put.iter().any(|server| server.name == name),
            };
            let told = answer.and_then(|answer| answer.get("errors")).and_then(Value::as_object);
            let errors = told.into_iter().flatten().filter(|(name, _)| about(name));
            change.errors = errors
                .map(|(name, why)| (name.clone(), why.as_str().unwrap_or("no reason given").to_owned()))
                .collect();
            change
        });
        self.emit_bare(Kind::McpChanged(McpChanged { servers, change, command }));
    }

    /// What was asked for was refused; what the agent told meanwhile is told now.
    pub(super) fn servers_after_refusal(&mut self) {
        let servers = self.s.tool_servers();
        self.emit_bare(Kind::McpChanged(McpChanged { servers, change: None, command: None }));
    }

    /// The agent tells how its servers stand.
    pub(super) fn servers_told(&mut self, servers: Vec<McpServer>) {
        if servers == self.s.mcp {
            return;
        }
        let before = self.s.tool_servers();
        self.s.mcp = servers;
        let servers = self.s.tool_servers();
        self.s.mcp_failed = servers.iter().any(|server| server.status == McpStatus::Failed);
        // What is being changed is told of once it is done.
        if servers != before && !self.s.changes_servers() {
            self.emit(Kind::McpChanged(McpChanged { servers, change: None, command: None }));
        }
    }
}
