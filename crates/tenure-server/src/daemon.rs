//! The daemon of a home: the lock, the files that tell clients where it is, the listeners, and a
//! stop that leaves agents working.
//!
//! The lock is the truth of who the daemon is; `daemon.json` is a hint.

mod error;
mod home;
mod listen;
mod log_file;
mod signals;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_crash_point::crash_point;
use tokio_util::sync::CancellationToken;

pub use error::DaemonError;
pub use log_file::LogFile;

use crate::auth::{self, Tokens};
use crate::clock;
use crate::config::load::LiveConfig;
use crate::http::{App, AppParts, Gate, HttpLimits, serve};
use crate::node::{Node, NodeOptions};

/// What is done when a daemon serves.
pub type OnReady = Box<dyn FnOnce(&Running) + Send>;

/// How a daemon is started.
#[derive(Default)]
pub struct DaemonOptions {
    /// Everything it keeps is in here.
    pub home: PathBuf,
    /// Where it listens; an address that is taken is an error then. Without it 127.0.0.1:7420, or a free
    /// port if that is taken.
    pub listen: Option<SocketAddr>,
    /// The program that becomes a shim; this very program if none.
    pub program: Option<PathBuf>,
    /// Called once `daemon.json` is written: from now on clients are served.
    pub on_ready: Option<OnReady>,
}

/// `daemon.json`: where a daemon is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its address for HTTP.
    pub url: String,
    /// Its Unix socket.
    pub socket: PathBuf,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started_at: tenure_event::Timestamp,
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// [`DaemonError`] when it cannot start; nothing is left behind then.
pub async fn run(options: DaemonOptions) -> Result<(), DaemonError> {
    let stopping = CancellationToken::new();
    signals::stop_on_signals(&stopping)?;
    run_until(options, stopping).await
}

/// Runs the daemon until `stopping` is set.
///
/// # Errors
/// [`DaemonError`] when it cannot start; nothing is left behind then.
pub async fn run_until(options: DaemonOptions, stopping: CancellationToken) -> Result<(), DaemonError> {
    let started_at = clock::now();
    let descriptors = tenure_host::raise_descriptor_limit();
    let home = home::prepare(&options.home)?;
    let _lock = home::lock(&home).await?;
    crash_point!("up.locked");
    for dir in [&home, &home.join("workspaces")] {
        auth::remove_unfinished(dir);
    }
    let config = LiveConfig::open(&home)?;
    let tokens = Tokens::open(&home)?;
    let tcp = listen::tcp(options.listen).await?;
    let (unix, socket) = listen::unix(&home)?;
    let node_name = home::machine_name();
    let node = Node::open(NodeOptions {
        home: home.clone(),
        config: config.subscribe(),
        program: options.program,
        name: node_name.clone(),
    })
    .await?;
    let app = App::new(AppParts {
        node: Arc::clone(&node),
        config: Arc::clone(&config),
        tokens,
        listen: Some(tcp.address),
        limits: HttpLimits::default().within(descriptors),
        node_name,
        started_at,
        stopping: stopping.clone(),
    });
    let running = Running {
        url: tcp.url(),
        socket: socket.clone(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
    };
    let file = home.join("daemon.json");
    let text = serde_json::to_vec_pretty(&running).map_err(std::io::Error::other);
    text.and_then(|text| auth::replace_private(&file, &text))
        .map_err(|source| DaemonError::File { path: file.clone(), source })?;
    crash_point!("up.told");
    tracing::info!(url = %running.url, socket = %running.socket.display(), "ready");
    if let Some(on_ready) = options.on_ready {
        on_ready(&running);
    }
    let watching = signals::watch_config(Arc::clone(&config), stopping.clone());
    let history = Arc::clone(&app.history);
    let keeping = history.keep();
    let following = tokio::spawn(Arc::clone(&history).follow_the_log(stopping.clone()));
    serve(Gate::new(app), vec![tcp.listener, unix]).await;
    let _ = watching.await;
    let _ = following.await;
    // Before the log is closed under it. It ends after the step that it is at.
    history.stop();
    if let Some(keeping) = keeping {
        let _ = tokio::task::spawn_blocking(move || keeping.join()).await;
    }
    node.shut_down().await;
    for left in [&file, &socket] {
        if let Err(error) = std::fs::remove_file(left) {
            tracing::warn!("{} stays behind: {error}", left.display());
        }
    }
    tracing::info!("stopped; agents work on");
    Ok(())
}
