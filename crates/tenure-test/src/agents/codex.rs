//! Codex, over its app-server: the platform package's own binary. The package named `codex` holds a launcher
//! that needs Node.

use std::path::Path;

use super::{AgentError, AgentSetup, FAKE_KEY, Home, binary, make_dir, pairs, script};

/// Codex, asking the OpenAI Responses model at `model_url` (without a path).
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn codex(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let command = vec![program()?, "app-server".to_owned()];
    Ok(AgentSetup { protocol: "codex", command, env: env(model_url, scratch, "codex")? })
}

/// Codex behind its adapter for ACP.
///
/// # Errors
/// If either is not installed, or its home below `scratch` cannot be made.
pub fn codex_acp(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let name = "codex-acp";
    let command = script(name, "@agentclientprotocol/codex-acp/dist/index.js")?;
    let setup = AgentSetup { protocol: "acp", command, env: env(model_url, scratch, name)? };
    // The one that the adapter brings along is not installed.
    Ok(setup.with_var("CODEX_PATH", &program()?))
}

fn program() -> Result<String, AgentError> {
    binary(
        "codex",
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        Some("@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex"),
    )
}

fn env(model_url: &str, scratch: &Path, name: &str) -> Result<Vec<(String, String)>, AgentError> {
    let home = Home::new(scratch, name)?;
    let folder = home.home.join(".codex");
    write_config(model_url, &folder)?;
    let mut env = home.env();
    env.extend(pairs(&[("CODEX_HOME", &folder.display().to_string()), ("OPENAI_API_KEY", FAKE_KEY)]));
    Ok(env)
}

/// A provider of our own: the built-in ones want a login, and speak by a websocket.
fn write_config(model_url: &str, folder: &Path) -> Result<(), AgentError> {
    // A model that it knows, so that it offers its usual tools.
    let config = format!(
        r#"model = "gpt-5.5"
model_provider = "fake"
check_for_update_on_startup = false
suppress_unstable_features_warning = true

[model_providers.fake]
name = "Fake"
base_url = "{model_url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 1
supports_websockets = false

[analytics]
enabled = false

[tools.update_plan]
enabled = true

[features]
default_mode_request_user_input = true
"#
    );
    make_dir(folder)?;
    let path = folder.join("config.toml");
    std::fs::write(&path, config).map_err(|source| AgentError::Scratch { path, source })
}
