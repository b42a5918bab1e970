//! Tool servers: how each starts, what it offers, and the words that a thread is given for
//! those of the session.

use serde_json::{Map, Value, json};
use tenure_core::agent::{AgentError, Decoded, EncodeContext, McpServerSpec, McpTransport, Signal};
use tenure_event::{McpServer, McpStatus};

use super::CodexCodec;
use super::fault::fault;
use super::handshake::own;
use super::id::{Asked, OWN};
use super::memory::Reloading;
use crate::json::{at, clip, list_at, str_at, string_at};

/// Servers that are followed.
const SERVERS_MAX: usize = 200;
/// How long a server of the session may take to come up, in seconds. The first prompt waits for it, so it is less than
/// the time that a handshake has.
const START_SECONDS: u64 = 30;

impl CodexCodec {
    /// A server starts, or has.
    pub(super) fn server_changed(&mut self, params: &Value, out: &mut Decoded) {
        let Some(name) = str_at(params, &["name"]) else { return };
        let status = match str_at(params, &["status"]) {
            Some("ready") => McpStatus::Connected,
            Some("failed") if str_at(params, &["failureReason"]).is_some_and(wants_login) => {
                McpStatus::NeedsAuth
            }
            Some("failed") => McpStatus::Failed,
            Some("cancelled") => McpStatus::Disabled,
            _ => McpStatus::Pending,
        };
        let kind = self.kind_of(name);
        let servers = &mut self.memory.servers;
        if !servers.iter().any(|server| server.name == name) && servers.len() < SERVERS_MAX {
            servers.push(unknown(name));
        }
        if let Some(server) = servers.iter_mut().find(|server| server.name == name) {
            server.status = status;
            server.kind = kind.or(server.kind.take());
            server.error = string_at(params, &["error"]).map(|error| clip(&error, 2048).to_owned());
        }
        out.push(Signal::Mcp(self.memory.servers.clone()));
        if status == McpStatus::Connected {
            out.extend(self.ask_servers());
        }
        for waiting in self.memory.reloading.iter_mut().filter(|waiting| waiting.server == name) {
            waiting.heard = true;
        }
        if matches!(status, McpStatus::Failed | McpStatus::NeedsAuth) {
            self.tell_reloaded(out);
        }
        if status != McpStatus::Pending {
            self.memory.awaited.retain(|awaited| awaited != name);
            self.ready_if_all_is_known(out);
        }
    }

    /// The program begins a turn without the tools of a server that is not up after a second, so the first prompt is
    /// held until each of the session's has come up or has failed: it tells of both, and gives none longer than
    /// [`START_SECONDS`].
    pub(super) fn await_servers(&mut self) {
        let spoken = |spec: &&McpServerSpec| !matches!(spec.transport, McpTransport::Sse { .. });
        let names = self.record.servers().filter(spoken).take(SERVERS_MAX);
        self.memory.awaited = names.map(|spec| spec.name.clone()).collect();
    }

    /// The list came after the thread was opened: only what it says is starting will be told of later.
    fn await_those_that_start(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let told = outcome.map(|answer| list_at(answer, &["data"])).unwrap_or_default();
        let starts = |name: &String| {
            told.iter().any(|told| {
                str_at(told, &["name"]) == Some(name) && str_at(told, &["runtimeStatus"]) == Some("starting")
            })
        };
        self.memory.awaited.retain(starts);
        self.ready_if_all_is_known(out);
    }

    /// What they offer, and which of them have died, is told only when it is asked for.
    pub(super) fn ask_servers(&self) -> Option<Signal> {
        let thread = self.memory.thread.as_ref().filter(|_| !self.memory.servers.is_empty())?;
        Some(list_of(thread))
    }

    /// All servers are being started again; whoever waits for one is told once that one has, or could not be.
    pub(super) fn reloaded(
        &mut self,
        n: u64,
        server: String,
        outcome: Result<&Value, AgentError>,
        out: &mut Decoded,
    ) {
        match outcome {
            // A server that needed no new start is not told of: the list says how it stands.
            Ok(_) if self.memory.reloading.len() < SERVERS_MAX => {
                self.memory.reloading.push(Reloading { n, server, heard: false });
                out.extend(self.ask_servers());
            }
            outcome => out.push(Signal::Answered { n, result: outcome.cloned() }),
        }
    }

    /// Tells whoever waits for a server that it is there again, or why not. One that is still as it was before is not
    /// counted as failed until it was tried.
    fn tell_reloaded(&mut self, out: &mut Decoded) {
        let servers = &self.memory.servers;
        self.memory.reloading.retain(|waiting| {
            let Some(server) = servers.iter().find(|server| server.name == waiting.server) else {
                return true;
            };
            let why = server.error.as_deref().unwrap_or("it did not start");
            let result = match server.status {
                McpStatus::Connected => Ok(Value::Null),
                McpStatus::Failed if waiting.heard => Err(fault("agent_error", why)),
                McpStatus::NeedsAuth if waiting.heard => Err(fault("auth_required", why)),
                _ => return true,
            };
            out.push(Signal::Answered { n: waiting.n, result });
            false
        });
    }

    /// The list of servers, with what they offer.
    pub(super) fn servers(&mut self, n: u64, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let result = outcome.clone().map(|_| Value::Null);
        if let Ok(answer) = outcome {
            self.servers_listed(answer, out);
        }
        if !self.memory.awaited.is_empty() {
            self.await_those_that_start(outcome, out);
        }
        if n != OWN {
            out.push(Signal::Answered { n, result });
        }
    }

    fn servers_listed(&mut self, answer: &Value, out: &mut Decoded) {
        for told in list_at(answer, &["data"]).iter().take(SERVERS_MAX) {
            let Some(name) = str_at(told, &["name"]) else { continue };
            let at_all = self.memory.servers.iter().position(|server| server.name == name);
            let kind = self.kind_of(name);
            let server = match at_all {
                Some(at) => &mut self.memory.servers[at],
                None if self.memory.servers.len() < SERVERS_MAX => {
                    self.memory.servers.push(McpServer { kind, ..unknown(name) });
                    let last = self.memory.servers.len() - 1;
                    &mut self.memory.servers[last]
                }
                None => continue,
            };
            match str_at(told, &["runtimeStatus"]) {
                Some("connected") => server.status = McpStatus::Connected,
                Some("authenticationRequired") => server.status = McpStatus::NeedsAuth,
                Some("failed") => server.status = McpStatus::Failed,
                Some("disabled" | "cancelled") => server.status = McpStatus::Disabled,
                _ => {}
            }
            // It says that it is connected as long as nobody has asked it for anything.
            if let Some(error) = str_at(told, &["toolsError"]) {
                server.status = McpStatus::Failed;
                server.error = Some(clip(error, 2048).to_owned());
                // It was tried just now.
                for waiting in self.memory.reloading.iter_mut().filter(|waiting| waiting.server == name) {
                    waiting.heard = true;
                }
            } else if server.status == McpStatus::Connected {
                server.error = None;
            }
            server.server_info = at(told, &["serverInfo"]).cloned().or(server.server_info.take());
            let tools = at(told, &["tools"]).and_then(Value::as_object);
            server.tools = tools.map(|tools| tools.keys().take(1000).cloned().collect()).unwrap_or_default();
            // It tells them in another order each time.
            server.tools.sort();
        }
        out.push(Signal::Mcp(self.memory.servers.clone()));
        self.tell_reloaded(out);
    }

    fn kind_of(&self, name: &str) -> Option<String> {
        self.record.servers().find(|spec| spec.name == name).map(|spec| spec.transport.kind().to_owned())
    }

    /// Tool servers of the session as the thread's settings want them, secrets filled in.
    pub(super) fn server_settings(&self, context: &EncodeContext) -> Option<Value> {
        let all: Map<String, Value> = self
            .record
            .servers()
            .filter_map(|spec| Some((spec.name.clone(), setting(spec, context)?)))
            .collect();
        (!all.is_empty()).then_some(Value::Object(all))
    }

    /// Servers that Codex cannot speak with are left out, and not in silence.
    pub(super) fn warn_of_servers(&mut self, out: &mut Decoded) {
        for spec in self.record.servers() {
            if let McpTransport::Sse { .. } = spec.transport {
                let message = format!("Codex takes no sse tool servers: `{}` is left out", spec.name);
                let error = Some(message.clone());
                self.memory.servers.push(McpServer {
                    kind: Some("sse".to_owned()),
                    status: McpStatus::Failed,
                    error,
                    ..unknown(&spec.name)
                });
                out.push(Signal::Mcp(self.memory.servers.clone()));
                out.push(Signal::Warning { code: "mcp_unsupported".to_owned(), message });
            }
        }
    }
}

/// Asks how the servers of a thread stand.
pub(super) fn list_of(thread: &str) -> Signal {
    let mut params = list();
    params["threadId"] = json!(thread);
    own(Asked::Servers, "mcpServerStatus/list", &params)
}

/// What is asked about all servers.
pub(super) fn list() -> Value {
    json!({"detail": "toolsAndAuthOnly", "limit": SERVERS_MAX})
}

fn setting(spec: &McpServerSpec, context: &EncodeContext) -> Option<Value> {
    let values = context.values_of(spec);
    match &spec.transport {
        McpTransport::Stdio { command, args, .. } => Some(
            json!({"command": command, "args": args, "env": values, "startup_timeout_sec": START_SECONDS}),
        ),
        McpTransport::Http { url, .. } => {
            Some(json!({"url": url, "http_headers": values, "startup_timeout_sec": START_SECONDS}))
        }
        McpTransport::Sse { .. } => None,
    }
}

fn wants_login(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("auth")
}

fn unknown(name: &str) -> McpServer {
    McpServer {
        name: name.to_owned(),
        kind: None,
        status: McpStatus::Pending,
        error: None,
        server_info: None,
        scope: None,
        tools: Vec::new(),
    }
}
