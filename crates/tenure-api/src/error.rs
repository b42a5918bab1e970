//! Errors: `application/problem+json` (RFC 9457) with a stable code.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::words;
use utoipa::ToSchema;

words! {
    /// Stable codes, one per thing that a caller can do about it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[expect(missing_docs, reason = "the words say it")]
    pub enum ErrorCode {
        NotFound = "not_found",
        Conflict = "conflict",
        Busy = "busy",
        Closed = "closed",
        Invalid = "invalid",
        Unauthorized = "unauthorized",
        Forbidden = "forbidden",
        Unsupported = "unsupported",
        NotReady = "not_ready",
        Overloaded = "overloaded",
        Timeout = "timeout",
        Destroyed = "destroyed",
        AgentExited = "agent_exited",
        AgentMissing = "agent_missing",
        AuthRequired = "auth_required",
        RateLimited = "rate_limited",
        TooLarge = "too_large",
        CursorExpired = "cursor_expired",
        Storage = "storage",
        Internal = "internal",
    }
}

impl ErrorCode {
    /// The HTTP status that goes with it; 500 for one that this version does not know: its problem tells its own.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Conflict | Self::Busy | Self::Closed | Self::AgentExited => 409,
            Self::Invalid => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Unsupported | Self::AgentMissing | Self::AuthRequired => 422,
            Self::NotReady | Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::Destroyed | Self::CursorExpired => 410,
            Self::RateLimited => 429,
            Self::TooLarge => 413,
            Self::Storage => 507,
            Self::Internal | Self::Other(_) => 500,
        }
    }
}

/// A field of a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Its path in the request, for example `input.parts[0].type`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// An error as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// Always `about:blank`: `code` tells the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable.
    pub code: ErrorCode,
    /// What happened and what to do.
    pub detail: String,
    /// With `invalid`: the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// With `unsupported`: the capability that lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// The agent it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The session it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Details by code: for `agent_exited` the exit `code` or `signal` and `stderr_tail`; for a second
    /// answer to an ask the first one's `decision`; for `forbidden` the `scope`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Problem {
    /// A problem with a code and a sentence that says what to do.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.as_str().replace('_', " "),
            status: code.status(),
            code,
            detail: detail.into(),
            field: None,
            capability: None,
            agent: None,
            session_id: None,
            data: None,
        }
    }

    /// `invalid` that names the field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Invalid, detail) }
    }

    /// `unsupported` that names capability and agent.
    #[must_use]
    pub fn unsupported(agent: impl Into<String>, capability: impl Into<String>, why: &str) -> Self {
        let (agent, capability) = (agent.into(), capability.into());
        Self {
            agent: Some(agent.clone()),
            capability: Some(capability.clone()),
            ..Self::new(ErrorCode::Unsupported, format!("{agent} does not support `{capability}`: {why}"))
        }
    }

    /// With the session it is about.
    #[must_use]
    pub fn about(mut self, session_id: impl ToString) -> Self {
        self.session_id = Some(session_id.to_string());
        self
    }

    /// With details.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}
