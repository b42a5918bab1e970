//! Pi, in its rpc mode. Its command is one bundle that wants a newer Node than many machines have, so that
//! comes from npm too; the packages that it names beside the bundle are for those who use it as a library.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{AgentError, AgentSetup, FAKE_KEY, FAKE_MODEL, Home, make_dir, node, node_modules, pairs};

/// Another model of the same provider, which does not reason and has no price.
pub const OTHER_MODEL: &str = "fake-2";

/// Asks before every shell command, since Pi itself does not; and has commands that ask for more.
const EXTENSION: &str = include_str!("pi/asks.ts");

/// Where its package lies, whose parts can be used without the program.
#[must_use]
pub fn pi_package() -> PathBuf {
    node_modules().join("@earendil-works/pi-coding-agent")
}

/// Pi, asking the OpenAI Chat model at `model_url` (without a path), with an extension that asks before every
/// shell command.
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn pi(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let node = node("pi")?;
    let path = pi_package().join("dist/bundle/cli.js");
    if !path.is_file() {
        return Err(AgentError::Missing { agent: "pi", path });
    }
    let home = Home::new(scratch, "pi")?;
    let folder = home.home.join(".pi/agent");
    write_config(model_url, &folder)?;
    let mut env = home.env();
    env.extend(pairs(&[
        ("PI_CODING_AGENT_DIR", &folder.display().to_string()),
        ("PI_OFFLINE", "1"),
        ("PI_TELEMETRY", "0"),
        ("PI_SKIP_VERSION_CHECK", "1"),
    ]));
    Ok(AgentSetup { protocol: "pi", command: vec![node, path.display().to_string()], env })
}

fn write_config(model_url: &str, folder: &Path) -> Result<(), AgentError> {
    let models = json!([
        {
            "id": FAKE_MODEL, "name": "Fake 1", "reasoning": true, "input": ["text", "image"],
            "cost": {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0},
            "contextWindow": 100_000, "maxTokens": 4096,
        },
        {"id": OTHER_MODEL, "name": "Fake 2", "reasoning": false, "contextWindow": 50_000, "maxTokens": 4096},
    ]);
    let provider = json!({
        "name": "Fake", "baseUrl": format!("{model_url}/v1"), "apiKey": FAKE_KEY,
        "api": "openai-completions", "models": models,
    });
    let settings = json!({
        "defaultProvider": "fake", "defaultModel": FAKE_MODEL,
        "retry": {"enabled": true, "maxRetries": 2, "baseDelayMs": 20},
        // Whatever was said is worth summing up, so that a short test can.
        "compaction": {"enabled": true, "reserveTokens": 1000, "keepRecentTokens": 1},
    });
    make_dir(&folder.join("extensions"))?;
    let files = [
        ("models.json", json!({"providers": {"fake": provider}}).to_string()),
        ("settings.json", settings.to_string()),
        ("extensions/asks.ts", EXTENSION.to_owned()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| AgentError::Scratch { path, source })?;
    }
    Ok(())
}
