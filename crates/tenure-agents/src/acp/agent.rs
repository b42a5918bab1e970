//! What an agent told of itself when it was greeted, and which family of programs it is of.
//!
//! A family stands for behaviour that was seen and that no capability tells. Everything
//! else goes by what is advertised.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{at, is_true, str_at, string_at};

/// Which kinds of prompt parts are taken beside text and links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Accepts {
    /// Images.
    pub(super) images: bool,
    /// Files with their content.
    pub(super) embedded: bool,
}

/// Programs whose behaviour no capability tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Family {
    /// Plays by the protocol, as far as is known.
    #[default]
    Plain,
    /// Gemini and its forks: goes on replaying after it answered `session/load`, and says
    /// a change of mode as text.
    Gemini,
    /// Ends a turn well although the model failed, with the error as text; keeps forms to itself.
    Goose,
    /// Takes no forms from its tool servers.
    OpenCode,
    /// Tells its retries as text and ends the turn well when they were in vain.
    Pi,
    /// Counts usage over the whole session.
    Copilot,
}

/// What an agent told of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct About {
    /// It speaks version 2 of the protocol.
    pub(super) two: bool,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) family: Family,
    pub(super) accepts: Accepts,
    pub(super) load: bool,
    pub(super) resume: bool,
    pub(super) close: bool,
    pub(super) fork: bool,
    pub(super) steering: bool,
    /// Takes no tool servers that are programs.
    pub(super) no_mcp_stdio: bool,
    pub(super) mcp_http: bool,
    pub(super) mcp_sse: bool,
    /// Takes instructions beside its own.
    pub(super) instructions: bool,
    /// Takes instructions instead of its own.
    pub(super) instead: bool,
    /// The answer, whole.
    pub(super) answer: Value,
}

impl About {
    /// Reads the answer to `initialize`. Its shape tells the version, whatever number stands
    /// in it: goose echoes 2 and speaks 1.
    pub(super) fn read(answer: &Value, preset: Option<&str>) -> Self {
        let old = at(answer, &["agentCapabilities"]);
        let two =
            old.is_none() && (at(answer, &["capabilities"]).is_some() || at(answer, &["info"]).is_some());
        let about = match old {
            _ if two => Self::read_two(at(answer, &["capabilities"]).unwrap_or(&Value::Null)),
            caps => Self::read_one(caps.unwrap_or(&Value::Null)),
        };
        let info = if two { "info" } else { "agentInfo" };
        Self {
            two,
            name: string_at(answer, &[info, "name"]),
            version: string_at(answer, &[info, "version"]),
            family: family(answer, preset),
            steering: about.steering || is_true(answer, &["_meta", "steering", "supported"]),
            answer: answer.clone(),
            ..about
        }
    }

    fn read_one(caps: &Value) -> Self {
        let session =
            |verb: &str| at(caps, &["sessionCapabilities", verb]).is_some_and(|v| *v != Value::Bool(false));
        Self {
            accepts: Accepts {
                images: is_true(caps, &["promptCapabilities", "image"]),
                embedded: is_true(caps, &["promptCapabilities", "embeddedContext"]),
            },
            load: is_true(caps, &["loadSession"]),
            resume: session("resume"),
            close: session("close"),
            fork: session("fork"),
            steering: is_true(caps, &["_meta", "steering", "supported"]),
            mcp_http: is_true(caps, &["mcpCapabilities", "http"]),
            mcp_sse: is_true(caps, &["mcpCapabilities", "sse"]),
            instructions: session("systemPrompt"),
            instead: at(caps, &["sessionCapabilities", "systemPrompt", "mode", "override"]).is_some(),
            ..Self::default()
        }
    }

    /// Version 2 marks what there is by an object, and has no word for what every agent with
    /// sessions must have: to resume and to close.
    fn read_two(caps: &Value) -> Self {
        let sessions = at(caps, &["session"]);
        let has = |path: &[&str]| sessions.is_some_and(|session| at(session, path).is_some());
        Self {
            accepts: Accepts {
                images: has(&["prompt", "image"]),
                embedded: has(&["prompt", "embeddedContext"]),
            },
            resume: sessions.is_some(),
            close: sessions.is_some(),
            fork: has(&["fork"]),
            steering: is_true(caps, &["_meta", "steering", "supported"]),
            no_mcp_stdio: !has(&["mcp", "stdio"]),
            mcp_http: has(&["mcp", "http"]),
            instructions: has(&["systemPrompt"]),
            instead: has(&["systemPrompt", "mode", "override"]),
            ..Self::default()
        }
    }

    /// A name to call it by in messages.
    pub(super) fn called<'a>(&'a self, preset: Option<&'a str>) -> &'a str {
        self.name.as_deref().or(preset).unwrap_or("the agent")
    }

    /// The ways to log in that it offers.
    pub(super) fn auth_methods(&self) -> &Value {
        self.answer.get("authMethods").unwrap_or(&Value::Null)
    }
}

fn family(answer: &Value, preset: Option<&str>) -> Family {
    let name = str_at(answer, &["agentInfo", "name"]).or_else(|| str_at(answer, &["info", "name"]));
    let name = name.unwrap_or("").to_ascii_lowercase();
    let preset = preset.unwrap_or("");
    let is = |word: &str| preset == word || name.contains(word);
    let offers = |id: &str| {
        crate::json::list_at(answer, &["authMethods"]).iter().any(|m| str_at(m, &["id"]) == Some(id))
    };
    if is("gemini") || is("qwen") {
        Family::Gemini
    } else if is("goose") || offers("goose-provider") {
        Family::Goose
    } else if is("opencode") {
        Family::OpenCode
    } else if preset == "pi-acp" || name == "pi-acp" {
        Family::Pi
    } else if is("copilot") {
        Family::Copilot
    } else {
        Family::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_shape_decides_and_not_the_number() {
        let echo = json!({"protocolVersion": 2, "agentCapabilities": {"loadSession": true}});
        let about = About::read(&echo, None);
        assert!(about.load && !about.two);
        let two =
            json!({"protocolVersion": 2, "info": {"name": "x"}, "capabilities": {"session": {"fork": {}}}});
        let about = About::read(&two, None);
        assert!(about.two && about.fork && about.resume && about.close && !about.load && about.no_mcp_stdio);
        assert_eq!(about.name.as_deref(), Some("x"));
        assert!(!About::read(&json!({"info": {"name": "x"}, "capabilities": {}}), None).resume);
        assert!(!About::read(&json!({"protocolVersion": 1}), None).two);
        assert!(!About::read(&json!(7), None).two);
    }
}
