//! What can go wrong when the daemon is asked for something.

use std::time::Duration;

use tenure_api::{ErrorCode, Problem};

/// A request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The daemon answered with a problem; its `code` tells the kind.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// No daemon answers.
    #[error("no daemon answers at {place}: {why}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What happened.
        why: String,
    },
    /// It answers, but not within the time that this request may take.
    #[error("the daemon did not answer within {} s; `tenure doctor` tells whether it is well", limit.as_secs())]
    Timeout {
        /// The time it had.
        limit: Duration,
    },
    /// Something answers that is no Tenure daemon, or one whose answer this version cannot read.
    #[error("the answer cannot be understood ({what}); is this a Tenure daemon, and of this version?")]
    Unintelligible {
        /// What was wrong.
        what: String,
    },
    /// An input that is waited for was taken back before a turn took it.
    #[error("the input was taken back ({reason}): send it again if it is still wanted")]
    Cancelled {
        /// Why: `request` or `discarded`.
        reason: String,
    },
    /// A daemon was started and did not get ready.
    #[error("the daemon did not start: {why}")]
    NotStarted {
        /// What happened, with the end of its log.
        why: String,
    },
}

impl ClientError {
    /// The stable code, when the daemon itself answered.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether no daemon could be asked at all.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotStarted { .. })
    }

    pub(crate) fn unintelligible(what: impl ToString) -> Self {
        Self::Unintelligible { what: what.to_string() }
    }

    /// What reqwest reports, in our words. Its own text is only the last link of a chain of causes.
    pub(crate) fn of_transport(error: &reqwest::Error, place: &str, limit: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout { limit };
        }
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            why = inner.to_string();
            cause = inner.source();
        }
        Self::Unreachable { place: place.to_owned(), why }
    }
}

impl From<Problem> for ClientError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
