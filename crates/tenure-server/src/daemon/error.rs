//! Why a daemon does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth::TokenError;
use crate::config::load::ConfigError;
use crate::problem::remedy;

/// Why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The home cannot be used.
    #[error(
        "cannot use the home {path}: {source}; {}, or give another --home",
        remedy(source, "make it a directory of this user")
    )]
    Home {
        /// The home.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another daemon has the home.
    #[error("a daemon{} runs on {home} already; stop it with `tenure down`, or give another --home", by(.pid.as_ref()))]
    Running {
        /// The home.
        home: PathBuf,
        /// The other daemon, if it told.
        pid: Option<i32>,
    },
    /// The configuration is broken.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokens cannot be read or made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] tenure_log::LogError),
    /// The address that was asked for cannot be had.
    #[error("cannot listen on {address}: {source}; give another --listen, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The Unix socket cannot be made.
    #[error("cannot make the socket {path}: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the home cannot be written.
    #[error("cannot write {path}: {source}; {}, then start again", remedy(source, "make it writable"))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Signals cannot be caught.
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
}

fn by(pid: Option<&i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}
