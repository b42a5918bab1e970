//! Who may ask: the home's own token, narrower tokens, and the owner of the Unix socket.
//! What a token may do comes from the daemon's record of it, never from the request.

mod random;
mod session;
#[cfg(test)]
mod tests;
mod tokens;

use tenure_api::TokenScope;
use tenure_event::SessionId;

pub(crate) use session::{of_session, session_token};
pub use tokens::{TokenError, Tokens};
pub(crate) use tokens::{remove_unfinished, replace_private};

/// Who asks, as far as the daemon knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `owner`, or the token's name with `token:` before it. Two callers never share one.
    pub name: String,
    /// What they may do.
    pub scope: TokenScope,
    /// Only the artifacts of this session.
    pub artifacts_of: Option<SessionId>,
}

impl Caller {
    /// The tool server of a session.
    pub(crate) fn tools_of(session: SessionId) -> Self {
        let name = format!("session:{session}");
        Self { name, scope: TokenScope::Workspace, artifacts_of: Some(session) }
    }

    /// Who holds the home's token, or the Unix socket as the same user.
    #[must_use]
    pub fn owner() -> Self {
        Self { name: "owner".to_owned(), scope: TokenScope::Admin, artifacts_of: None }
    }
}
