//! `initialize` and `authenticate`: what the agent says of itself.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::Agent;
use crate::rpc::{AUTH_REQUIRED, Reply, RpcError};

const LOGIN: &str = "scripted-login";

impl Agent {
    pub(super) fn initialize(&self, params: &Value) -> Reply {
        let flags = &self.flags;
        let mut sessions = Map::from_iter([("close".to_owned(), json!({})), ("list".to_owned(), json!({}))]);
        if !flags.no_resume {
            sessions.insert("resume".to_owned(), json!({}));
        }
        if flags.forks {
            sessions.insert("fork".to_owned(), json!({}));
        }
        let login = json!({"id": LOGIN, "name": "Log in", "description": "Always succeeds"});
        let mut result = json!({
            "protocolVersion": flags.protocol.answer(&params["protocolVersion"]),
            "agentInfo": {"name": "scripted", "title": "Scripted agent", "version": env!("CARGO_PKG_VERSION")},
            "agentCapabilities": {
                "loadSession": !flags.no_load,
                "promptCapabilities": {"image": !flags.no_images, "audio": false, "embeddedContext": true},
                "mcpCapabilities": {"http": true, "sse": true},
                "sessionCapabilities": sessions,
            },
            "authMethods": if flags.auth_required { vec![login] } else { Vec::new() },
        });
        if !flags.no_steering {
            result["_meta"] = json!({"steering": {"supported": true}});
        }
        Ok(result)
    }

    pub(super) fn authenticate(&self, params: &Value) -> Reply {
        if params["methodId"] != LOGIN {
            return Err(RpcError::params(format!("unknown methodId; known is {LOGIN}")));
        }
        self.logged_in.store(true, Ordering::Relaxed);
        Ok(json!({}))
    }

    pub(super) fn require_login(&self) -> Result<(), RpcError> {
        if self.flags.auth_required && !self.logged_in.load(Ordering::Relaxed) {
            return Err(RpcError::new(
                AUTH_REQUIRED,
                format!("Authentication required: authenticate with {LOGIN}"),
            ));
        }
        Ok(())
    }
}
