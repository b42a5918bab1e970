//! Tool servers of a session: how one is reached, and replacing those that a running session has. How they stand is
//! told by [`tenure_event::McpServer`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tool server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Plain")]
pub struct McpServerConfig {
    /// Its name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub transport: McpTransportConfig,
}

/// How a tool server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum McpTransportConfig {
    /// As a process of the agent.
    Stdio {
        /// Program.
        command: String,
        /// Arguments.
        #[serde(default)]
        args: Vec<String>,
        /// Environment; shown by name only.
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    /// By streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// Headers; shown by name only.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// By server-sent events.
    Sse {
        /// Where.
        url: String,
        /// Headers; shown by name only.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
}

impl McpTransportConfig {
    /// `stdio`, `http` or `sse`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stdio { .. } => "stdio",
            Self::Http { .. } => "http",
            Self::Sse { .. } => "sse",
        }
    }
}

/// `PUT /v1/sessions/{id}/mcp`: the whole set of what such requests set. Servers that the session was created with stay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMcpServers {
    /// Servers to have, new ones and those that change.
    #[serde(default)]
    pub mcp_servers: Vec<McpServerConfig>,
    /// Names of servers that an earlier request set and that stay as they are: their headers and environment cannot be
    /// read back, so nobody could name them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

/// Answer to `PUT /v1/sessions/{id}/mcp`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct McpServersSet {
    /// Servers that are new or changed.
    pub added: Vec<String>,
    /// Servers that are gone, or were there otherwise.
    pub removed: Vec<String>,
    /// Servers that do not work, and why. They are in the set all the same, and can be reconnected.
    pub errors: BTreeMap<String, String>,
}

/// Every field that a server may have, so that one that does not belong is refused by its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    name: String,
    r#type: String,
    command: Option<String>,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
}

impl TryFrom<Plain> for McpServerConfig {
    type Error = String;

    fn try_from(plain: Plain) -> Result<Self, String> {
        let Plain { name, r#type, command, args, env, url, headers } = plain;
        let strange = |given: &[(&str, bool)], kind: &str| match given.iter().find(|(_, there)| *there) {
            Some((field, _)) => Err(format!("a server of type `{kind}` has no `{field}`")),
            None => Ok(()),
        };
        let missing = |field: &str| format!("missing field `{field}`");
        let transport = match r#type.as_str() {
            "stdio" => {
                strange(&[("url", url.is_some()), ("headers", headers.is_some())], "stdio")?;
                let command = command.ok_or_else(|| missing("command"))?;
                McpTransportConfig::Stdio {
                    command,
                    args: args.unwrap_or_default(),
                    env: env.unwrap_or_default(),
                }
            }
            kind @ ("http" | "sse") => {
                let given =
                    [("command", command.is_some()), ("args", args.is_some()), ("env", env.is_some())];
                strange(&given, kind)?;
                let (url, headers) = (url.ok_or_else(|| missing("url"))?, headers.unwrap_or_default());
                if kind == "http" {
                    McpTransportConfig::Http { url, headers }
                } else {
                    McpTransportConfig::Sse { url, headers }
                }
            }
            other => return Err(format!("unknown type `{other}`, give `stdio`, `http` or `sse`")),
        };
        Ok(Self { name, transport })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::McpServerConfig;

    fn read(value: Value) -> Result<McpServerConfig, String> {
        serde_json::from_value(value).map_err(|e| e.to_string())
    }

    #[test]
    fn each_kind_is_read_back_as_it_was_written() {
        for value in [
            json!({"name": "a", "type": "stdio", "command": "x", "args": ["1"], "env": {"K": "v"}}),
            json!({"name": "a", "type": "http", "url": "http://x", "headers": {"K": "v"}}),
            json!({"name": "a", "type": "sse", "url": "http://x", "headers": {}}),
        ] {
            let server = read(value.clone()).expect("reads");
            assert_eq!(serde_json::to_value(server).expect("writes"), value);
        }
    }

    #[test]
    fn what_would_not_be_honoured_is_refused_by_name() {
        let refused = |value: Value| read(value).expect_err("refused");
        let text = refused(json!({"name": "a", "type": "stdio", "command": "x", "cwd": "/"}));
        assert!(text.contains("`cwd`"), "{text}");
        let text = refused(json!({"name": "a", "type": "http", "url": "u", "env": {}}));
        assert!(text.contains("`env`"), "{text}");
        let text = refused(json!({"name": "a", "type": "stdio", "url": "u"}));
        assert!(text.contains("`url`"), "{text}");
        let text = refused(json!({"name": "a", "type": "sse"}));
        assert!(text.contains("`url`"), "{text}");
        let text = refused(json!({"name": "a", "type": "ws", "url": "u"}));
        assert!(text.contains("`ws`"), "{text}");
    }
}
