//! Tool servers as the program tells them: names and states at each turn's start, more in
//! the answer to `mcp_status`. Their configuration may hold secrets and is never read.

use serde_json::Value;
use tenure_event::{McpServer, McpStatus};

use super::field;

const SERVERS_MAX: usize = 256;
const TOOLS_MAX: usize = 2000;

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
            tools: tools.map(str::to_owned).take(TOOLS_MAX).collect(),
        })
    };
    Some(list.iter().filter_map(read).take(SERVERS_MAX).collect())
}

/// A server's name as it stands in the names of its tools.
fn munged(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    name.chars().map(keep).collect()
}

/// Reads the answer to `mcp_status`.
pub(super) fn from_status(answer: &Value) -> Option<Vec<McpServer>> {
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
            tools: tools.map(str::to_owned).take(TOOLS_MAX).collect(),
        })
    };
    Some(list.iter().filter_map(read).take(SERVERS_MAX).collect())
}
