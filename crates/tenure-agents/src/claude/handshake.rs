//! The answer to `initialize`: who the program is and what it can do.

use std::collections::BTreeMap;

use serde_json::Value;
use tenure_core::agent::StartRecord;
use tenure_event::{
    AccountInfo, AgentChoice, AgentInfo, Capabilities, CommandInfo, ModeInfo, ModelInfo, Support,
};

use super::{field, launch};

/// Entries of one list that are taken.
const LIST_MAX: usize = 1000;

/// The program, as it says.
pub(super) fn agent_info(answer: &Value) -> AgentInfo {
    AgentInfo {
        name: "Claude Code".to_owned(),
        version: field::id(answer, "claude_code_version").map(str::to_owned),
        protocol: Some("stream-json".to_owned()),
    }
}

/// What it can do.
pub(super) fn capabilities(record: &StartRecord, answer: &Value) -> Capabilities {
    Capabilities {
        commands: some(answer, "commands", command),
        models: some(answer, "models", model),
        modes: modes(record),
        agents: some(answer, "agents", agent),
        account: answer.get("account").filter(|account| account.is_object()).map(account),
        output_styles: some(answer, "available_output_styles", |style| style.as_str().map(str::to_owned)),
        output_style: field::id(answer, "output_style").map(str::to_owned),
        supports: supports(),
        handshake: Some(answer.clone()),
    }
}

fn some<T>(answer: &Value, key: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    field::items(answer, key).iter().filter_map(read).take(LIST_MAX).collect()
}

fn owned(value: &Value, key: &str) -> Option<String> {
    field::text(value, key).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn command(value: &Value) -> Option<CommandInfo> {
    Some(CommandInfo {
        name: field::id(value, "name")?.trim_start_matches('/').to_owned(),
        description: owned(value, "description").unwrap_or_default(),
        argument_hint: owned(value, "argumentHint"),
    })
}

fn model(value: &Value) -> Option<ModelInfo> {
    let id = field::id(value, "value")?;
    let efforts = field::items(value, "supportedEffortLevels");
    Some(ModelInfo {
        id: id.to_owned(),
        name: owned(value, "displayName").unwrap_or_else(|| id.to_owned()),
        description: owned(value, "description"),
        efforts: efforts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

fn agent(value: &Value) -> Option<AgentChoice> {
    Some(AgentChoice {
        name: field::id(value, "name")?.to_owned(),
        description: owned(value, "description").unwrap_or_default(),
        model: owned(value, "model").filter(|model| model != "inherit"),
    })
}

fn account(value: &Value) -> AccountInfo {
    AccountInfo {
        email: owned(value, "email"),
        organization: owned(value, "organization"),
        plan: owned(value, "subscriptionType"),
        token_source: owned(value, "tokenSource"),
        key_source: owned(value, "apiKeySource"),
    }
}

/// The modes are fixed in the program; it lists them nowhere.
fn modes(record: &StartRecord) -> Vec<ModeInfo> {
    let mode = |id: &str, name: &str, description: &str| ModeInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        description: Some(description.to_owned()),
    };
    let mut modes = vec![
        mode("default", "Ask", "Asks before what changes something"),
        mode("acceptEdits", "Accept edits", "Edits files of the workspace without asking"),
        mode("plan", "Plan", "Reads and plans, changes nothing until the plan is approved"),
        mode("auto", "Auto", "Lets a classifier decide what needs asking"),
        mode("dontAsk", "Do not ask", "Denies whatever would have to be asked"),
    ];
    if record.allow_bypass {
        modes.push(mode(launch::BYPASS_MODE, "Bypass permissions", "Asks for nothing at all"));
    }
    modes
}

/// What Claude Code can do, and why not the rest: known before any process is started.
pub(crate) fn supports() -> BTreeMap<String, Support> {
    let can = [
        "interrupt",
        "steer",
        "resume",
        "end",
        "clear",
        "compact",
        "compact_command",
        "compact_instructions",
        "cost_limit",
        "commands",
        "set_model",
        "set_mode",
        "set_effort",
        "images",
        "files",
        "mcp_stdio",
        "mcp_http",
        "mcp_sse",
        "mcp_permissions",
        "mcp_change",
        "mcp_reconnect",
        "mcp_status",
        "instructions_append",
        "instructions_replace",
        "permissions",
        "always",
        "updated_input",
        "deny_message",
        "questions",
        "plan",
        "elicitation",
        "subagent_asks",
        "tasks",
        "task_output",
        "stop_task",
        "todos",
        "fork",
        "fork_at",
        "fork_elsewhere",
        "rewind",
    ];
    let cannot = [("rewind_undo", "the program takes a conversation up where something was said last")];
    crate::verbs::table(&can, &cannot)
}

/// The model in force: what was asked for, or the default, as the program resolves it. A
/// conversation that is continued brings its own along, which is told at its first turn.
pub(super) fn model_in_force(record: &StartRecord, answer: &Value) -> Option<String> {
    if record.model.is_none() && record.resume.has_past() {
        return None;
    }
    let wanted = record.model.as_deref().unwrap_or("default");
    let listed =
        field::items(answer, "models").iter().find(|model| field::text(model, "value") == Some(wanted));
    listed
        .and_then(|model| field::id(model, "resolvedModel"))
        .map(str::to_owned)
        .or_else(|| record.model.clone())
}

/// The mode in force.
pub(super) fn mode_in_force(record: &StartRecord, answer: &Value) -> Option<String> {
    field::id(answer, "current_permission_mode").map(str::to_owned).or_else(|| record.mode.clone())
}
