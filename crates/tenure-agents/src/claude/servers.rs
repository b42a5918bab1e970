//! Tool servers as the program tells them: names and states at each turn's start, more in
//! the answer to `mcp_status`. Their configuration may hold secrets and is never read.

use serde_json::Value;
use tenure_core::agent::{AgentError, Command, Signal};
use tenure_event::{McpServer, McpStatus};

use super::{ClaudeCodec, field, write};

const SERVERS_MAX: usize = 256;
const TOOLS_MAX: usize = 2000;

/// Changes whose effect is still being asked about.
const CHANGES_MAX: usize = 64;

impl ClaudeCodec {
    /// The servers of the start are set: whether each works or not, prompts may be sent.
    pub(super) fn servers_set(&mut self, result: Result<Value, AgentError>, out: &mut Vec<Signal>) {
        match result {
            Ok(answer) => {
                let errors = answer.get("errors").and_then(Value::as_object).into_iter().flatten();
                for (name, error) in errors.take(64) {
                    let error = error.as_str().unwrap_or("no reason given");
                    let message = format!("Tool server `{name}` did not start: {}", field::clip(error, 1000));
                    out.push(Signal::Warning { code: "mcp".to_owned(), message });
                }
            }
            Err(error) => out.push(Signal::Warning {
                code: "mcp".to_owned(),
                message: format!("The tool servers were not set: {}", error.message),
            }),
        }
        self.memory.servers_pending = false;
        self.ready_if_done(out);
        out.push(Signal::Send(Command::Raw(write::status_line(0))));
    }

    /// A change was answered. It is told of once it is known how the servers stand after it.
    pub(super) fn servers_changed(
        &mut self,
        n: u64,
        result: Result<Value, AgentError>,
        out: &mut Vec<Signal>,
    ) {
        if self.memory.changes.len() >= CHANGES_MAX {
            return out.push(Signal::Answered { n, result });
        }
        self.memory.changes.push((n, result));
        out.push(Signal::Send(Command::Raw(write::status_line(n))));
    }

    /// How the servers stand.
    pub(super) fn servers_stand(&mut self, n: u64, result: Result<Value, AgentError>, out: &mut Vec<Signal>) {
        if let Some(servers) = result.as_ref().ok().and_then(from_status) {
            self.servers_are(servers, out);
        }
        if n == 0 {
            return;
        }
        let changes = &mut self.memory.changes;
        let change = changes.iter().position(|(of, _)| *of == n).map(|at| changes.remove(at).1);
        let result = change.unwrap_or_else(|| result.map(|_| Value::Null));
        out.push(Signal::Answered { n, result });
    }
}

fn status(word: Option<&str>) -> McpStatus {
    match word {
        Some("connected") => McpStatus::Connected,
        Some("needs-auth") => McpStatus::NeedsAuth,
        Some("pending") => McpStatus::Pending,
        Some("disabled") => McpStatus::Disabled,
        _ => McpStatus::Failed,
    }
}

/// Reads `system/init`; what only `mcp_status` tells is kept from `known`.
pub(super) fn from_init(frame: &Value, known: &[McpServer]) -> Option<Vec<McpServer>> {
    let list = frame.get("mcp_servers")?.as_array()?;
    let tools = field::items(frame, "tools");
    let read = |server: &Value| {
        let name = field::id(server, "name")?;
        let prefix = format!("mcp__{}__", munged(name));
        let tools = tools.iter().filter_map(Value::as_str).filter_map(|tool| tool.strip_prefix(&prefix));
        let before = known.iter().find(|server| server.name == name);
        let status = status(field::text(server, "status"));
        Some(McpServer {
            name: name.to_owned(),
            kind: before.and_then(|server| server.kind.clone()),
            status,
            error: before.filter(|_| status == McpStatus::Failed).and_then(|server| server.error.clone()),
            server_info: before.and_then(|server| server.server_info.clone()),
            scope: before
                .and_then(|server| server.scope.clone())
                .or_else(|| field::id(server, "source").map(str::to_owned)),
            tools: sorted(tools.map(str::to_owned).take(TOOLS_MAX)),
        })
    };
    Some(list.iter().filter_map(read).take(SERVERS_MAX).collect())
}

/// The program tells them now in one order, now in another.
fn sorted(tools: impl Iterator<Item = String>) -> Vec<String> {
    let mut tools: Vec<String> = tools.collect();
    tools.sort();
    tools
}

/// A server's name as it stands in the names of its tools.
fn munged(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    name.chars().map(keep).collect()
}

/// Reads the answer to `mcp_status`.
fn from_status(answer: &Value) -> Option<Vec<McpServer>> {
    let list = answer.get("mcpServers")?.as_array()?;
    let read = |server: &Value| {
        let tools = field::items(server, "tools").iter().filter_map(|tool| field::id(tool, "name"));
        Some(McpServer {
            name: field::id(server, "name")?.to_owned(),
            kind: field::id(server, "transport").map(str::to_owned),
            status: status(field::text(server, "status")),
            error: field::text(server, "error").map(|error| field::clip(error, 2000)),
            server_info: server.get("serverInfo").filter(|info| info.is_object()).cloned(),
            scope: field::id(server, "scope").map(str::to_owned),
            tools: sorted(tools.map(str::to_owned).take(TOOLS_MAX)),
        })
    };
    Some(list.iter().filter_map(read).take(SERVERS_MAX).collect())
}
