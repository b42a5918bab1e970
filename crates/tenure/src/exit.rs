//! How a command ends: the exit codes, and what becomes of every error.

use std::process::ExitCode;

use tenure_api::{ErrorCode, Problem};
use tenure_client::{ClientError, FindError};

/// The exit codes, which scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    NotFound,
    Unreachable,
    Denied,
    /// Only between a daemon and who started it: another one holds the home.
    HomeHeld,
    Interrupted,
    /// Whoever read the output stopped before it was known how the turn or the command ends.
    OutputClosed,
    /// Only of `exec`: what the command itself ended with.
    Command(u8),
}

impl Exit {
    /// As the shell sees it.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Denied => 5,
            Self::HomeHeld => 75,
            Self::Interrupted => 130,
            // As a program that SIGPIPE ended: 128 + 13.
            Self::OutputClosed => 141,
            Self::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// One line or more for people; empty when all has been said.
    pub(crate) message: String,
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl ToString) -> Self {
        Self { exit, message: message.to_string() }
    }

    pub(crate) fn usage(message: impl ToString) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Nobody reads the output any more, and that is all that went wrong.
    pub(crate) fn is_closed_output(&self) -> bool {
        self.exit == Exit::Done
    }

    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new(Exit::Failed, message)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Problem(problem) => of_problem(problem),
            other if other.is_unreachable() => Self::new(Exit::Unreachable, other),
            other => Self::failed(other),
        }
    }
}

fn of_problem(problem: &Problem) -> Failure {
    let exit = match problem.code {
        ErrorCode::NotFound | ErrorCode::Destroyed => Exit::NotFound,
        ErrorCode::Unauthorized | ErrorCode::Forbidden => Exit::Denied,
        ErrorCode::Invalid => Exit::Usage,
        _ => Exit::Failed,
    };
    let mut message = problem.detail.clone();
    if let Some(field) = problem.field.as_ref().filter(|f| !message.contains(f.as_str())) {
        message = format!("{field}: {message}");
    }
    let tail = problem.data.as_ref().and_then(|d| d.get("stderr_tail")).and_then(|t| t.as_str());
    if let Some(tail) = tail.map(str::trim).filter(|t| !t.is_empty() && !message.contains(*t)) {
        message = format!("{message}\n{}", crate::text::indent(&crate::text::clean(tail), "  | "));
    }
    Failure::new(exit, message.trim_end())
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Client(error) => error.into(),
            FindError::Ambiguous { .. } => Self::usage(error),
            FindError::None { .. } => Self::new(Exit::NotFound, error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Whoever read our output has had enough: no reason to complain. Verbs that tell by their exit code how
        // something ended must not stop at this.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::failed(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_output_is_no_complaint_but_can_be_told_from_success() {
        let closed = Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(closed.is_closed_output() && closed.message.is_empty());
        assert!(!Failure::from(std::io::Error::from(std::io::ErrorKind::NotFound)).is_closed_output());
        assert_eq!(Exit::OutputClosed.code(), 141);
    }
}
