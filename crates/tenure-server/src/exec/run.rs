//! One command at work: its streams as pieces, its deadline, its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tenure_api::ExecResult;
use tenure_event::SessionId;
use tenure_host::{Exec, ExecProcess, LaunchError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Collected, Order};
use crate::clock;
use crate::node::Shared;

/// Bytes that are read at once.
const BLOCK: usize = 16 * 1024;
/// Pieces that wait for a slow reader; then the command waits.
const PIECES: usize = 16;
/// How long the last pieces may wait for their reader once the command has ended.
const LAST_PIECES: Duration = Duration::from_secs(60);

/// What a command gives, in order. The end is last.
pub(crate) enum Piece {
    Out(Bytes),
    Err(Bytes),
    End(End),
}

/// How a command ended. Nothing of its tree is left but what `remained`.
#[derive(Debug, Clone, Default)]
pub(crate) struct End {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub timed_out: bool,
    pub cancelled: bool,
    pub duration_ms: u64,
}

/// A command that was started. Whoever drops it does not want it any more: it is killed.
pub(crate) struct Run {
    pub id: String,
    pub pid: u32,
    pub pieces: mpsc::Receiver<Piece>,
}

impl Run {
    /// Waits for its end; what it wrote, within bounds.
    pub(crate) async fn gather(self) -> ExecResult {
        let Self { id, mut pieces, .. } = self;
        let mut all = Collected::default();
        while let Some(piece) = pieces.recv().await {
            if let Some(end) = all.take(&piece) {
                return all.result(id, &end);
            }
        }
        // Only a daemon that ends drops its tasks.
        all.result(id, &End { cancelled: true, ..End::default() })
    }
}

/// Starts a command of a session, which must not be destroyed. `cancel` kills it; so do the end of the daemon and
/// the session's.
pub(crate) async fn start(
    shared: &Arc<Shared>,
    session: &SessionId,
    order: Order,
    cancel: CancellationToken,
) -> Result<Run, LaunchError> {
    let Order { spec, stdin, timeout, place } = order;
    let begun = Instant::now();
    let exec = tenure_host::exec(spec).await?;
    let id = format!("exe_{}", clock::new_uuid().simple());
    let pid = u32::try_from(exec.process.command().pid).unwrap_or(0);
    shared.execs.started(&id, session, &exec.process, cancel.clone(), place);
    let (out, pieces) = mpsc::channel(PIECES);
    let drive = Drive { shared: Arc::clone(shared), id: id.clone(), begun, timeout, cancel, out };
    shared.tasks.spawn(drive.run(exec, stdin));
    Ok(Run { id, pid, pieces })
}

struct Drive {
    shared: Arc<Shared>,
    id: String,
    begun: Instant,
    timeout: Option<Duration>,
    cancel: CancellationToken,
    out: mpsc::Sender<Piece>,
}

impl Drive {
    async fn run(self, exec: Exec, stdin: Bytes) {
        let Exec { process, stdin: pipe, stdout, stderr } = exec;
        let feeding = tokio::spawn(feed(pipe, stdin));
        let readers = [
            tokio::spawn(carry(stdout, self.out.clone(), Piece::Out)),
            tokio::spawn(carry(stderr, self.out.clone(), Piece::Err)),
        ];
        let mut end = self.to_its_end(&process).await;
        feeding.abort();
        end.duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shared.execs.exited(&self.id, end.code, end.signal);
        last_pieces(readers).await;
        let _ = self.out.send_timeout(Piece::End(end), LAST_PIECES).await;
    }

    /// Until nothing of its tree is left.
    async fn to_its_end(&self, process: &ExecProcess) -> End {
        let mut end = End::default();
        let deadline = async {
            match self.timeout {
                Some(time) => tokio::time::sleep(time.saturating_sub(self.begun.elapsed())).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            biased;
            ended = process.wait() => ended,
            () = deadline => {
                end.timed_out = true;
                process.kill_and_wait().await
            }
            () = self.cancel.cancelled() => {
                end.cancelled = true;
                process.kill_and_wait().await
            }
            () = self.shared.stopping.cancelled() => {
                end.cancelled = true;
                process.kill_and_wait().await
            }
            // Nobody reads it any more.
            () = self.out.closed() => {
                end.cancelled = true;
                process.kill_and_wait().await
            }
        };
        if !ended.remained.is_empty() {
            tracing::error!(exec = self.id, pids = ?ended.remained, "processes of a command could not be ended");
        }
        (end.code, end.signal) = (ended.code, ended.signal);
        end
    }
}

async fn feed(mut pipe: pipe::Sender, bytes: Bytes) {
    // A command that does not read to the end has its reasons.
    let _ = pipe.write_all(&bytes).await;
}

async fn carry(mut pipe: pipe::Receiver, out: mpsc::Sender<Piece>, piece: fn(Bytes) -> Piece) {
    let mut block = vec![0; BLOCK];
    while let Ok(got @ 1..) = pipe.read(&mut block).await {
        if out.send(piece(Bytes::copy_from_slice(&block[..got]))).await.is_err() {
            return;
        }
    }
}

/// Brings what is still in the pipes to the reader, if it reads.
async fn last_pieces(readers: [JoinHandle<()>; 2]) {
    let stop = readers.each_ref().map(JoinHandle::abort_handle);
    let all = async {
        for reader in readers {
            let _ = reader.await;
        }
    };
    if tokio::time::timeout(LAST_PIECES, all).await.is_err() {
        stop.iter().for_each(tokio::task::AbortHandle::abort);
    }
}
