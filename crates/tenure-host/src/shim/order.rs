//! What the launcher tells a new shim, and what it answers: one JSON document
//! each, over the pipes of its standard input and output. Values of the
//! environment travel only here, never in arguments or files.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::record::{ShimIdentity, SpoolLimits};

/// The kernel takes no more than 6 MB of arguments and environment together.
const MAX_ORDER: u64 = 16 << 20;

/// A launch order. It holds secrets, so it has no debug form.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) limits: SpoolLimits,
    #[serde(default)]
    pub(crate) cgroup: Option<PathBuf>,
    #[serde(default)]
    pub(crate) keep_children: bool,
    /// The soft limit of descriptors, for shim and agent; none leaves the launcher's.
    #[serde(default)]
    pub(crate) descriptors: Option<u64>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Started(ShimIdentity),
    Failed(StartFailure),
}

/// Why no agent was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StartFailure {
    NotFound { program: String, tried: Vec<PathBuf> },
    NotExecutable { path: PathBuf, errno: i32 },
    InterpreterMissing { path: PathBuf },
    CwdMissing { cwd: PathBuf, errno: i32 },
    Held,
    Order { message: String },
    System { doing: String, errno: Option<i32>, message: String },
}

impl StartFailure {
    pub(crate) fn order(error: io::Error) -> StartFailure {
        StartFailure::Order { message: error.to_string() }
    }

    pub(crate) fn system(doing: &str, error: impl Into<io::Error>) -> StartFailure {
        let error = error.into();
        StartFailure::System {
            doing: doing.to_owned(),
            errno: error.raw_os_error(),
            message: error.to_string(),
        }
    }
}

impl Order {
    /// Reads the order to the end of standard input. A launcher that died half-way
    /// leaves a torn document, which starts nothing.
    pub(crate) fn receive() -> io::Result<Order> {
        let mut text = Vec::new();
        io::stdin().lock().take(MAX_ORDER).read_to_end(&mut text)?;
        let order: Order = serde_json::from_slice(&text)?;
        if order.argv.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
        }
        Ok(order)
    }
}

impl Report {
    /// Answers the launcher. If it is gone there is nobody to tell.
    pub(crate) fn send(&self) {
        let Ok(text) = serde_json::to_vec(self) else { return };
        let mut out = io::stdout().lock();
        let _ = out.write_all(&text).and_then(|()| out.flush());
    }
}
