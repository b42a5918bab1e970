//! Claude Code: the platform package's own binary. The package named `claude-code` holds a stub that a
//! postinstall script replaces, and wants a newer Node than the binary does.

use std::path::{Path, PathBuf};

use super::{AgentError, AgentSetup, FAKE_KEY, Home, binary, node, node_modules, pairs, script};

/// Claude Code, asking the Anthropic model at `model_url` (without a path).
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn claude(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    Ok(AgentSetup { protocol: "claude", command: vec![program()?], env: env(model_url, scratch, "claude")? })
}

/// Claude Code behind its adapter for ACP.
///
/// # Errors
/// If either is not installed, or its home below `scratch` cannot be made.
pub fn claude_acp(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let name = "claude-agent-acp";
    let command = script(name, "@agentclientprotocol/claude-agent-acp/dist/index.js")?;
    let setup = AgentSetup { protocol: "acp", command, env: env(model_url, scratch, name)? };
    // The one that the adapter brings along is not installed.
    Ok(setup.with_var("CLAUDE_CODE_EXECUTABLE", &program()?))
}

fn program() -> Result<String, AgentError> {
    binary(
        "claude",
        "@anthropic-ai/claude-code-linux-x64/claude",
        Some("@anthropic-ai/claude-code-linux-arm64/claude"),
    )
}

fn env(model_url: &str, scratch: &Path, name: &str) -> Result<Vec<(String, String)>, AgentError> {
    let home = Home::new(scratch, name)?;
    let mut env = home.env();
    env.extend(pairs(&[
        ("CLAUDE_CONFIG_DIR", &home.home.join(".claude").display().to_string()),
        ("CLAUDE_CODE_TMPDIR", &home.tmp.display().to_string()),
        ("ANTHROPIC_BASE_URL", model_url),
        ("ANTHROPIC_API_KEY", FAKE_KEY),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_TELEMETRY", "1"),
        ("DISABLE_ERROR_REPORTING", "1"),
        // Lets the bypass mode be asked for where the tests run as root.
        ("IS_SANDBOX", "1"),
    ]));
    Ok(env)
}

/// The program's official SDK: Node, and the folder with `sdk.mjs`.
///
/// # Errors
/// If either is not installed.
pub fn claude_sdk() -> Result<(String, PathBuf), AgentError> {
    let folder = node_modules().join("@anthropic-ai/claude-agent-sdk");
    let path = folder.join("sdk.mjs");
    if path.is_file() {
        Ok((node("claude")?, folder))
    } else {
        Err(AgentError::Missing { agent: "claude", path })
    }
}
