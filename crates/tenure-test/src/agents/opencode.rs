//! OpenCode, over ACP. The baseline build: the other one needs AVX2.

use std::path::Path;

use serde_json::json;

use super::{AgentError, AgentSetup, FAKE_KEY, FAKE_MODEL, Home, binary, make_dir, pairs};

/// OpenCode, asking the OpenAI Chat model at `model_url` (without a path), and asking before every tool call.
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn opencode(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let program = binary("opencode", "opencode-linux-x64-baseline/bin/opencode", None)?;
    let home = Home::new(scratch, "opencode")?;
    write_config(model_url, &home.home.join(".config/opencode"))?;
    let mut env = home.env();
    env.extend(pairs(&[
        ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
        ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
        ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
        ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
        // It installs a package into its configuration directory at every start; without the net it goes on.
        ("npm_config_offline", "true"),
    ]));
    Ok(AgentSetup { protocol: "acp", command: vec![program, "acp".to_owned()], env })
}

fn write_config(model_url: &str, folder: &Path) -> Result<(), AgentError> {
    let model = json!({
        "name": "Fake 1", "tool_call": true, "limit": {"context": 100_000, "output": 4096},
        "attachment": true, "cost": {"input": 1, "output": 2}, "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]},
    });
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible", "name": "Fake",
        "options": {"baseURL": format!("{model_url}/v1"), "apiKey": FAKE_KEY},
        "models": {FAKE_MODEL: model},
    });
    let name = format!("fake/{FAKE_MODEL}");
    let config = json!({
        "model": name, "small_model": name, "enabled_providers": ["fake"], "provider": {"fake": provider},
        "permission": "ask", "autoupdate": false, "share": "disabled",
    });
    make_dir(folder)?;
    let path = folder.join("opencode.json");
    std::fs::write(&path, config.to_string()).map_err(|source| AgentError::Scratch { path, source })
}
