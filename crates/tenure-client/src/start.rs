//! Starting a daemon when none answers. Of several clients that start one at once, the home's lock lets one
//! daemon win; the clients of the others find the winner.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::link::Link;
use crate::{Client, ClientError, Home};

/// How long a daemon may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long the winner of the lock may take to tell where it is, after ours has lost.
const WINNER_WITHIN: Duration = Duration::from_secs(5);
/// How long a loser waits until it tries again itself, at first; then twice as long each time.
const AGAIN_FIRST: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(15);
/// How much of the daemon's log is shown when it did not start.
const LOG_TAIL_BYTES: usize = 1500;

/// A daemon that was started and may be on its way.
pub trait Starting: Send {
    /// How it ended, if it did.
    fn ended(&mut self) -> Option<Ended>;
}

/// A daemon ended before it was ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// In words, for example `exit status: 1`.
    pub how: String,
    /// Another daemon holds the home: that one is to be waited for.
    pub home_is_held: bool,
}

/// Starts `tenure up` for the home in the background and returns at once.
pub type Launcher = Arc<dyn Fn(&Home) -> io::Result<Box<dyn Starting>> + Send + Sync>;

/// Finds the daemon of a home, and starts one first if nothing answers. The client keeps the launcher: a daemon
/// that was killed while it is needed is started again.
///
/// # Errors
/// [`ClientError::NotStarted`] with the end of the daemon's log; anything else that answers wrongly.
pub async fn ensure_running(home: &Home, launcher: Launcher) -> Result<Client, ClientError> {
    let found = link(home, &launcher).await?;
    Ok(Client::of_home(home.clone(), found, Some(launcher)))
}

pub(crate) async fn link(home: &Home, launcher: &Launcher) -> Result<Link, ClientError> {
    let first = match Link::of_home(home).await {
        Err(error) if error.is_unreachable() => error,
        other => return other,
    };
    let not_started = |why: String| ClientError::NotStarted { why };
    make_private_dir(home).map_err(|e| not_started(format!("{}: {e}", home.dir().display())))?;
    let mut started = launcher(home).map_err(|e| not_started(e.to_string()))?;
    let mut last = first;
    let mut deadline = Instant::now() + READY_WITHIN;
    let mut lost = false;
    let mut again = AGAIN_FIRST;
    let mut start_again = None;
    while Instant::now() < deadline {
        sleep(PAUSE).await;
        if start_again.is_none()
            && let Some(ended) = started.ended()
        {
            if !ended.home_is_held {
                return Err(not_started(format!("{}{}", ended.how, log_tail(home))));
            }
            if !std::mem::replace(&mut lost, true) {
                deadline = deadline.min(Instant::now() + WINNER_WITHIN);
            }
            start_again = Some(Instant::now() + again);
            again *= 2;
        }
        // Who held the lock may have been a daemon in its death throes, and no winner.
        if start_again.is_some_and(|at| Instant::now() > at) {
            started = launcher(home).map_err(|e| not_started(e.to_string()))?;
            start_again = None;
        }
        // A stale file names a daemon that is gone: asking it is cheap, and the file may be new by now.
        match Link::of_home(home).await {
            Err(error) if error.is_unreachable() => last = error,
            other => return other,
        }
    }
    let who =
        if lost { "another daemon holds the home and does not get ready" } else { "it does not get ready" };
    Err(not_started(format!("{who} ({last}){}", log_tail(home))))
}

fn make_private_dir(home: &Home) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home.dir())
}

fn log_tail(home: &Home) -> String {
    let Ok(bytes) = std::fs::read(home.log_path()) else { return String::new() };
    let from = bytes.len().saturating_sub(LOG_TAIL_BYTES);
    let text = String::from_utf8_lossy(&bytes[from..]);
    let text = if from > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    if text.trim().is_empty() {
        return String::new();
    }
    format!("\n  the end of {}:\n    {}", home.log_path().display(), text.trim_end().replace('\n', "\n    "))
}
