//! The shapes of JSON-RPC 2.0 and of ACP's updates. Only shapes: nothing is sent from here.

use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const PARSE: i64 = -32700;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const NO_METHOD: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INTERNAL: i64 = -32603;
pub(crate) const REQUEST_CANCELLED: i64 = -32800;
pub(crate) const AUTH_REQUIRED: i64 = -32000;
pub(crate) const NOT_FOUND: i64 = -32002;

/// Any line that a client may write: a request, a notification or a response.
#[derive(Debug, Deserialize)]
pub(crate) struct Incoming {
    pub(crate) id: Option<Value>,
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) params: Value,
    pub(crate) result: Option<Value>,
    pub(crate) error: Option<Value>,
}

/// The error member of a response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }
}

pub(crate) type Reply = Result<Value, RpcError>;

pub(crate) fn response(id: &Value, reply: &Reply) -> Value {
    match reply {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(e) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": e.code, "message": e.message}}),
    }
}

pub(crate) fn request(id: &Value, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(crate) fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

pub(crate) fn update(session: &str, update: &Value) -> Value {
    notification("session/update", json!({"sessionId": session, "update": update}))
}

/// A piece of text; `kind` is `agent_message_chunk`, `agent_thought_chunk` or `user_message_chunk`.
pub(crate) fn chunk(kind: &str, message_id: Option<&str>, text: &str) -> Value {
    let mut update = json!({"sessionUpdate": kind});
    if let Some(id) = message_id {
        update["messageId"] = json!(id);
    }
    update["content"] = json!({"type": "text", "text": text});
    update
}

/// What a prompt's blocks say, as one text; blocks that are not text are named in brackets.
pub(crate) fn prompt_text(prompt: &Value) -> Result<String, RpcError> {
    let blocks =
        prompt.as_array().ok_or_else(|| RpcError::params("prompt must be an array of content blocks"))?;
    let texts: Vec<String> = blocks.iter().map(block_text).collect();
    Ok(texts.join("\n"))
}

fn block_text(block: &Value) -> String {
    let kind = block["type"].as_str().unwrap_or("untyped");
    match kind {
        "text" => block["text"].as_str().unwrap_or_default().to_owned(),
        "resource" => match block["resource"]["text"].as_str() {
            Some(text) => text.to_owned(),
            None => format!("[resource {}]", block["resource"]["uri"].as_str().unwrap_or("without uri")),
        },
        "resource_link" => format!("[resource_link {}]", block["uri"].as_str().unwrap_or("without uri")),
        "image" | "audio" => format!("[{kind} {}]", block["mimeType"].as_str().unwrap_or("of unknown type")),
        other => format!("[{other}]"),
    }
}
