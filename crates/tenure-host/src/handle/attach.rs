//! Finding out what became of a shim, and connecting to it if it lives.

use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use super::link::{Link, read_frame};
use super::{Shim, ShimStatus};
use crate::os::{cgroup, off_thread};
use crate::process::{PidRef, sweep};
use crate::protocol::{self, Hello, Kind, Welcome, json_frame};
use crate::record::{ExitRecord, LOCK_FILE, LOST_FILE, SOCKET_FILE, ShimIdentity, read_exit, read_identity};

/// How long a living shim may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one greeting may take.
const GREETING: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// What became of a shim.
#[derive(Debug)]
pub enum Attached {
    /// It runs, and so does its agent.
    Live(Shim),
    /// The agent has ended and the shim told how.
    Exited(ExitRecord),
    /// The shim is gone without a word. Its agent died with it.
    Lost(Lost),
}

/// A shim that ended without an exit record: killed, or the machine went down.
/// What was still found of its agent was killed; what left the tree is found only
/// by its marker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    /// Its agent was started.
    pub ran: bool,
    /// Who ran, if that was written down and can still be read.
    pub identity: Option<ShimIdentity>,
    /// Processes that were killed.
    pub hit: Vec<i32>,
    /// Processes that could not be killed in time.
    pub remained: Vec<i32>,
}

/// Why nothing can be said about a shim, or why it cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no such directory.
    #[error("there is no shim's directory {dir}")]
    NoShim {
        /// The directory.
        dir: PathBuf,
    },
    /// It lives but does not answer. Sweeping the shim of [`crate::read_identity`]
    /// ends it and its tree; after that it is lost.
    #[error(
        "the shim in {dir} lives but does not answer ({source}); killing the process ends it and its agent"
    )]
    Deaf {
        /// The directory.
        dir: PathBuf,
        /// The last thing seen.
        source: io::Error,
    },
    /// It speaks a protocol that is not known here.
    #[error("the shim in {dir} speaks protocol {protocol}, newer than this program")]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Its protocol.
        protocol: u32,
    },
    /// Its files cannot be read.
    #[error("cannot read the shim's files in {dir}: {source}")]
    Files {
        /// The directory.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Finds out what became of the shim of a directory, and connects if it lives. If
/// it does not, nothing will ever start in this directory again, and what it leaves behind is killed first, as far as it is known.
///
/// # Errors
/// See [`AttachError`].
pub async fn attach(dir: &Path) -> Result<Attached, AttachError> {
    let files = |source| AttachError::Files { dir: dir.to_path_buf(), source };
    if let Some(record) = whole(read_exit(dir)).map_err(files)?.flatten() {
        return Ok(Attached::Exited(record));
    }
    let end = Instant::now() + PATIENCE;
    loop {
        if give_up(dir).map_err(|source| missing(dir, source))? {
            // It may have written its record just before it went.
            if let Some(record) = whole(read_exit(dir)).map_err(files)?.flatten() {
                return Ok(Attached::Exited(record));
            }
            return Ok(Attached::Lost(match whole(read_identity(dir)).map_err(files)? {
                Some(identity) => clear_lost(identity).await,
                None => Lost { ran: true, ..Lost::default() },
            }));
        }
        // Held without an identity: it is about to start its agent.
        if let Some(identity) = read_identity(dir).map_err(files)? {
            let shim = connect(dir, identity).await?;
            let (exit, lost) = {
                let status = shim.status.borrow();
                (status.exit.clone(), status.lost.clone())
            };
            return Ok(match (exit, lost) {
                (Some(exit), _) => Attached::Exited(Arc::unwrap_or_clone(exit)),
                (None, Some(lost)) => Attached::Lost(Arc::unwrap_or_clone(lost)),
                (None, None) => Attached::Live(shim),
            });
        }
        if Instant::now() >= end {
            let source = io::Error::new(io::ErrorKind::TimedOut, "it starts no agent");
            return Err(AttachError::Deaf { dir: dir.to_path_buf(), source });
        }
        sleep(PAUSE).await;
    }
}

/// What a file of a shim that is gone says; none if it is not whole, as the end of the machine may leave it.
fn whole<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            tracing::warn!(error = %e, "a file of a shim is not whole and counts as not written");
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn missing(dir: &Path, source: io::Error) -> AttachError {
    let dir = dir.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => AttachError::NoShim { dir },
        _ => AttachError::Files { dir, source },
    }
}

/// Gives a directory up for good, unless a shim holds it. A shim that was started
/// by a daemon which died at that moment may still be on its way to its lock: it
/// will find the mark and start nothing.
fn give_up(dir: &Path) -> io::Result<bool> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let lock = rustix::fs::open(dir.join(LOCK_FILE), flags, Mode::RUSR | Mode::WUSR)?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    }
    if whole(read_exit(dir))?.flatten().is_none() {
        rustix::fs::open(dir.join(LOST_FILE), flags, Mode::RUSR | Mode::WUSR)?;
    }
    Ok(true)
}

/// Whether a shim holds the directory. A directory without a lock file never had one.
pub(super) fn is_held(dir: &Path) -> io::Result<bool> {
    let lock = match rustix::fs::open(dir.join(LOCK_FILE), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(lock) => lock,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    // Let go again at once, with the descriptor.
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}

/// Proves the agent of a lost shim dead, and what is known to belong to it.
pub(super) async fn clear_lost(identity: Option<ShimIdentity>) -> Lost {
    let Some(identity) = identity else { return Lost::default() };
    let known = identity.clone();
    let agent = known.agent.clone();
    off_thread("clear", move || clear(identity)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot clear what a lost shim left behind");
        let remained = Some(agent.pid).filter(|_| agent.is_alive()).into_iter().collect();
        Lost { ran: true, identity: Some(known), hit: Vec::new(), remained }
    })
}

fn clear(identity: ShimIdentity) -> Lost {
    let same_boot = identity.agent.boot_id == crate::boot_id();
    let group = identity.cgroup.clone().filter(|_| same_boot);
    let mut roots: Vec<PidRef> = group.as_deref().map(cgroup::members).unwrap_or_default();
    if !roots.contains(&identity.agent) {
        roots.push(identity.agent.clone());
    }
    let report = sweep(&roots);
    let mut hit = report.killed;
    if let Some(group) = group {
        cgroup::kill(&group, &mut hit);
        cgroup::remove(&group);
    }
    Lost { ran: true, identity: Some(identity), hit, remained: report.remained }
}

/// Connects to a shim that is known to have started and starts the task that keeps
/// it connected. If it has ended meanwhile, the handle says so from the start.
pub(super) async fn connect(dir: &Path, identity: ShimIdentity) -> Result<Shim, AttachError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match greet(dir).await {
            Ok((_, welcome)) if welcome.protocol > protocol::VERSION => {
                return Err(AttachError::Newer { dir: dir.to_path_buf(), protocol: welcome.protocol });
            }
            Ok((stream, welcome)) => {
                let (shim, link) = Link::new(dir, identity, ShimStatus::of(&welcome));
                link.outbox.restart(welcome.applied, welcome.open);
                tokio::spawn(link.run(stream));
                return Ok(shim);
            }
            Err(source) => {
                let (shim, link) = Link::new(dir, identity.clone(), ShimStatus::default());
                if link.find_end().await {
                    link.outbox.set_gone();
                    return Ok(shim);
                }
                if Instant::now() >= end {
                    return Err(AttachError::Deaf { dir: dir.to_path_buf(), source });
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// Connects once and exchanges greetings.
pub(super) async fn greet(dir: &Path) -> io::Result<(UnixStream, Welcome)> {
    let mut stream = open_socket(dir)?;
    let hello = json_frame(Kind::Hello, &Hello { protocol: protocol::VERSION })?;
    let answer = timeout(GREETING, async {
        stream.write_all(&hello).await?;
        read_frame(&mut stream).await
    });
    let (kind, payload) = answer.await??;
    if kind != Kind::Welcome as u8 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not answer with a welcome"));
    }
    Ok((stream, serde_json::from_slice(&payload)?))
}

/// Connects through a descriptor of the directory, so that the length of its path
/// does not matter.
fn open_socket(dir: &Path) -> io::Result<UnixStream> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, dir, flags, Mode::empty())?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET_FILE}", dir.as_raw_fd()))?;
    rustix::net::connect(&socket, &address)?;
    UnixStream::from_std(socket.into())
}
