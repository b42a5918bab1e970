//! Failures of what lies below, as clients are told of them.

use tenure_api::{ErrorCode, Problem};
use tenure_event::SessionId;
use tenure_log::LogError;

/// Something that should not happen.
pub(crate) fn internal(what: &str) -> Problem {
    Problem::new(
        ErrorCode::Internal,
        format!("{what}; this is a defect of Tenure, the daemon's log tells more"),
    )
}

/// A failure of the log.
pub(crate) fn from_log(e: &LogError) -> Problem {
    let code = match e {
        LogError::Storage { .. } => ErrorCode::Storage,
        LogError::CursorExpired { .. } => ErrorCode::CursorExpired,
        LogError::Closed => ErrorCode::NotReady,
        LogError::Conflict { .. } => ErrorCode::Conflict,
        LogError::Newer { .. } | LogError::Corrupt(_) | LogError::Invalid(_) => ErrorCode::Internal,
    };
    Problem::new(code, e.to_string())
}

/// The session's task ended before it could answer.
pub(crate) fn owner_gone(id: &SessionId, stopping: bool) -> Problem {
    let what = if stopping {
        "the daemon is stopping; try again when it is up"
    } else {
        "the session's state cannot be read; the daemon's log tells why"
    };
    Problem::new(ErrorCode::NotReady, what).about(id)
}

/// No such session.
pub(crate) fn no_session(id: &SessionId) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no session {id}; `tenure ls` lists them")).about(id)
}

/// The session was destroyed.
pub(crate) fn destroyed(id: &SessionId) -> Problem {
    Problem::new(ErrorCode::Destroyed, format!("session {id} was destroyed")).about(id)
}
