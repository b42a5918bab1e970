//! Codex, over its app-server: the platform package's own binary. The package named `codex` holds a launcher
//! that needs Node.

use std::path::Path;

use super::{AgentError, AgentSetup, FAKE_KEY, Home, binary, make_dir, pairs};

/// Codex, asking the OpenAI Responses model at `model_url` (without a path).
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn codex(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let program = binary(
        "codex",
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        Some("@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex"),
    )?;
    let home = Home::new(scratch, "codex")?;
    let folder = home.home.join(".codex");
    write_config(model_url, &folder)?;
    let mut env = home.env();
    env.extend(pairs(&[("CODEX_HOME", &folder.display().to_string()), ("OPENAI_API_KEY", FAKE_KEY)]));
    Ok(AgentSetup { protocol: "codex", command: vec![program, "app-server".to_owned()], env })
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
