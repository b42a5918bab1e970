//! Claude Code: the platform package's own binary. The package named `claude-code` holds a stub that a
//! postinstall script replaces, and wants a newer Node than the binary does.

use std::path::{Path, PathBuf};

use super::{AgentError, AgentSetup, FAKE_KEY, Home, binary, node, node_modules, pairs};

/// Claude Code, asking the Anthropic model at `model_url` (without a path).
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn claude(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let program = binary(
        "claude",
        "@anthropic-ai/claude-code-linux-x64/claude",
        Some("@anthropic-ai/claude-code-linux-arm64/claude"),
    )?;
    let home = Home::new(scratch, "claude")?;
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
    Ok(AgentSetup { protocol: "claude", command: vec![program], env })
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
