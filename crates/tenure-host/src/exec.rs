//! Commands run for a client: argv or nothing, streams as they come, and an end
//! that takes the whole tree along.
//!
//! Each runs under a small shim of its own (`PROGRAM shim --exec`), which is its
//! parent, a session leader and a subreaper, so that also a child that calls
//! `setsid` stays below it. The shim holds one end of a socket, this process the
//! other: when that breaks, because the handle was dropped or the daemon died, the
//! shim kills everything below it. No command outlives its daemon, but for the moment
//! that one may be given to come to its end ([`Gently`]).
//!
//! It decides nothing: how long a command may run and how much of its output is
//! kept is its caller's business.

mod start;
pub(crate) mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};

pub use start::{ExecSpec, Gently, exec};
pub use wire::Ended;

use crate::process::PidRef;
use wire::Report;

/// The shim tells its command's end at most this long after it was told to kill.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a lock.
const PAUSE: Duration = Duration::from_millis(5);
/// Longest line that a shim sends, in bytes.
const LINE: usize = 1 << 20;

/// A command that was started. Dropping it ends its whole tree.
#[derive(Debug)]
pub struct Exec {
    /// The command, and what ends it.
    pub process: ExecProcess,
    /// Its standard input; dropped, the command reads the end.
    pub stdin: pipe::Sender,
    /// Its standard output.
    pub stdout: pipe::Receiver,
    /// Its standard error.
    pub stderr: pipe::Receiver,
}

/// A running command without its streams: whom to end, and how it ended. Clones mean the same command; when the
/// last one is dropped the command's tree is ended.
#[derive(Debug, Clone)]
pub struct ExecProcess {
    shim: Option<PidRef>,
    command: PidRef,
    words: mpsc::Sender<u8>,
    ended: watch::Receiver<Option<Arc<Ended>>>,
}

impl ExecProcess {
    /// The command's process.
    #[must_use]
    pub fn command(&self) -> &PidRef {
        &self.command
    }

    /// Its parent: what descends from it belongs to the command.
    #[must_use]
    pub fn shim(&self) -> Option<&PidRef> {
        self.shim.as_ref()
    }

    /// Asks the command itself to end (`SIGTERM`).
    pub fn terminate(&self) {
        let _ = self.words.try_send(wire::TERM);
    }

    /// Kills everything that it started, and itself.
    pub fn kill(&self) {
        let _ = self.words.try_send(wire::KILL);
    }

    /// Lets go of it, as if the last handle were dropped, and waits for its end.
    pub async fn leave_and_wait(&self) -> Arc<Ended> {
        self.end_and_wait(wire::LEAVE).await
    }

    /// Kills it and waits for its end. A shim that does not carry that out, because it was stopped or hangs, is
    /// killed with all that is below it.
    pub async fn kill_and_wait(&self) -> Arc<Ended> {
        self.end_and_wait(wire::KILL).await
    }

    async fn end_and_wait(&self, word: u8) -> Arc<Ended> {
        let _ = self.words.try_send(word);
        if let Ok(ended) = tokio::time::timeout(PATIENCE, self.wait()).await {
            return ended;
        }
        let root = self.shim.clone().unwrap_or_else(|| self.command.clone());
        let work = move || crate::process::sweep(&crate::process::tree(root.pid));
        let report = crate::os::off_thread("exec sweep", work).await.unwrap_or_default();
        match tokio::time::timeout(PATIENCE, self.wait()).await {
            Ok(ended) => ended,
            Err(_) => {
                Arc::new(Ended { code: None, signal: None, hit: report.killed, remained: report.remained })
            }
        }
    }

    /// How it ended, once it has and nothing of its tree is left.
    #[must_use]
    pub fn ended(&self) -> Option<Arc<Ended>> {
        self.ended.borrow().clone()
    }

    /// Waits for that.
    pub async fn wait(&self) -> Arc<Ended> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(told) => told.clone().unwrap_or_default(),
            // The task that listens ends only after it told.
            Err(_) => Arc::default(),
        }
    }
}

/// Waits until nothing of a command lives that was started with this lock ([`Gently`]). False if something does to
/// the end of the patience. Blocks.
///
/// # Errors
/// What the system says to opening and locking the file.
pub fn wait_for_release(lock: &Path, patience: Duration) -> std::io::Result<bool> {
    let until = Instant::now() + patience;
    loop {
        match crate::lock_file(lock) {
            Ok(_) => return Ok(true),
            Err(crate::LockError::Held { .. }) if Instant::now() < until => std::thread::sleep(PAUSE),
            Err(crate::LockError::Held { .. }) => return Ok(false),
            Err(crate::LockError::Io { source, .. }) => return Err(source),
        }
    }
}

/// Talks with a shim until the command has ended.
async fn attend(
    control: UnixStream,
    mut words: mpsc::Receiver<u8>,
    told: watch::Sender<Option<Arc<Ended>>>,
    lost: Lost,
) {
    let (read, mut write) = control.into_split();
    let mut lines = BufReader::new(read);
    let mut line = Vec::new();
    let end = loop {
        tokio::select! {
            read = lines.read_until(b'\n', &mut line) => {
                let whole = read.is_ok_and(|got| got > 0) && line.last() == Some(&b'\n');
                break whole.then(|| serde_json::from_slice::<Report>(&line).ok()).flatten();
            }
            word = words.recv() => match word {
                Some(word) => {
                    if write.write_all(&[word]).await.is_err() {
                        break None;
                    }
                }
                // Nobody holds the command any more.
                None => {
                    let _ = write.write_all(&[wire::LEAVE]).await;
                    let last = tokio::time::timeout(PATIENCE, lines.read_until(b'\n', &mut line)).await;
                    break last.is_ok().then(|| serde_json::from_slice::<Report>(&line).ok()).flatten();
                }
            },
        }
        if line.len() > LINE {
            break None;
        }
    };
    let ended = match end {
        Some(Report::Ended(ended)) => ended,
        // Its shim was killed, and the command with it; what is left of its tree is found by its shim's end.
        _ => lost.sweep().await,
    };
    told.send_replace(Some(Arc::new(ended)));
}

/// Whom to end if the shim dies without a word.
struct Lost {
    command: PidRef,
}

impl Lost {
    async fn sweep(self) -> Ended {
        let work = move || crate::process::sweep(&crate::process::tree(self.command.pid));
        let report = crate::os::off_thread("exec sweep", work).await.unwrap_or_default();
        Ended { code: None, signal: Some(libc::SIGKILL), hit: report.killed, remained: report.remained }
    }
}
