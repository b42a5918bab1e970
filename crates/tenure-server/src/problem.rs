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
        LogError::Storage { .. } | LogError::Corrupt(_) => ErrorCode::Storage,
        LogError::CursorExpired { .. } => ErrorCode::CursorExpired,
        LogError::Closed => ErrorCode::NotReady,
        LogError::Conflict { .. } => ErrorCode::Conflict,
        LogError::Newer { .. } | LogError::Invalid(_) => ErrorCode::Internal,
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

/// Something of the session cannot be read from the log.
pub(crate) fn damaged(id: &SessionId, found: &str) -> Problem {
    let detail = format!(
        "session {id} cannot be read from the log: {found}; what else can be read is told by `tenure doctor`; \
         keep a copy of tenure.db and its -wal file before anything is tried"
    );
    Problem::new(ErrorCode::Storage, detail).about(id)
}

/// No such session.
pub(crate) fn no_session(id: &SessionId) -> Problem {
    Problem::new(ErrorCode::NotFound, format!("there is no session {id}; `tenure ls` lists them")).about(id)
}

/// The session was destroyed.
pub(crate) fn destroyed(id: &SessionId) -> Problem {
    Problem::new(ErrorCode::Destroyed, format!("session {id} was destroyed")).about(id)
}

/// It has no `ErrorKind` of its own.
const EIO: i32 = 5;

/// Whether the disk is to blame, which may be well again later.
pub(crate) fn is_of_the_disk(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(e.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem) || e.raw_os_error() == Some(EIO)
}

/// What to do about a failure of the home's disk; `otherwise` where it is not the disk's.
pub(crate) fn remedy<'a>(source: &std::io::Error, otherwise: &'a str) -> &'a str {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded => "free space",
        ReadOnlyFilesystem => "mount its file system writable",
        _ if source.raw_os_error() == Some(EIO) => {
            "look at the disk (the kernel's log tells more) and free or replace it"
        }
        _ => otherwise,
    }
}
