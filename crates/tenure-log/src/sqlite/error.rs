//! What SQLite's errors mean to a caller of the log.

use rusqlite::ErrorCode;

use crate::LogError;

impl From<rusqlite::Error> for LogError {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(e.to_string()),
            Some(ErrorCode::DiskFull) => Self::Storage { message: e.to_string(), full: true },
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
                Self::Invalid(e.to_string())
            }
            Some(_) => Self::Storage { message: e.to_string(), full: false },
            // Without a code it is a row that could not be read as what we wrote.
            None => Self::Corrupt(e.to_string()),
        }
    }
}

impl LogError {
    /// Whether the disk, not the request, is to blame.
    pub(super) fn is_storage(&self) -> bool {
        matches!(self, Self::Storage { .. })
    }

    /// Says what is affected by damage.
    pub(super) fn concerning(self, what: &str) -> Self {
        match self {
            Self::Corrupt(how) => Self::Corrupt(format!("{what}: {how}")),
            other => other,
        }
    }
}
