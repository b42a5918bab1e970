//! Tokens of sessions: what a session's own tool server shows. One reaches the artifacts of its session and nothing
//! else. It is kept with the session's other secrets, and gone with them.

use std::path::Path;

use subtle::ConstantTimeEq;
use tenure_event::SessionId;

use super::random::{hash, secret};
use super::{Caller, TokenError};
use crate::owner::{Private, off_thread, session_dir};

const PREFIX: &str = "tns_";

/// A new token for a session.
pub(crate) fn session_token(session: &SessionId) -> Result<String, TokenError> {
    Ok(format!("{PREFIX}{session}.{}", secret()?))
}

/// Whose tool server shows this token.
pub(crate) async fn of_session(home: &Path, presented: &str) -> Option<Caller> {
    let (session, _) = presented.strip_prefix(PREFIX)?.rsplit_once('.')?;
    let session = SessionId::parse(session).ok()?;
    let dir = session_dir(home, &session);
    let kept = off_thread(move || Private::read(&dir)).await.ok()?.tools_token()?;
    let equal = hash(&kept).as_bytes().ct_eq(hash(presented).as_bytes());
    bool::from(equal).then(|| Caller::tools_of(session))
}
