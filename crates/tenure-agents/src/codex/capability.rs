//! What clients are told that Codex can do.

use std::collections::BTreeMap;

use serde_json::Value;
use tenure_event::{AccountInfo, AgentInfo, Capabilities, ModelInfo, Support};

use super::{CodexCodec, mode};
use crate::json::{list_at, str_at, string_at};

/// Why it cannot be held to a sum of money.
pub(crate) const NO_COST: &str = "Codex tells what tokens it used, and never what they cost";
pub(super) const NO_COMPACT_WORDS: &str = "the app-server compacts a thread by its own words, and takes none";

impl CodexCodec {
    pub(super) fn agent_info(&self) -> AgentInfo {
        let greeting = self.memory.greeting.as_ref();
        AgentInfo {
            name: "Codex".to_owned(),
            version: greeting.and_then(|greeting| str_at(greeting, &["userAgent"])).and_then(version),
            protocol: Some("app-server/2".to_owned()),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            models: self.memory.models.clone().unwrap_or_default(),
            modes: mode::all(self.record.allow_bypass),
            account: self.memory.account.clone(),
            supports: supports(),
            handshake: self.memory.greeting.clone(),
            ..Capabilities::default()
        }
    }
}

/// `CLIENT/VERSION (SYSTEM) …`: the version is the program's own.
fn version(user_agent: &str) -> Option<String> {
    let rest = user_agent.split_once('/')?.1;
    rest.split_whitespace().next().map(ToOwned::to_owned)
}

/// One model of `model/list`.
pub(super) fn read_model(model: &Value) -> Option<ModelInfo> {
    let id = string_at(model, &["model"]).or_else(|| string_at(model, &["id"]))?;
    let efforts = list_at(model, &["supportedReasoningEfforts"]);
    Some(ModelInfo {
        name: string_at(model, &["displayName"]).unwrap_or_else(|| id.clone()),
        description: string_at(model, &["description"]),
        efforts: efforts.iter().filter_map(|effort| string_at(effort, &["reasoningEffort"])).collect(),
        id,
    })
}

/// The account of `account/read`.
pub(super) fn read_account(account: &Value) -> AccountInfo {
    let kind = string_at(account, &["type"]);
    let key = kind.as_deref() == Some("apiKey");
    AccountInfo {
        email: string_at(account, &["email"]),
        organization: string_at(account, &["workspaceName"]),
        plan: string_at(account, &["planType"]),
        key_source: kind.clone().filter(|_| key),
        token_source: kind.filter(|_| !key),
    }
}

/// What Codex can and cannot do, whatever its settings are.
pub(crate) fn supports() -> BTreeMap<String, Support> {
    let can = [
        "interrupt",
        "steer",
        "resume",
        "fork",
        "fork_at",
        "fork_elsewhere",
        "clear",
        "compact",
        "rewind",
        "stop_task",
        "set_model",
        "set_mode",
        "set_effort",
        "images",
        "mcp_stdio",
        "mcp_http",
        "mcp_permissions",
        "mcp_reconnect",
        "mcp_status",
        "instructions_append",
        "instructions_replace",
        "permissions",
        "always",
        "questions",
        "elicitation",
        "subagent_asks",
        "todos",
        "tasks",
        "task_output",
    ];
    let cannot = [
        ("plan", "Codex shows its plan as a message, and asks nobody to approve it"),
        ("files", "Codex takes text and images; other files it reads from the workspace"),
        ("compact_command", "compaction is a request of the protocol"),
        ("compact_instructions", NO_COMPACT_WORDS),
        ("cost_limit", NO_COST),
        ("rewind_undo", "the app-server has no word for bringing back what was cut off a thread"),
        ("end", "the app-server ends when its input is closed; it has no request for it"),
        ("commands", "the app-server has no commands by name; slash commands belong to its own terminal"),
        ("mcp_sse", "Codex speaks with tool servers by stdio and streamable HTTP only"),
        ("mcp_change", "the app-server takes tool servers only when a thread is opened"),
        ("updated_input", "Codex takes a decision, not a changed command"),
        ("deny_message", "Codex takes no words with a denial"),
    ];
    crate::verbs::table(&can, &cannot)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_behind_the_clients_name() {
        assert_eq!(
            version("tenure/0.169.0 (Debian 12; x86_64) dumb (tenure; 0.1)").as_deref(),
            Some("0.169.0")
        );
        assert_eq!(version("nothing"), None);
        assert_eq!(version("a/"), None);
    }
}
