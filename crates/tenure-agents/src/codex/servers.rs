//! Tool servers: how each starts, what it offers, and the words that a thread is given for
//! those of the session.

use serde_json::{Map, Value, json};
use tenure_core::agent::{AgentError, Decoded, EncodeContext, McpServerSpec, McpTransport, Signal};
use tenure_event::{McpServer, McpStatus};

use super::CodexCodec;
use super::handshake::own;
use super::id::Asked;
use crate::json::{at, clip, list_at, str_at, string_at};

/// Servers that are followed.
const SERVERS_MAX: usize = 200;

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
        if let (McpStatus::Connected, Some(thread)) = (status, &self.memory.thread) {
            let params = json!({"threadId": thread, "detail": "toolsAndAuthOnly", "limit": SERVERS_MAX});
            out.push(own(Asked::Servers, "mcpServerStatus/list", &params));
        }
    }

    /// The list of servers, with what they offer.
    pub(super) fn servers(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let Ok(answer) = outcome else { return };
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
            server.server_info = at(told, &["serverInfo"]).cloned().or(server.server_info.take());
            let tools = at(told, &["tools"]).and_then(Value::as_object);
            server.tools = tools.map(|tools| tools.keys().take(1000).cloned().collect()).unwrap_or_default();
        }
        out.push(Signal::Mcp(self.memory.servers.clone()));
    }

    fn kind_of(&self, name: &str) -> Option<String> {
        let spec = self.record.mcp_servers.iter().find(|spec| spec.name == name)?;
        let kind = match spec.transport {
            McpTransport::Stdio { .. } => "stdio",
            McpTransport::Http { .. } => "http",
            McpTransport::Sse { .. } => "sse",
        };
        Some(kind.to_owned())
    }

    /// Tool servers of the session as the thread's settings want them, secrets filled in.
    pub(super) fn server_settings(&self, context: &EncodeContext) -> Option<Value> {
        let all: Map<String, Value> = self
            .record
            .mcp_servers
            .iter()
            .filter_map(|spec| Some((spec.name.clone(), setting(spec, context)?)))
            .collect();
        (!all.is_empty()).then_some(Value::Object(all))
    }

    /// Servers that Codex cannot speak with are left out, and not in silence.
    pub(super) fn warn_of_servers(&self, out: &mut Decoded) {
        for spec in &self.record.mcp_servers {
            if let McpTransport::Sse { .. } = spec.transport {
                out.push(Signal::Warning {
                    code: "mcp_unsupported".to_owned(),
                    message: format!("Codex takes no sse tool servers: `{}` is left out", spec.name),
                });
            }
        }
    }
}

fn setting(spec: &McpServerSpec, context: &EncodeContext) -> Option<Value> {
    let secrets = context.mcp_secrets.get(&spec.name);
    let with = |known: &std::collections::BTreeMap<String, String>| {
        let mut all = known.clone();
        all.extend(secrets.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        all
    };
    match &spec.transport {
        McpTransport::Stdio { command, args, env } => {
            Some(json!({"command": command, "args": args, "env": with(env)}))
        }
        McpTransport::Http { url, headers } => Some(json!({"url": url, "http_headers": with(headers)})),
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
