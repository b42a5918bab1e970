//! Tokens narrower than the home's own.

use serde::{Deserialize, Serialize};
use tenure_event::Timestamp;
use utoipa::ToSchema;

/// What a token may do. Each contains those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Read everything that sessions hold.
    Read,
    /// Create sessions, send inputs, answer asks, end things.
    Sessions,
    /// Touch files and run commands where sessions live.
    Workspace,
    /// Everything: tokens, processes, projects.
    Admin,
}

impl TokenScope {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sessions => "sessions",
            Self::Workspace => "workspace",
            Self::Admin => "admin",
        }
    }
}

/// `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// A name for it, 1 to 64 of `A-Z a-z 0-9 . _ -`, but neither `.` nor `..`.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
}

/// A token in a list: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenEntry {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new token. The secret is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// Name, scope and time.
    #[serde(flatten)]
    pub entry: TokenEntry,
    /// Pass it as `Authorization: Bearer TOKEN`.
    pub token: String,
}
