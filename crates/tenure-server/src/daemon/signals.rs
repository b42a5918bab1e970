//! Signals: SIGTERM and SIGINT stop the daemon, SIGHUP reads the configuration again.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::DaemonError;
use crate::config::load::LiveConfig;

/// Sets `stopping` at the first SIGTERM or SIGINT.
pub(super) fn stop_on_signals(stopping: &CancellationToken) -> Result<(), DaemonError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(DaemonError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DaemonError::Signals)?;
    let stopping = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stopping.cancelled() => return,
        }
        tracing::info!("stopping; agents work on");
        stopping.cancel();
    });
    Ok(())
}

/// Reads the configuration again at SIGHUP and when its file changes, until the daemon stops.
pub(super) fn watch_config(config: Arc<LiveConfig>, stopping: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let hangup = async {
            // Without the signal there is still the look at the file.
            let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
            while hangup.recv().await.is_some() {
                config.reload();
            }
        };
        tokio::select! {
            () = hangup => {}
            () = config.watch_file() => {}
            () = stopping.cancelled() => {}
        }
    })
}
