//! The task that keeps the connection to a shim: writes what the outbox holds,
//! reads what the shim tells, and connects again for as long as the shim lives.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenure_crash_point::crash_point;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::attach::{clear_lost, greet, is_held};
use super::outbox::{Outbox, Outgoing};
use super::{Shim, ShimStatus};
use crate::protocol::{HEADER_BYTES, Kind, MAX_FRAME_BYTES, Progress, command_head, frame, json_frame};
use crate::record::{ShimIdentity, read_exit};

/// Pauses between attempts to connect again: this long at first, then doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// A command that takes this long to write gives way to a request to end, or to
/// kill, the agent: it may never be taken at all.
const STALL: Duration = Duration::from_secs(2);
const KILL_STALL: Duration = Duration::from_millis(250);

/// What the task works with.
pub(super) struct Link {
    pub(super) dir: PathBuf,
    pub(super) identity: Arc<ShimIdentity>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) status: watch::Sender<ShimStatus>,
}

/// Why a connection was left.
enum Left {
    /// The agent ended, or nobody holds the handle any more.
    Over,
    /// It broke, or was given up for an urgent request.
    Broken,
}

impl Link {
    /// A handle and the task behind it.
    pub(super) fn new(dir: &Path, identity: ShimIdentity, status: ShimStatus) -> (Shim, Link) {
        let identity = Arc::new(identity);
        let outbox = Arc::new(Outbox::default());
        let applied = status.acked;
        let (sender, receiver) = watch::channel(status);
        let shim = Shim {
            dir: dir.to_path_buf(),
            identity: Arc::clone(&identity),
            applied,
            outbox: Arc::clone(&outbox),
            status: receiver,
        };
        (shim, Link { dir: dir.to_path_buf(), identity, outbox, status: sender })
    }

    /// Runs until the agent is gone or the handle was dropped.
    pub(super) async fn run(self, first: UnixStream) {
        tokio::select! {
            () = self.stay_connected(first) => {}
            () = self.insist() => {}
        }
    }

    async fn stay_connected(&self, first: UnixStream) {
        let mut stream = first;
        loop {
            if let Left::Over = self.keep(stream).await {
                return;
            }
            self.status.send_modify(|status| status.connected = false);
            match self.again().await {
                Some(next) => stream = next,
                None => return,
            }
        }
    }

    /// Uses one connection until it is over.
    async fn keep(&self, stream: UnixStream) -> Left {
        if self.status.borrow().is_over() {
            self.outbox.set_gone();
            return Left::Over;
        }
        let (reader, writer) = stream.into_split();
        // Two small reads per frame otherwise, and one per frame is the usual pace.
        let reader = BufReader::with_capacity(512, reader);
        tokio::select! {
            left = self.read(reader) => left,
            left = self.write(writer) => left,
        }
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin) -> Left {
        loop {
            let Ok((kind, payload)) = read_frame(&mut reader).await else { return Left::Broken };
            let understood = match Kind::of(kind) {
                Some(Kind::Progress) => Progress::decode(&payload).map(|progress| {
                    crash_point!("link.heard");
                    self.outbox.acknowledge(progress.applied);
                    self.status.send_modify(|status| status.advance(progress));
                }),
                Some(Kind::Refused) => serde_json::from_slice(&payload).ok().map(|refused| {
                    self.status.send_modify(|status| status.refused = Some(refused));
                }),
                Some(Kind::Exited) => match serde_json::from_slice(&payload) {
                    Ok(record) => {
                        self.outbox.set_gone();
                        self.status.send_modify(|status| status.exited(record));
                        return Left::Over;
                    }
                    Err(_) => None,
                },
                _ => None,
            };
            if understood.is_none() {
                tracing::warn!(dir = %self.dir.display(), kind, "a shim sent a frame that is not understood");
                return Left::Broken;
            }
        }
    }

    async fn write(&self, mut writer: impl AsyncWrite + Unpin) -> Left {
        loop {
            // What is urgent is still said for a handle that is dropped right after.
            if self.outbox.is_closed() && !self.outbox.has_urgent() {
                return Left::Over;
            }
            let Some(next) = self.outbox.peek() else {
                self.outbox.changed().await;
                continue;
            };
            let write = write_one(&mut writer, &next);
            let written = tokio::select! {
                written = write => written,
                () = self.overtaken(&next) => return Left::Broken,
            };
            if written.is_err() {
                return Left::Broken;
            }
            crash_point!("link.written");
            self.outbox.written(&next);
        }
    }

    /// Until something urgent, or the end of the handle, has waited too long behind
    /// what is being written.
    async fn overtaken(&self, current: &Outgoing) {
        loop {
            if self.outbox.has_urgent() || self.outbox.is_closed() {
                sleep(if self.outbox.has_kill() { KILL_STALL } else { STALL }).await;
                if !current.is_urgent() {
                    self.outbox.hurry();
                }
                return;
            }
            self.outbox.changed().await;
        }
    }

    /// Connects again, for as long as the shim lives.
    async fn again(&self) -> Option<UnixStream> {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.outbox.is_closed() {
                return None;
            }
            if self.find_end().await {
                self.outbox.set_gone();
                return None;
            }
            if let Ok((stream, welcome)) = greet(&self.dir).await {
                self.outbox.restart(welcome.applied, welcome.open);
                self.status.send_modify(|status| {
                    status.spool_end = status.spool_end.max(welcome.spool_end);
                    status.acked = status.acked.max(welcome.applied);
                    status.connected = true;
                    if let Some(exit) = welcome.exit {
                        status.exited(exit);
                    }
                });
                return Some(stream);
            }
            // A dropped handle need not wait for the pause.
            let _ = timeout(pause, self.outbox.changed()).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Whether the shim is gone; how it ended is then in the status.
    pub(super) async fn find_end(&self) -> bool {
        // Unreadable files say nothing; the next attempt reads them again.
        if let Ok(Some(record)) = read_exit(&self.dir) {
            self.status.send_modify(|status| status.exited(record));
            return true;
        }
        if self.identity.shim.is_alive() || is_held(&self.dir).unwrap_or(true) {
            return false;
        }
        // Between the two looks above it may have written its record.
        if let Ok(Some(record)) = read_exit(&self.dir) {
            self.status.send_modify(|status| status.exited(record));
            return true;
        }
        let lost = clear_lost(Some((*self.identity).clone())).await;
        self.status.send_modify(|status| {
            status.connected = false;
            status.lost = Some(Arc::new(lost));
        });
        true
    }
}

async fn write_one(writer: &mut (impl AsyncWrite + Unpin), what: &Outgoing) -> io::Result<()> {
    match what {
        Outgoing::Kill => writer.write_all(&frame(Kind::Kill, &[])).await,
        Outgoing::Release(open) => writer.write_all(&frame(Kind::Release, &open.to_le_bytes())).await,
        Outgoing::End(ladder) => writer.write_all(&json_frame(Kind::End, ladder)?).await,
        Outgoing::Command(n, bytes) => {
            let head = command_head(*n, bytes.len());
            // One system call for the usual, small command.
            if bytes.len() <= 4096 {
                let mut whole = Vec::with_capacity(head.len() + bytes.len());
                whole.extend_from_slice(&head);
                whole.extend_from_slice(bytes);
                return writer.write_all(&whole).await;
            }
            writer.write_all(&head).await?;
            writer.write_all(bytes).await
        }
    }
}

/// Reads one frame that a shim sent: its kind and payload.
pub(super) async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; HEADER_BYTES];
    reader.read_exact(&mut head).await?;
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if len > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a shim sent a frame beyond all bounds"));
    }
    let mut payload = vec![0; len];
    reader.read_exact(&mut payload).await?;
    Ok((head[4], payload))
}
