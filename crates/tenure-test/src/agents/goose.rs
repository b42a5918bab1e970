//! Goose, over ACP. All its settings fit into the environment, so there is no file to write.

use std::path::Path;

use super::{AgentError, AgentSetup, FAKE_KEY, FAKE_MODEL, Home, binary, pairs};

/// Goose, asking the OpenAI Chat model at `model_url` (without a path), and asking before every tool call.
///
/// # Errors
/// If it is not installed, or its home below `scratch` cannot be made.
pub fn goose(model_url: &str, scratch: &Path) -> Result<AgentSetup, AgentError> {
    let program = binary("goose", "@aaif/goose-binary-linux-x64/bin/goose", None)?;
    let mut env = Home::new(scratch, "goose")?.env();
    env.extend(pairs(&[
        ("GOOSE_PROVIDER", "openai"),
        ("GOOSE_MODEL", FAKE_MODEL),
        ("OPENAI_HOST", model_url),
        ("OPENAI_API_KEY", FAKE_KEY),
        ("GOOSE_MODE", "approve"),
        ("GOOSE_DISABLE_KEYRING", "1"),
        ("GOOSE_TELEMETRY_OFF", "1"),
    ]));
    Ok(AgentSetup { protocol: "acp", command: vec![program, "acp".to_owned()], env })
}
